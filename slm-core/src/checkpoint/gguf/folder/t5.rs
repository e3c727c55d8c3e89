//! T5 with encoder and decoder.

use serde_json::{Map, Value, json};

use super::fields::{Fields, HEAD, object};
use super::names::{Names, Parts};

/// From this distance on all positions share a bucket; the file does not tell it.
const MAX_DISTANCE: u64 = 128;

const WHOLE: &Parts = &[
    ("token_embd", "shared"),
    ("enc.output_norm", "encoder.final_layer_norm"),
    ("dec.output_norm", "decoder.final_layer_norm"),
    ("output", "lm_head"),
];

/// The parts of a layer; the numbers are those of transformers' sublayers.
const ENCODER: &Parts = &[
    ("attn_q", "layer.0.SelfAttention.q"),
    ("attn_k", "layer.0.SelfAttention.k"),
    ("attn_v", "layer.0.SelfAttention.v"),
    ("attn_o", "layer.0.SelfAttention.o"),
    ("attn_rel_b", "layer.0.SelfAttention.relative_attention_bias"),
    ("attn_norm", "layer.0.layer_norm"),
    ("ffn_gate", "layer.1.DenseReluDense.wi_0"),
    ("ffn_up", "layer.1.DenseReluDense.wi_1"),
    ("ffn_down", "layer.1.DenseReluDense.wo"),
    ("ffn_norm", "layer.1.layer_norm"),
];

const DECODER: &Parts = &[
    ("attn_q", "layer.0.SelfAttention.q"),
    ("attn_k", "layer.0.SelfAttention.k"),
    ("attn_v", "layer.0.SelfAttention.v"),
    ("attn_o", "layer.0.SelfAttention.o"),
    ("attn_rel_b", "layer.0.SelfAttention.relative_attention_bias"),
    ("attn_norm", "layer.0.layer_norm"),
    ("cross_attn_q", "layer.1.EncDecAttention.q"),
    ("cross_attn_k", "layer.1.EncDecAttention.k"),
    ("cross_attn_v", "layer.1.EncDecAttention.v"),
    ("cross_attn_o", "layer.1.EncDecAttention.o"),
    ("cross_attn_rel_b", "layer.1.EncDecAttention.relative_attention_bias"),
    ("cross_attn_norm", "layer.1.layer_norm"),
    ("ffn_gate", "layer.2.DenseReluDense.wi_0"),
    ("ffn_up", "layer.2.DenseReluDense.wi_1"),
    ("ffn_down", "layer.2.DenseReluDense.wo"),
    ("ffn_norm", "layer.2.layer_norm"),
];

/// A matrix of a gated feed-forward layer, in every layer or in none.
const GATE: &str = "enc.blk.0.ffn_gate.weight";

/// The name that transformers has for a tensor. Without a gate there is one inner matrix, whose name has no number.
pub(super) fn name_of(fields: &Fields<'_>, name: &str) -> Option<String> {
    let encoder = Names { whole: WHOLE, layer: ("enc.blk.", "encoder.block."), parts: ENCODER };
    let decoder = Names { whole: WHOLE, layer: ("dec.blk.", "decoder.block."), parts: DECODER };
    let found = encoder.translated(name).or_else(|| decoder.translated(name))?;
    Some(if fields.has_tensor(GATE) { found } else { found.replace(".wi_1.", ".wi.") })
}

/// What `t5` says, or `umt5`, whose layers have distances of their own.
pub(super) fn config(fields: &mut Fields<'_>) -> Map<String, Value> {
    let (hidden, heads) = (fields.count("embedding_length"), fields.count("attention.head_count"));
    let layers = fields.layers("block_count");
    let decoder_layers = if fields.count_if("decoder_block_count").is_some() {
        fields.layers("decoder_block_count")
    } else {
        layers
    };
    let model_type = if fields.has_tensor("enc.blk.1.attn_rel_b.weight") { "umt5" } else { "t5" };
    let is_gated = fields.has_tensor(GATE);
    let is_tied = !fields.has_tensor(HEAD);
    let epsilon = fields.float_if("attention.layer_norm_rms_epsilon");
    let mut config = object(json!({
        "model_type": model_type,
        "architectures": [if model_type == "t5" { "T5ForConditionalGeneration" } else { "UMT5ForConditionalGeneration" }],
        "vocab_size": fields.vocabulary(),
        "d_model": hidden,
        "d_kv": fields.count_if("attention.key_length").unwrap_or(hidden / heads),
        "d_ff": fields.count("feed_forward_length"),
        "num_layers": layers,
        "num_decoder_layers": decoder_layers,
        "num_heads": heads,
        "relative_attention_num_buckets": fields.count("attention.relative_buckets_count"),
        "relative_attention_max_distance": MAX_DISTANCE,
        "layer_norm_epsilon": epsilon.unwrap_or_else(|| fields.float("attention.layer_norm_epsilon")),
        "feed_forward_proj": if is_gated { "gated-gelu" } else { "relu" },
        "tie_word_embeddings": is_tied,
        "decoder_start_token_id": fields.count_if("decoder_start_token_id").unwrap_or_default(),
    }));
    fields.add_ids(&mut config);
    config
}
