//! LoRA: a model's linear maps with a product of two thin matrices beside each, `W x + scale * B A x`.
//!
//! Paper: *LoRA*, arXiv 2106.09685; the scale of rsLoRA: arXiv 2312.03732. Reference: PEFT 0.21.2, folders with
//! `adapter_config.json` and `adapter_model.safetensors`. A model [with an adapter](super::LanguageModel::with_lora) has the
//! thin matrices beside its own, which stay the base's, or added to them. [`TrainableLora`] has matrices that are learnt.

mod adapter;
mod config;
mod error;
mod fit;
mod names;
mod pair;
mod patterns;
pub(in crate::llm) mod salm;
mod shape;
mod trainable;

pub use adapter::{Attachment, Lora};
pub use error::{LoraError, LoraProblem};
pub use shape::LoraShape;
pub use trainable::TrainableLora;

pub(super) use names::{base_name, is_part};
