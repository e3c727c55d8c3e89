//! Language models: text (or adapted speech) in, text out.
//!
//! A family is a folder: [`t5`], an encoder-decoder, [`causal`], decoders alone, and [`gemma`], which has both. [`LanguageModel`] is
//! any of them, [`family`] the table of them, and [`LlmSizes`] what can be said of one before its weights are read. What
//! a search runs over is [`Drafts`], whatever the model is made of. Encoder-decoders share the loops of their decoders,
//! and all the [`cache`] of a decoder's keys and values. [`whisper`] and [`speech_decoder`] are decoders of
//! speech models, which read no text.

pub mod cache;
pub mod causal;
mod decoder;
mod decoder_only;
mod drafts;
mod error;
pub mod family;
pub mod gemma;
mod generation_ids;
mod language_model;
pub mod lora;
mod model;
mod names;
mod output_head;
mod pre_norm;
mod prompt_cache;
mod shared_prompt;
pub mod speech_decoder;
pub mod t5;
mod token_ids;
mod visibility;
pub mod whisper;

pub use cache::DecoderCache;
pub use causal::{CausalConfig, CausalLm};
pub use drafts::{DraftState, Drafts};
pub use error::LlmError;
pub use family::{Family, family_of, model_types, sizes};
pub use gemma::{GemmaText, T5Gemma};
pub use language_model::LanguageModel;
pub use lora::{Attachment, Lora, LoraError, LoraShape, TrainableLora};
pub use model::{Architecture, LlmSizes};
pub use output_head::OutputHead;
pub use shared_prompt::SharedPrompt;
pub use speech_decoder::{SpeechDecoder, SpeechDecoderConfig};
pub use t5::{T5, T5Config};
pub use token_ids::TokenIds;
pub use whisper::{Trace, WhisperDecoder};
