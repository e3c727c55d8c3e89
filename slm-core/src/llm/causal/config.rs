//! Sizes of a decoder-only language model, as `config.json` of a `llama`, `mistral`, `qwen2`, `qwen3` or `granite` folder
//! has them.
//!
//! Source: transformers 5.23.0, `configuration_llama.py` and its kin.

use super::rope::{Rope, positive};
use crate::llm::model::{Architecture, LlmSizes, decoder_bytes};
use crate::llm::token_ids::TokenIds;
use crate::nn::ActivationKind;
use crate::nn::blocks::score_values;

/// The `model_type`s of this family.
pub(in crate::llm) const MODEL_TYPES: &[&str] = &["llama", "mistral", "qwen2", "qwen3", "granite"];

/// Which linear maps have biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Biases {
    /// Those of queries, keys and values.
    pub queries_keys_values: bool,
    /// That behind the attention.
    pub output: bool,
    /// Those of the feed-forward layers.
    pub feed_forward: bool,
}

/// Whether each head's queries and keys are normed before they are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadNorms {
    /// They are not.
    None,
    /// By their root mean square, with a scale a coordinate (Qwen3).
    QueriesAndKeys,
}

/// Sizes of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct CausalConfig {
    /// Rows `V` of the embedding, which may exceed the tokenizer's ids.
    pub vocab_size: usize,
    /// Width `D`.
    pub hidden_size: usize,
    /// Inner width `F` of the feed-forward layers.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads `H` of queries.
    pub num_attention_heads: usize,
    /// Heads `G` of keys and values.
    pub num_key_value_heads: usize,
    /// Width `K` of a head; `H * K` may differ from `D`.
    pub head_dim: usize,
    /// Activation of the feed-forward layers' gate.
    pub activation: ActivationKind,
    /// Epsilon of the norms.
    pub rms_norm_eps: f64,
    /// Rotary positions.
    pub rope: Rope,
    /// Which linear maps have biases.
    pub biases: Biases,
    /// Norms of queries and keys.
    pub head_norms: HeadNorms,
    /// For each layer, how many positions a query sees, itself included; `None` for all before it.
    pub windows: Vec<Option<usize>>,
    /// What embeddings are multiplied by, those of speech among them.
    pub embedding_multiplier: f64,
    /// What the output of each part of a layer is multiplied by before it is added.
    pub residual_multiplier: f64,
    /// What scores are multiplied by.
    pub attention_multiplier: f64,
    /// What logits are divided by.
    pub logits_scaling: f64,
    /// Whether head and embedding are one matrix.
    pub tie_word_embeddings: bool,
    /// Special ids.
    pub ids: TokenIds,
    /// The ids that end a text, one or more.
    pub ends: Vec<u32>,
}

impl CausalConfig {
    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(field, _)| format!("`{field}` is 0"))
        .collect();
        let (heads, groups) = (self.num_attention_heads, self.num_key_value_heads);
        if groups > 0 && !heads.is_multiple_of(groups) {
            problems.push(format!(
                "`num_key_value_heads`: {groups} does not divide `num_attention_heads` {heads}"
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            problems.push(format!("`head_dim` {} is odd", self.head_dim));
        }
        if self.windows.len() != self.num_hidden_layers {
            let (found, layers) = (self.windows.len(), self.num_hidden_layers);
            problems.push(format!("`layer_types` has {found} entries, `num_hidden_layers` is {layers}"));
        }
        if self.windows.contains(&Some(0)) {
            problems.push("`sliding_window` is 0".into());
        }
        problems.extend(positive([
            ("embedding_multiplier", self.embedding_multiplier),
            ("residual_multiplier", self.residual_multiplier),
            ("attention_multiplier", self.attention_multiplier),
            ("logits_scaling", self.logits_scaling),
            ("rms_norm_eps", self.rms_norm_eps),
        ]));
        problems.extend(self.rope.problems());
        problems.extend(self.id_problems());
        problems
    }

    /// The special ids that the vocabulary lacks, one text each.
    fn id_problems(&self) -> Vec<String> {
        let rows = self.vocab_size;
        let Some(&first) = self.ends.first() else {
            return vec!["`eos_token_id` is missing".into()];
        };
        let beyond = self.ends.iter().filter(|id| **id != first && **id as usize >= rows);
        let mut problems = self.ids.problems(rows, "bos_token_id");
        problems.extend(beyond.map(|id| format!("`eos_token_id` {id}, vocabulary has {rows}")));
        problems
    }
}

impl LlmSizes for CausalConfig {
    fn architecture(&self) -> Architecture {
        Architecture::DecoderOnly
    }

    fn d_model(&self) -> usize {
        self.hidden_size
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn ids(&self) -> TokenIds {
        self.ids
    }

    fn ends(&self) -> &[u32] {
        &self.ends
    }

    fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        let positions = rows * source;
        let inner = self.num_attention_heads * self.head_dim;
        let scores = score_values(source, rows * self.num_attention_heads * source);
        let stream = positions * (4 * self.hidden_size + (4 * inner).max(3 * self.intermediate_size));
        let reading = ((stream + 5 * scores + 2 * source * source) * size_of::<f32>()) as u64;
        // The prompt's keys and values are in the decoder's own cache.
        let keys_width = self.num_key_value_heads * self.head_dim;
        let layers = self.num_hidden_layers;
        reading + decoder_bytes(rows, 0, source + target, layers, keys_width, self.vocab_size)
    }
}
