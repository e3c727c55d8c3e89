//! Sizes of Gemma 3's text model, as `config.json` of a `gemma3_text` folder has them.
//!
//! Source: transformers 5.23.0, `Gemma3TextConfig`.

use super::config::StackConfig;
use crate::llm::model::{Architecture, LlmSizes, decoder_bytes};
use crate::llm::token_ids::TokenIds;
use crate::nn::blocks::score_values;

/// The `model_type`s of this family.
pub(in crate::llm) const MODEL_TYPES: &[&str] = &["gemma3_text"];

/// Sizes of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct GemmaTextConfig {
    /// The layers.
    pub stack: StackConfig,
    /// Whether positions see later ones, which this model does not do.
    pub(super) is_bidirectional: bool,
    /// Whether head and embedding are one matrix.
    pub tie_word_embeddings: bool,
    /// Special ids.
    pub ids: TokenIds,
    /// The ids that end a text, one or more.
    pub ends: Vec<u32>,
}

impl GemmaTextConfig {
    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.stack.add_problems("", &mut problems);
        if self.is_bidirectional {
            problems.push("`use_bidirectional_attention` is true, must be false".to_owned());
        }
        let rows = self.stack.vocab_size;
        problems.extend(self.ids.problems(rows, "bos_token_id"));
        let beyond = self.ends.iter().skip(1).filter(|id| **id as usize >= rows);
        problems.extend(beyond.map(|id| format!("`eos_token_id` {id}, vocabulary has {rows}")));
        problems
    }
}

impl LlmSizes for GemmaTextConfig {
    fn architecture(&self) -> Architecture {
        Architecture::DecoderOnly
    }

    fn d_model(&self) -> usize {
        self.stack.hidden_size
    }

    fn vocab_size(&self) -> usize {
        self.stack.vocab_size
    }

    fn ids(&self) -> TokenIds {
        self.ids
    }

    fn ends(&self) -> &[u32] {
        &self.ends
    }

    fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        let StackConfig { hidden_size, intermediate_size, num_attention_heads, head_dim, .. } = self.stack;
        let positions = rows * source;
        let inner = num_attention_heads * head_dim;
        let scores = score_values(source, rows * num_attention_heads * source);
        let stream = positions * (4 * hidden_size + (4 * inner).max(3 * intermediate_size));
        // Two tables of what is visible, and the scores of a block.
        let reading = ((stream + 5 * scores + 4 * source * source) * size_of::<f32>()) as u64;
        // The prompt's keys and values are in the decoder's own cache.
        let keys_width = self.stack.num_key_value_heads * head_dim;
        let layers = self.stack.num_hidden_layers;
        reading + decoder_bytes(rows, 0, source + target, layers, keys_width, self.stack.vocab_size)
    }
}
