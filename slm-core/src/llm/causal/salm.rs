//! The language model of NeMo's SALM: the tensors are among those of the whole, the config is that of the model that the whole
//! was made from.
//!
//! Reference: NeMo's `SALM`, which takes the embedding out of the language model and may put PEFT's modules around its linear
//! maps.

use burn::module::Module;

use super::config::CausalConfig;
use super::model::CausalLm;
use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::llm::error::LlmError;
use crate::llm::lora;
use crate::llm::lora::salm::{PREFIX, WRAPPED};
use crate::llm::names::{EMBEDDING, HEAD};
use crate::llm::output_head::OutputHead;
use crate::nn::weights::{self, Placement};

/// The embedding, where it lies.
const TAKEN_OUT: &str = "embed_tokens.weight";

impl CausalLm {
    /// Loads weights out of the folder of a SALM, `whole`, for the config in `origin`; the weights are constants for
    /// autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load_of_salm(
        whole: &Checkpoint,
        origin: &Checkpoint,
        placement: impl Into<Placement>,
    ) -> Result<Self, LlmError> {
        let placement = placement.into();
        let config = CausalConfig::from_checkpoint(origin)?;
        let files = whole.weights()?;
        let is_wrapped = files.names().any(|name| name.starts_with(WRAPPED));
        let prefix = if is_wrapped { WRAPPED } else { PREFIX };
        let name = |path: &str| name_in(&files, prefix, path);
        let (head, embedding) = (name(HEAD), name(EMBEDDING));
        let kind = if config.tie_word_embeddings {
            OutputHead::of(&files, &head, &embedding, true)?
        } else {
            OutputHead::Own
        };
        let model = config.build(kind, placement.device());
        let is_ignored = |name: &str| {
            let is_part = name.starts_with(PREFIX) && !name.contains(".lora_") || name == embedding;
            !is_part || name == head
        };
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }
}

/// The name in `files` of the tensor at `path`.
fn name_in(files: &WeightFiles, prefix: &str, path: &str) -> String {
    if path == EMBEDDING {
        return TAKEN_OUT.to_owned();
    }
    lora::base_name(files, format!("{prefix}{path}"))
}
