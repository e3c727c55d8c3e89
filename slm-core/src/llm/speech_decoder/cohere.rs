//! Cohere Transcribe: the decoder's fields among those of the model, the names of NeMo, positions from the file.
//!
//! Source: transformers 5.23.0, `models/cohere_asr/configuration_cohere_asr.py` and the names that it translates on
//! loading. Unknown keys of a file are ignored.

use serde::Deserialize;

use super::config::{PositionTable, SpeechDecoderConfig};
use super::names::Renamed;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::llm::token_ids::OneOrMany;

/// The `model_type` of these folders.
pub const MODEL_TYPE: &str = "cohere_asr";

/// The names of its tensors.
pub(super) const RENAMED: Renamed = &[
    ("source_proj.", "encoder_decoder_proj."),
    ("stack.embed_tokens.", "transf_decoder._embedding.token_embedding."),
    ("stack.positions.weight", "transf_decoder._embedding.position_embedding.pos_enc"),
    ("stack.embedding_layernorm.", "transf_decoder._embedding.layer_norm."),
    // Before the last norm of all gets the same name.
    (".final_layer_norm.", ".layer_norm_3."),
    ("stack.norm.", "transf_decoder._decoder.final_layer_norm."),
    (".self_attn_layer_norm.", ".layer_norm_1."),
    (".encoder_attn_layer_norm.", ".layer_norm_2."),
    ("stack.layers.", "transf_decoder._decoder.layers."),
    (".self_attn.", ".first_sub_layer."),
    (".encoder_attn.", ".second_sub_layer."),
    (".q_proj.", ".query_net."),
    (".k_proj.", ".key_net."),
    (".v_proj.", ".value_net."),
    (".out_proj.", ".out_projection."),
    (".fc1.", ".third_sub_layer.dense_in."),
    (".fc2.", ".third_sub_layer.dense_out."),
    ("head_bias", "log_softmax.mlp.layer0.bias"),
    ("head.", "log_softmax.mlp.layer0."),
];

/// What `config.json` says.
#[derive(Deserialize)]
#[serde(default)]
struct File {
    encoder_config: Encoder,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    /// Absent, the heads share the width.
    head_dim: Option<usize>,
    intermediate_size: usize,
    hidden_act: String,
    attention_bias: bool,
    vocab_size: usize,
    max_position_embeddings: usize,
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

impl Default for File {
    fn default() -> Self {
        Self {
            encoder_config: Encoder::default(),
            hidden_size: 1024,
            num_hidden_layers: 8,
            num_attention_heads: 8,
            head_dim: None,
            intermediate_size: 4096,
            hidden_act: "relu".into(),
            attention_bias: true,
            vocab_size: 16_384,
            max_position_embeddings: 1024,
            tie_word_embeddings: false,
            pad_token_id: 2,
            eos_token_id: OneOrMany::One(3),
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self { hidden_size: 1280 }
    }
}

/// Reads the config of a checkpoint.
pub(super) fn config(checkpoint: &Checkpoint) -> Result<SpeechDecoderConfig, JsonError> {
    let file: File = checkpoint.json(CONFIG_FILE)?;
    let shared = file.hidden_size / file.num_attention_heads.max(1);
    Ok(SpeechDecoderConfig {
        width: file.hidden_size,
        source_width: file.encoder_config.hidden_size,
        has_projection: true,
        layers: file.num_hidden_layers,
        heads: file.num_attention_heads,
        head_dim: file.head_dim.unwrap_or(shared),
        inner_width: file.intermediate_size,
        activation: file.hidden_act,
        attention_bias: file.attention_bias,
        vocab_size: file.vocab_size,
        max_positions: file.max_position_embeddings,
        positions: PositionTable::Read,
        tie_word_embeddings: file.tie_word_embeddings,
        pad: file.pad_token_id,
        ends: file.eos_token_id.ids().to_vec(),
        before: "",
    })
}
