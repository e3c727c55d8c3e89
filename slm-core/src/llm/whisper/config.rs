//! Sizes of Whisper's decoder, as `config.json` of a `whisper` folder has them.
//!
//! Source: transformers 5.23.0, `models/whisper/configuration_whisper.py`. Unknown keys of a file are ignored.

use serde::Deserialize;

use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::llm::generation_ids::GenerationIds;
use crate::llm::model::decoder_bytes;
use crate::llm::pre_norm::PreNormConfig;
use crate::llm::token_ids::TokenIds;
use crate::nn::ActivationKind;
use crate::nn::transformer::{AttentionBias, ScaledAttentionConfig};

/// Sizes of the decoder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct WhisperDecoderConfig {
    /// Width `D`, which is that of the states that it reads.
    pub d_model: usize,
    /// Layers.
    pub decoder_layers: usize,
    /// Attention heads, which share the width.
    pub decoder_attention_heads: usize,
    /// Inner width of the feed-forward layers.
    pub decoder_ffn_dim: usize,
    /// Activation of the feed-forward layers, by the name that transformers has for it.
    pub activation_function: String,
    /// Rows `V` of the embedding.
    pub vocab_size: usize,
    /// States of a window of sound.
    pub max_source_positions: usize,
    /// Tokens of a text at most, those that it begins with among them.
    pub max_target_positions: usize,
    /// Whether embeddings are multiplied by the root of the width.
    pub scale_embedding: bool,
    /// Whether head and embedding are one matrix.
    pub tie_word_embeddings: bool,
    /// Width of the median filter over the attention by which times are found, an odd number.
    pub median_filter_width: usize,
    pad_token_id: u32,
    eos_token_id: u32,
    decoder_start_token_id: u32,
    /// The ids that end a text.
    #[serde(skip)]
    ends: Vec<u32>,
}

impl Default for WhisperDecoderConfig {
    fn default() -> Self {
        Self {
            d_model: 384,
            decoder_layers: 4,
            decoder_attention_heads: 6,
            decoder_ffn_dim: 1536,
            activation_function: "gelu".into(),
            vocab_size: 51_865,
            max_source_positions: 1500,
            max_target_positions: 448,
            scale_embedding: false,
            tie_word_embeddings: true,
            median_filter_width: 7,
            pad_token_id: 50_256,
            eos_token_id: 50_256,
            decoder_start_token_id: 50_257,
            ends: Vec::new(),
        }
    }
}

impl WhisperDecoderConfig {
    /// Reads `config.json` of a checkpoint of type `whisper`, and the ids of its `generation_config.json`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if a file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let config: Self = checkpoint.json(CONFIG_FILE)?;
        let mut config = json::checked(config, &checkpoint.path_of(CONFIG_FILE), Self::problems)?;
        let (mut ids, mut ends) = (config.ids(), vec![config.eos_token_id]);
        GenerationIds::from_checkpoint(checkpoint, config.vocab_size)?.overrule(&mut ids, &mut ends);
        config.pad_token_id = ids.pad;
        config.decoder_start_token_id = ids.decoder_start;
        config.ends = ends;
        Ok(config)
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = [
            ("d_model", self.d_model),
            ("decoder_layers", self.decoder_layers),
            ("decoder_attention_heads", self.decoder_attention_heads),
            ("decoder_ffn_dim", self.decoder_ffn_dim),
            ("vocab_size", self.vocab_size),
            ("max_source_positions", self.max_source_positions),
            ("max_target_positions", self.max_target_positions),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(name, _)| format!("`{name}` is 0"))
        .collect();
        let (width, heads) = (self.d_model, self.decoder_attention_heads);
        if !width.is_multiple_of(heads.max(1)) {
            problems
                .push(format!("`d_model` is {width}, not a multiple of `decoder_attention_heads` {heads}"));
        }
        if ActivationKind::parse(&self.activation_function).is_none() {
            problems
                .push(format!("`activation_function` is `{}`, which is not known", self.activation_function));
        }
        if self.median_filter_width.is_multiple_of(2) {
            problems.push(format!("`median_filter_width` is {}, not odd", self.median_filter_width));
        }
        problems.extend(self.ids().problems(self.vocab_size, "decoder_start_token_id"));
        problems
    }

    /// Special ids.
    pub fn ids(&self) -> TokenIds {
        TokenIds {
            pad: self.pad_token_id,
            eos: self.eos_token_id,
            decoder_start: self.decoder_start_token_id,
        }
    }

    /// The ids that end a text, one at least.
    pub fn ends(&self) -> &[u32] {
        if self.ends.is_empty() { std::slice::from_ref(&self.eos_token_id) } else { &self.ends }
    }

    /// What a layer is made of.
    pub(super) fn layer(&self) -> PreNormConfig {
        let (width, num_heads) = (self.d_model, self.decoder_attention_heads);
        let bias = AttentionBias::AllButKeys;
        PreNormConfig {
            attention: ScaledAttentionConfig { width, num_heads, head_dim: width / num_heads.max(1), bias },
            inner_width: self.decoder_ffn_dim,
            activation: self.activation(),
        }
    }

    /// Activation of the feed-forward layers; GELU for a name that [`Self::problems`] refuses.
    pub fn activation(&self) -> ActivationKind {
        ActivationKind::parse(&self.activation_function).unwrap_or(ActivationKind::Gelu)
    }

    /// An estimate of the bytes that [reading](super::WhisperDecoder::trace) a text of `length` tokens again beside `source`
    /// states holds at the peak, weights aside, where the attention of `heads` heads is looked at.
    fn trace_bytes(&self, source: usize, length: usize, heads: usize) -> u64 {
        let length = length.min(self.max_target_positions);
        // Logits, what they are as log-probabilities, and one more while these are computed.
        let logits = 3 * length * self.vocab_size;
        // Of a layer all heads before and after the softmax, of `heads` what is kept, joined and on the host.
        let attention = (2 * self.decoder_attention_heads + 3 * heads) * length * source;
        // Keys and values of the sound, of a layer at a time.
        let states = 2 * source * self.d_model + length * self.decoder_ffn_dim;
        ((logits + attention + states) * size_of::<f32>()) as u64
    }

    /// An estimate of the bytes of writing in `rows` rows, beams included, beside `source` states each, weights aside. When
    /// the search has ended a row at a time is read again, with the attention of `heads` heads.
    pub fn writing_bytes(&self, rows: usize, source: usize, heads: usize) -> u64 {
        let length = self.max_target_positions;
        self.working_bytes(rows, source, length).max(self.trace_bytes(source, length, heads))
    }

    /// An estimate of the bytes that writing up to `target` tokens in `rows` rows, beams included, beside `source` states
    /// each holds at the peak, weights aside.
    pub fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        let target = target.min(self.max_target_positions);
        decoder_bytes(rows, source, target, self.decoder_layers, self.d_model, self.vocab_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_a_text_again_takes_its_logits_and_the_attention_of_its_heads() {
        let base = WhisperDecoderConfig { d_model: 512, decoder_attention_heads: 8, ..Default::default() };
        let (logits, map) = (448 * 51_865 * 4, 448 * 1500 * 4);
        let none = base.trace_bytes(1500, 448, 0);
        assert!(none > 2 * logits && none < 4 * logits, "{none}");
        assert_eq!(base.trace_bytes(1500, 448, 8) - none, 8 * 3 * map);
        // One row is read again, whatever was written together.
        assert_eq!(base.writing_bytes(1, 1500, 8), base.trace_bytes(1500, 448, 8));
        assert!(base.writing_bytes(64, 1500, 8) > base.writing_bytes(1, 1500, 8));
        // A text is no longer than the table of positions.
        assert_eq!(base.trace_bytes(1500, 1000, 8), base.trace_bytes(1500, 448, 8));
    }

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers_and_what_is_wrong_is_named() {
        let config: WhisperDecoderConfig = serde_json::from_str("{}").unwrap();
        assert!(config.problems().is_empty());
        assert_eq!((config.ends(), config.ids().decoder_start), (&[50_256][..], 50_257));
        let text = r#"{"decoder_layers": 0, "decoder_attention_heads": 5, "vocab_size": 50257, "activation_function": "?"}"#;
        let problems = serde_json::from_str::<WhisperDecoderConfig>(text).unwrap().problems();
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
