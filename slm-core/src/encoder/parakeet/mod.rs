//! Parakeet: NVIDIA's FastConformer encoder with a CTC head, in the layout of Hugging Face.
//!
//! Log-mel frames, [`subsampling`] by 4 or 8, Conformer blocks with positions in the manner of Transformer-XL.

pub mod config;
mod model;
pub mod subsampling;

pub use config::{ParakeetConfig, ParakeetEncoderConfig};
pub use model::Parakeet;
