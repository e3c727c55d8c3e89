//! Speech encoders: features to hidden states, with a CTC head that labels frames where a checkpoint has one.
//!
//! All are Conformers of the same parts, one file each: [`block`]s of [`feed_forward`], [`attention`] with one of the
//! kinds of [`positions`], and [`convolution`]. A family is its config, its way in, and the names in its files:
//! [`parakeet`], [`wav2vec2`], [`lasr`]; [`SpeechEncoder`] is any of them. [`ctc`] holds what a head says and the host-side form of the states.

pub mod attention;
pub mod block;
pub mod convolution;
pub mod ctc;
mod error;
pub mod feed_forward;
pub mod lasr;
pub mod parakeet;
pub mod positions;
mod posteriors;
pub mod span;
mod speech_encoder;
pub mod wav2vec2;

pub use ctc::{CtcFrame, EncodedSpeech, Heard};
pub use error::EncoderError;
pub use lasr::Lasr;
pub use parakeet::{Parakeet, ParakeetConfig};
pub use posteriors::CtcPosteriors;
pub use speech_encoder::{MODEL_TYPES, SpeechEncoder};
pub use wav2vec2::{Wav2Vec2Bert, Wav2Vec2Conformer};
