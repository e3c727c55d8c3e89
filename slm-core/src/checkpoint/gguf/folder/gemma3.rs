//! Gemma 3, its text part.

use serde_json::{Map, Value, json};

use super::change::Change;
use super::decoder::{LAYER, WHOLE, sizes};
use super::fields::{Fields, object};
use super::names::{Names, Parts};
use super::rope;

/// Of so many layers, the last one sees all positions.
const PATTERN: u64 = 6;
/// The base of rotary positions in the others.
const LOCAL_BASE: f64 = 10_000.0;
/// Layers of the largest model, whose attention is scaled by the width of the states and not by that of the heads.
const LARGEST: u64 = 62;

const PARTS: &Parts = &[
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("post_attention_norm", "post_attention_layernorm"),
    ("ffn_norm", "pre_feedforward_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
];

/// The name that transformers has for a tensor.
pub(super) fn name_of(_: &Fields<'_>, name: &str) -> Option<String> {
    Names { whole: WHOLE, layer: LAYER, parts: PARTS }.translated(name)
}

/// Norms are stored as what they multiply by.
pub(super) fn change(_: &mut Fields<'_>, name: &str) -> Change {
    if name.ends_with("norm.weight") { Change::OneMore } else { Change::None }
}

/// What `gemma3_text` says. The file does not hold the scale of attention.
pub(super) fn config(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut config = sizes(fields);
    let number = |name: &str| config.get(name).and_then(Value::as_u64).unwrap_or(1).max(1);
    let (layers, width) = (number("num_hidden_layers"), number("head_dim"));
    let scaled_by =
        if layers == LARGEST { number("hidden_size") / number("num_attention_heads") } else { width };
    let pattern = fields.count_if("attention.sliding_window_pattern").unwrap_or(PATTERN).max(1);
    let kind =
        |layer: u64| if (layer + 1).is_multiple_of(pattern) { "full_attention" } else { "sliding_attention" };
    let local = fields.float_if("rope.freq_base_swa").unwrap_or(LOCAL_BASE);
    config.extend(object(json!({
        "model_type": "gemma3_text",
        "architectures": ["Gemma3ForCausalLM"],
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": scaled_by,
        "sliding_window": fields.count("attention.sliding_window"),
        "layer_types": (0..layers).map(kind).collect::<Vec<_>>(),
        "rope_parameters": {
            "full_attention": rope::parameters(fields, width),
            "sliding_attention": { "rope_type": "default", "rope_theta": local },
        },
    })));
    if let Some(cap) = fields.float_if("final_logit_softcapping") {
        config.insert("final_logit_softcapping".to_owned(), cap.into());
    }
    config
}
