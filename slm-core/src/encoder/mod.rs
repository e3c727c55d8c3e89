//! Speech encoders: features to hidden states, with a CTC head that labels frames where a checkpoint has one.
//!
//! All but [`whisper`] are Conformers of the same parts, which [`conformer`] holds, one file each. A family is its config, its way in,
//! and the names in its files: [`parakeet`], [`wav2vec2`], [`lasr`], [`granite`], [`granite5`]. [`ctc_layers`] stands on one
//! of the others. [`SpeechEncoder`] is any of
//! them, [`family`] the table of them, and [`EncoderSizes`] what can be said of one before its weights are read.

mod activation;
pub mod conformer;
pub mod ctc_layers;
mod error;
pub mod family;
pub mod granite;
pub mod granite5;
mod head;
pub mod lasr;
mod model;
pub mod parakeet;
mod side_by_side;
mod speech_encoder;
pub mod wav2vec2;
pub mod whisper;

pub use ctc_layers::{CtcLayers, CtcLayersConfig};
pub use error::EncoderError;
pub use family::{Family, family_of, labels, model_types, sizes};
pub use granite::GraniteSpeech;
pub use granite5::GraniteSpeech5;
pub use lasr::Lasr;
pub use model::{EncoderSizes, Spelling};
pub use parakeet::{Parakeet, ParakeetConfig};
pub use side_by_side::layers_problem;
pub use speech_encoder::{SpeechEncoder, WithCtcLayers};
pub use wav2vec2::{Wav2Vec2Bert, Wav2Vec2Conformer};
pub use whisper::WhisperEncoder;
