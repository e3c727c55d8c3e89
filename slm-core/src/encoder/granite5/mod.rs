//! Granite Speech 5: a Conformer that halves its own rate, with a CTC head that it hears itself in the middle.

pub mod config;
pub mod model;

pub use config::{GraniteSpeech5Config, GraniteSpeech5EncoderConfig};
pub use model::GraniteSpeech5;

pub(super) use config::MODEL_TYPES;
