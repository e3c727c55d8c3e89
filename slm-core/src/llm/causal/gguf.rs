//! What a GGUF file says of a decoder-only model, as far as it is in its config.

use super::config::CausalConfig;
use super::rope::RopeScaling;
use crate::checkpoint::gguf::Decoder;
use crate::nn::rotary::frequencies;

impl CausalConfig {
    /// A file for this model, whose config has this `model_type` and is said to take so many positions; `None` for one that no
    /// file is written for. What the file does not hold is found by reading it again.
    pub(crate) fn gguf(&self, model_type: &str, name: &str, positions: usize) -> Option<Decoder> {
        let mut file = Decoder::new(model_type, name, [self.num_attention_heads, self.num_key_value_heads])?;
        for (key, value) in [
            ("context_length", positions),
            ("embedding_length", self.hidden_size),
            ("block_count", self.num_hidden_layers),
            ("feed_forward_length", self.intermediate_size),
            ("attention.key_length", self.head_dim),
            ("attention.value_length", self.head_dim),
            ("rope.dimension_count", self.head_dim),
            ("vocab_size", self.vocab_size),
        ] {
            file.integer(key, value);
        }
        file.float("attention.layer_norm_rms_epsilon", self.rms_norm_eps);
        file.float("rope.freq_base", self.rope.theta);
        if let RopeScaling::Linear { factor } = self.rope.scaling {
            file.text("rope.scaling.type", "linear");
            file.float("rope.scaling.factor", factor);
        }
        if model_type == "granite" {
            file.float("attention.scale", self.attention_multiplier);
            file.float("embedding_scale", self.embedding_multiplier);
            file.float("residual_scale", self.residual_multiplier);
            file.float("logit_scale", self.logits_scaling);
        }
        Some(file)
    }

    /// The fields in which another config differs.
    #[expect(clippy::float_cmp, reason = "what went through a file is the same or another number")]
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("vocab_size", self.vocab_size == other.vocab_size),
            ("hidden_size", self.hidden_size == other.hidden_size),
            ("intermediate_size", self.intermediate_size == other.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers == other.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads == other.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads == other.num_key_value_heads),
            ("head_dim", self.head_dim == other.head_dim),
            ("hidden_act", self.activation == other.activation),
            ("rms_norm_eps", self.rms_norm_eps == other.rms_norm_eps),
            ("rope_parameters", self.rope == other.rope),
            ("attention_bias", self.biases == other.biases),
            ("q_norm", self.head_norms == other.head_norms),
            ("sliding_window", self.windows == other.windows),
            ("embedding_multiplier", self.embedding_multiplier == other.embedding_multiplier),
            ("residual_multiplier", self.residual_multiplier == other.residual_multiplier),
            ("attention_multiplier", self.attention_multiplier == other.attention_multiplier),
            ("logits_scaling", self.logits_scaling == other.logits_scaling),
            ("tie_word_embeddings", self.tie_word_embeddings == other.tie_word_embeddings),
            ("pad_token_id", self.ids.pad == other.ids.pad),
            ("bos_token_id", self.ids.decoder_start == other.ids.decoder_start),
            ("eos_token_id", sorted(&self.ends) == sorted(&other.ends)),
        ];
        fields.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
    }

    /// What rotary frequencies are divided by, where that is not the same for all.
    pub(crate) fn rope_factors(&self) -> Option<Vec<f32>> {
        matches!(self.rope.scaling, RopeScaling::Llama3 { .. }).then(|| {
            let divided = |frequency: f64| (frequency / self.rope.scaling.stretch(frequency)) as f32;
            frequencies(self.rope.theta, self.head_dim).map(divided).collect()
        })
    }
}

/// Which of the ids that end a text comes first says nothing.
fn sorted(ids: &[u32]) -> Vec<u32> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}
