//! Canary: a config of its own for the decoder, the names of transformers, computed positions.
//!
//! Source: transformers 5.23.0, `models/canary/configuration_canary.py`. Unknown keys of a file are ignored.

use serde::Deserialize;

use super::config::{PositionTable, SpeechDecoderConfig};
use super::names::Renamed;
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::llm::token_ids::OneOrMany;

/// The `model_type` of these folders.
pub const MODEL_TYPE: &str = "canary";

/// The names of its tensors.
pub(super) const RENAMED: Renamed = &[
    ("stack.", "decoder."),
    (".out_proj.", ".o_proj."),
    (".self_attn_layer_norm.", ".input_layernorm."),
    (".encoder_attn_layer_norm.", ".post_attention_layernorm."),
    (".final_layer_norm.", ".final_layernorm."),
    (".fc1.", ".mlp.fc1."),
    (".fc2.", ".mlp.fc2."),
    ("head_bias", "proj_out.bias"),
    ("head.", "proj_out."),
];

/// What `config.json` says.
#[derive(Deserialize)]
#[serde(default)]
struct File {
    encoder_config: Encoder,
    decoder_config: Decoder,
    vocab_size: usize,
    tie_word_embeddings: bool,
    pad_token_id: u32,
    eos_token_id: OneOrMany,
}

/// What is read of the encoder's sizes.
#[derive(Deserialize)]
#[serde(default)]
struct Encoder {
    hidden_size: usize,
}

#[derive(Deserialize)]
#[serde(default)]
struct Decoder {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    head_dim: usize,
    intermediate_size: usize,
    hidden_act: String,
    attention_bias: bool,
    vocab_size: usize,
    max_position_embeddings: usize,
}

impl Default for File {
    fn default() -> Self {
        Self {
            encoder_config: Encoder::default(),
            decoder_config: Decoder::default(),
            vocab_size: 16_384,
            tie_word_embeddings: true,
            pad_token_id: 2,
            eos_token_id: OneOrMany::One(3),
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self { hidden_size: 1024 }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            hidden_size: 1024,
            num_hidden_layers: 8,
            num_attention_heads: 8,
            head_dim: 128,
            intermediate_size: 4096,
            hidden_act: "relu".into(),
            attention_bias: true,
            vocab_size: 16_384,
            max_position_embeddings: 1024,
        }
    }
}

impl File {
    fn problems(&self) -> Vec<String> {
        let (whole, decoder) = (self.vocab_size, self.decoder_config.vocab_size);
        let differ = (whole != decoder)
            .then(|| format!("`vocab_size` is {whole}, `decoder_config.vocab_size` is {decoder}"));
        differ.into_iter().collect()
    }
}

/// Reads the config of a checkpoint.
pub(super) fn config(checkpoint: &Checkpoint) -> Result<SpeechDecoderConfig, JsonError> {
    let file: File = checkpoint.json(CONFIG_FILE)?;
    let file = json::checked(file, &checkpoint.path_of(CONFIG_FILE), File::problems)?;
    let decoder = file.decoder_config;
    Ok(SpeechDecoderConfig {
        width: decoder.hidden_size,
        source_width: file.encoder_config.hidden_size,
        has_projection: false,
        layers: decoder.num_hidden_layers,
        heads: decoder.num_attention_heads,
        head_dim: decoder.head_dim,
        inner_width: decoder.intermediate_size,
        activation: decoder.hidden_act,
        attention_bias: decoder.attention_bias,
        vocab_size: file.vocab_size,
        max_positions: decoder.max_position_embeddings,
        positions: PositionTable::Computed,
        tie_word_embeddings: file.tie_word_embeddings,
        pad: file.pad_token_id,
        ends: file.eos_token_id.ids().to_vec(),
        before: "decoder_config.",
    })
}
