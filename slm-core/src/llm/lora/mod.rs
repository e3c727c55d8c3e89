//! LoRA: a model's linear maps with a product of two thin matrices added to each, `W + scale * B A`.
//!
//! Paper: *LoRA*, arXiv 2106.09685; the scale of rsLoRA: arXiv 2312.03732. Reference: PEFT 0.21.2, folders with
//! `adapter_config.json` and `adapter_model.safetensors`. The matrices are added when an adapter is
//! [merged](Lora::merge), so that a merged model costs what the model alone does.

mod adapter;
mod config;
mod error;
mod fit;
mod pair;
pub(in crate::llm) mod salm;

pub use adapter::Lora;
pub use error::{LoraError, LoraProblem};
