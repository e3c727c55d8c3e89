//! Whisper: a decoder that writes beside the sound itself, after a few tokens that say language and task.
//!
//! Paper: *Robust Speech Recognition via Large-Scale Weak Supervision*, arXiv 2212.04356, section 2.3. [`tokens`] has the
//! ids that mean something, [`rules`] what is never written, [`writer`] the way from sound to text, [`heard`] what it
//! says of its own text, for which [`warp`] finds the times of tokens and [`words`] the words that they are; [`doubt`] which texts
//! are decoded again.

mod doubt;
mod heard;
mod load;
mod rules;
mod tokens;
mod warp;
mod words;
mod writer;

pub use rules::{Suppressed, SuppressedAtBegin};
pub use tokens::WhisperTokens;
pub use warp::AttentionMap;
pub use writer::WhisperWriter;

pub(super) use load::load;
pub(super) use tokens::{tasks, working_bytes};
