//! The encoder of Granite Speech: a Conformer that sees blocks of frames and hears its own CTC head in the middle.
//!
//! Paper: *Granite-speech*, arXiv 2505.08699. It lies in the folder of a speech language model, beside a projector and the
//! language model.

pub mod config;
pub mod model;

pub use config::{GraniteSpeechConfig, GraniteSpeechEncoderConfig};
pub use model::GraniteSpeech;

pub(super) use config::MODEL_TYPES;
