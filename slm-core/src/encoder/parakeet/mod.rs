//! Parakeet: NVIDIA's FastConformer encoder with a CTC head, in the layout of Hugging Face.
//!
//! Log-mel frames, [`subsampling`] by 4 or 8, Conformer blocks with positions in the manner of Transformer-XL. USM has the
//! same parts, and attention in chunks ([`UsmSize`]).

pub mod config;
mod model;
pub mod subsampling;
mod usm;

pub use config::{ParakeetConfig, ParakeetEncoderConfig};
pub use model::Parakeet;
pub use usm::UsmSize;
