//! Parakeet: NVIDIA's FastConformer encoder with a CTC head, in the layout of Hugging Face, as a NeMo archive or in a
//! SALM of NeMo.
//!
//! Log-mel frames, [`subsampling`] by 4 or 8, Conformer blocks with positions in the manner of Transformer-XL. USM has the
//! same parts, and attention in chunks ([`UsmSize`]).

pub mod config;
mod model;
mod nemo;
mod nemo_names;
pub mod subsampling;
mod usm;

pub(super) use config::{NEMO, SALM};
pub use config::{ParakeetConfig, ParakeetEncoderConfig};
pub(super) use model::MODEL_TYPES;
pub use model::Parakeet;
pub use usm::UsmSize;
