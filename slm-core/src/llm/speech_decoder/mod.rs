//! Decoders that write beside a recording, after ids that say language and task: those of Canary and Cohere Transcribe.
//!
//! Papers: *Less is More: Accurate Speech Recognition & Translation without Web-Scale Data*, arXiv 2406.19674, and
//! *Attention Is All You Need*, arXiv 1706.03762. Reference: transformers 5.23.0, `modeling_canary.py` and
//! `modeling_cohere_asr.py`. [`config`] has the sizes, [`decoder`] the stack of layers, `model` the whole with its head.
//! A family, `canary` or `cohere`, is its config and the names in its files; `family` is the table of them.

mod canary;
mod cohere;
pub mod config;
pub mod decoder;
mod family;
mod model;
mod names;
mod sinusoids;

pub use canary::MODEL_TYPE as CANARY;
pub use cohere::MODEL_TYPE as COHERE_ASR;
pub use config::{PositionTable, SpeechDecoderConfig};
pub use model::SpeechDecoder;
