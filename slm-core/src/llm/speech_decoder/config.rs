//! Sizes of a decoder, whatever its family calls them.

use crate::llm::model::decoder_bytes;
use crate::llm::pre_norm::PreNormConfig;
use crate::nn::ActivationKind;
use crate::nn::transformer::{AttentionBias, ScaledAttentionConfig};

/// Where the positions come from that are added to embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PositionTable {
    /// They are sines and cosines.
    Computed,
    /// They are in the file.
    Read,
}

/// Sizes of the decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechDecoderConfig {
    /// Width `D`.
    pub width: usize,
    /// Width of the states that it is given.
    pub source_width: usize,
    /// Whether a linear map turns those into its own width.
    pub has_projection: bool,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Inner width of the feed-forward layers.
    pub inner_width: usize,
    /// Activation of the feed-forward layers, by the name that transformers has for it.
    pub activation: String,
    /// Whether the projections of the attentions have biases.
    pub attention_bias: bool,
    /// Rows `V` of the embedding.
    pub vocab_size: usize,
    /// Tokens of a text at most, those that it begins with among them.
    pub max_positions: usize,
    /// Where positions come from.
    pub positions: PositionTable,
    /// Whether head and embedding are one matrix.
    pub tie_word_embeddings: bool,
    /// Padding.
    pub pad: u32,
    /// The ids that end a text, one at least.
    pub ends: Vec<u32>,
    /// What stands before the names of the decoder's fields in the config.
    pub(super) before: &'static str,
}

impl SpeechDecoderConfig {
    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let before = self.before;
        let mut problems: Vec<String> = [
            ("hidden_size", self.width),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("head_dim", self.head_dim),
            ("intermediate_size", self.inner_width),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_positions),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(name, _)| format!("`{before}{name}` is 0"))
        .collect();
        let (width, source) = (self.width, self.source_width);
        if !self.has_projection && width != source {
            problems.push(format!(
                "`{before}hidden_size` is {width}, `encoder_config.hidden_size` is {source}, and nothing is between them"
            ));
        }
        if self.positions == PositionTable::Computed && width % 2 == 1 {
            problems.push(format!("`{before}hidden_size` {width} is odd"));
        }
        if ActivationKind::parse(&self.activation).is_none() {
            problems.push(format!("`{before}hidden_act` is `{}`, which is not known", self.activation));
        }
        let ends = self.ends.iter().map(|&end| ("eos_token_id", end));
        problems.extend(
            [("pad_token_id", self.pad)]
                .into_iter()
                .chain(ends)
                .filter(|(_, id)| *id as usize >= self.vocab_size)
                .map(|(name, id)| format!("`{name}` {id}, vocabulary has {}", self.vocab_size)),
        );
        if self.ends.is_empty() {
            problems.push("`eos_token_id` is an empty list".to_owned());
        }
        problems
    }

    /// What a layer is made of; the activation is ReLU for a name that [`Self::problems`] refuses.
    pub fn layer(&self) -> PreNormConfig {
        let bias = if self.attention_bias { AttentionBias::All } else { AttentionBias::Without };
        PreNormConfig {
            attention: ScaledAttentionConfig {
                width: self.width,
                num_heads: self.heads,
                head_dim: self.head_dim,
                bias,
            },
            inner_width: self.inner_width,
            activation: ActivationKind::parse(&self.activation).unwrap_or(ActivationKind::Relu),
        }
    }

    /// An estimate of the bytes that writing up to `target` tokens in `rows` rows, beams included, beside `source` states
    /// each holds at the peak, weights aside.
    pub fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        let target = target.min(self.max_positions);
        decoder_bytes(rows, source, target, self.layers, self.heads * self.head_dim, self.vocab_size)
    }
}
