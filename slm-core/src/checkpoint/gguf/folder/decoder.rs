//! Models that are a decoder alone: `llama` (and with it Mistral and SmolLM), `qwen2`, `qwen3`, `granite`.

use serde_json::{Map, Value, json};

use super::change::Change;
use super::fields::{Fields, HEAD, object};
use super::names::{Names, Parts};
use super::rope;
use crate::checkpoint::gguf::FieldProblem;

pub(super) const WHOLE: &Parts =
    &[("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head")];
pub(super) const LAYER: (&str, &str) = ("blk.", "model.layers.");

const PARTS: &Parts = &[
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

const NAMES: Names = Names { whole: WHOLE, layer: LAYER, parts: PARTS };

/// The name that transformers has for a tensor.
pub(super) fn name_of(_: &Fields<'_>, name: &str) -> Option<String> {
    NAMES.translated(name)
}

/// The name in a file for the tensor that transformers calls `name`.
pub(super) fn stored_name(name: &str) -> Option<String> {
    NAMES.stored(name)
}

/// What is done to the tensor `name` of a file of the kind `architecture` with so many heads of queries and of keys.
pub(super) fn change(architecture: &str, name: &str, [queries, keys]: [usize; 2]) -> Change {
    let is_paired = matches!(architecture, "llama" | "granite");
    match () {
        () if is_paired && name.contains(".attn_q.") => Change::Paired(queries),
        () if is_paired && name.contains(".attn_k.") => Change::Paired(keys),
        () => Change::None,
    }
}

/// Rows of queries and keys are in pairs, and so are their biases.
pub(super) fn paired_rows(fields: &mut Fields<'_>, name: &str) -> Change {
    let is = |part: &str| name.starts_with("blk.") && name.contains(part);
    if !is(".attn_q.") && !is(".attn_k.") {
        return Change::None;
    }
    let heads = fields.count("attention.head_count");
    let heads =
        if is(".attn_k.") { fields.count_if("attention.head_count_kv").unwrap_or(heads) } else { heads };
    Change::Paired(usize::try_from(heads).unwrap_or_default())
}

/// What `llama` says; so do Mistral and SmolLM.
pub(super) fn llama(fields: &mut Fields<'_>) -> Map<String, Value> {
    if let Some(experts @ 1..) = fields.count_if("expert_count") {
        let key = fields.key("expert_count");
        fields.problem(FieldProblem::value(&key, experts, "no mixture of experts"));
    }
    let mut config = config(fields, "llama", "LlamaForCausalLM");
    add_biases(fields, &mut config);
    config
}

/// What `qwen2` says; its biases are always those of queries, keys and values.
pub(super) fn qwen2(fields: &mut Fields<'_>) -> Map<String, Value> {
    config(fields, "qwen2", "Qwen2ForCausalLM")
}

/// What `qwen3` says.
pub(super) fn qwen3(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut config = config(fields, "qwen3", "Qwen3ForCausalLM");
    config.insert("attention_bias".to_owned(), fields.has_tensor("blk.0.attn_q.bias").into());
    config
}

/// What `granite` says: Llama with four multipliers.
pub(super) fn granite(fields: &mut Fields<'_>) -> Map<String, Value> {
    // llama.cpp turns rotary positions off by this key.
    if fields.flag_if("rope.scaling.finetuned") == Some(false) {
        let key = fields.key("rope.scaling.finetuned");
        fields.problem(FieldProblem::value(&key, false, "true, rotary positions"));
    }
    let mut config = config(fields, "granite", "GraniteForCausalLM");
    add_biases(fields, &mut config);
    let width = config.get("head_dim").and_then(Value::as_f64).unwrap_or(1.0);
    let multipliers = [
        ("attention_multiplier", fields.float_if("attention.scale").unwrap_or(width.powf(-0.5))),
        ("embedding_multiplier", fields.float_if("embedding_scale").unwrap_or(1.0)),
        ("residual_multiplier", fields.float_if("residual_scale").unwrap_or(1.0)),
        ("logits_scaling", fields.float("logit_scale")),
    ];
    config.extend(multipliers.map(|(name, value)| (name.to_owned(), value.into())));
    config
}

/// Whether the maps of attention and feed-forward layers have biases, by what the first layer has.
fn add_biases(fields: &Fields<'_>, config: &mut Map<String, Value>) {
    for (name, tensor) in [("attention_bias", "blk.0.attn_q.bias"), ("mlp_bias", "blk.0.ffn_gate.bias")] {
        config.insert(name.to_owned(), fields.has_tensor(tensor).into());
    }
}

/// What all of them say.
fn config(fields: &mut Fields<'_>, model_type: &str, class: &str) -> Map<String, Value> {
    let mut config = sizes(fields);
    let width = config.get("head_dim").and_then(Value::as_u64).unwrap_or_default();
    config.extend(object(json!({
        "model_type": model_type,
        "architectures": [class],
        "hidden_act": "silu",
        "rope_parameters": rope::parameters(fields, width),
    })));
    config
}

/// Sizes, ids, and whether head and embedding are one matrix.
pub(super) fn sizes(fields: &mut Fields<'_>) -> Map<String, Value> {
    let (hidden, heads) = (fields.count("embedding_length"), fields.count("attention.head_count"));
    let rotary = fields.count_if("rope.dimension_count");
    let width = fields.count_if("attention.key_length").or(rotary).unwrap_or(hidden / heads);
    if let Some(other) = fields.count_if("attention.value_length")
        && other != width
    {
        let key = fields.key("attention.value_length");
        fields.problem(FieldProblem::value(&key, other, format!("{width}, as that of keys")));
    }
    let mut config = object(json!({
        "vocab_size": fields.vocabulary(),
        "hidden_size": hidden,
        "intermediate_size": fields.count("feed_forward_length"),
        "num_hidden_layers": fields.layers("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": fields.count_if("attention.head_count_kv").unwrap_or(heads),
        "head_dim": width,
        "max_position_embeddings": fields.count("context_length"),
        "rms_norm_eps": fields.float("attention.layer_norm_rms_epsilon"),
        "tie_word_embeddings": !fields.has_tensor(HEAD),
    }));
    fields.add_ids(&mut config);
    config
}
