//! Parakeet: NVIDIA's FastConformer encoder with a CTC head, in the layout of Hugging Face, as a NeMo archive, in a SALM of
//! NeMo, or inside a model with a decoder.
//!
//! Log-mel frames, [`subsampling`] by 4 or 8, Conformer blocks with positions in the manner of Transformer-XL. USM has the
//! same parts, and attention in chunks ([`UsmSize`]).

pub mod config;
mod model;
mod names;
mod nemo;
mod nemo_names;
pub mod subsampling;
mod usm;
mod whole;

pub(super) use config::{NEMO, SALM};
pub use config::{ParakeetConfig, ParakeetEncoderConfig};
pub(super) use model::MODEL_TYPES;
pub use model::Parakeet;
pub use usm::UsmSize;
