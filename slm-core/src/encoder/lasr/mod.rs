//! LASR: Google's Conformer with a CTC head, in the layout of Hugging Face.
//!
//! Log-mel frames, [`subsampling`] by 4, Conformer blocks with rotary attention and weighted residuals.

pub mod config;
mod model;
pub mod subsampling;

pub use config::{LasrConfig, LasrEncoderConfig};
pub use model::Lasr;
pub(super) use model::MODEL_TYPES;
