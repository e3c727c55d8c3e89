//! Speech encoders: log-mel frames to hidden states, with a CTC head that labels frames.
//!
//! [`parakeet`] is the model; its parts are one file each, in the order of a frame's way:
//! [`subsampling`], then blocks ([`block`]) of [`feed_forward`], relative [`attention`] and
//! [`convolution`]. [`ctc`] reads the head's output.

pub mod attention;
pub mod block;
pub mod config;
pub mod convolution;
pub mod ctc;
pub mod feed_forward;
pub mod parakeet;
pub mod subsampling;

pub use config::ParakeetConfig;
pub use ctc::{CtcFrame, EncodedSpeech};
pub use parakeet::Parakeet;
