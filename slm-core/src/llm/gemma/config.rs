//! Sizes of a T5Gemma model, as `config.json` of a `t5gemma` or `t5gemma2` folder has them.
//!
//! Source: transformers 5.23.0, `configuration_t5gemma.py` and `configuration_t5gemma2.py`; older files name some things
//! otherwise (`rope_theta`, `sliding_window_pattern`).

use serde::Deserialize;

use super::attention::GemmaAttentionConfig;
use super::feed_forward::GemmaFeedForwardConfig;
use super::norm::GemmaNormConfig;
use crate::llm::model::{Architecture, LlmSizes, decoder_bytes};
use crate::llm::token_ids::TokenIds;
use crate::nn::ActivationKind;
use crate::nn::blocks::score_values;

/// The `model_type`s of this family.
pub(in crate::llm) const MODEL_TYPES: &[&str] = &["t5gemma", "t5gemma2"];

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GemmaVersion {
    /// T5Gemma: of Gemma 2's parts, with a cross-attention; embeddings are scaled inside the stacks.
    One,
    /// T5Gemma 2: of Gemma 3's parts, whose decoder attends to its own positions and to the encoder's at once;
    /// embeddings are scaled when they are looked up.
    Two,
}

/// Which positions a layer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum LayerType {
    /// All.
    #[serde(rename = "full_attention")]
    Full,
    /// Those in a window.
    #[serde(rename = "sliding_attention")]
    Sliding,
}

/// Rotary positions of one kind of layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Base of the wavelengths.
    pub theta: f64,
    /// What positions are divided by.
    pub factor: f64,
}

/// How far an encoder's sliding layer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Positions before the query.
    pub before: usize,
    /// Positions after it.
    pub after: usize,
}

/// Sizes of an encoder or a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct StackConfig {
    /// Which of the two versions.
    pub version: GemmaVersion,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width `D`.
    pub hidden_size: usize,
    /// Inner width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads of queries.
    pub num_attention_heads: usize,
    /// Heads of keys and values.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Activation of the feed-forward layers, by its name.
    pub hidden_activation: String,
    /// Epsilon of the norms.
    pub rms_norm_eps: f64,
    /// Whether the projections of attention have biases.
    pub attention_bias: bool,
    /// The number whose root queries are divided by.
    pub query_pre_attn_scalar: f64,
    /// The window of sliding layers.
    pub sliding_window: usize,
    /// The kind of each layer.
    pub layer_types: Vec<LayerType>,
    /// Soft cap of attention scores.
    pub attn_logit_softcapping: Option<f64>,
    /// Soft cap of the logits.
    pub final_logit_softcapping: Option<f64>,
    pub(super) full_rope: Rope,
    pub(super) sliding_rope: Rope,
    pub(super) rope_types: Vec<String>,
}

impl StackConfig {
    /// Rotary positions of a kind of layer.
    pub fn rope(&self, kind: LayerType) -> Rope {
        match kind {
            LayerType::Full => self.full_rope,
            LayerType::Sliding => self.sliding_rope,
        }
    }

    /// How far a sliding layer sees where it is an encoder's: the first version takes the window to each side, the
    /// second divides it.
    pub fn encoder_window(&self) -> Window {
        let window = self.sliding_window;
        match self.version {
            GemmaVersion::One => Window { before: window, after: window },
            GemmaVersion::Two => Window { before: window.div_ceil(2).max(1) - 1, after: window / 2 },
        }
    }

    /// What embeddings are multiplied by.
    pub(super) fn embedding_scale(&self) -> f64 {
        // As the reference has it, which computes the root in f32.
        f64::from((self.hidden_size as f32).sqrt())
    }

    /// A norm of the stream.
    pub fn norm(&self) -> GemmaNormConfig {
        GemmaNormConfig { width: self.hidden_size, epsilon: self.rms_norm_eps }
    }

    /// The feed-forward layer of a layer.
    pub fn feed_forward(&self) -> GemmaFeedForwardConfig {
        let (width, inner_width) = (self.hidden_size, self.intermediate_size);
        GemmaFeedForwardConfig { width, inner_width, activation: self.activation() }
    }

    /// Attention to positions of width `source_width`.
    pub fn attention(&self, source_width: usize) -> GemmaAttentionConfig {
        // The second version has norms in place of the cap, which it does not apply.
        let (softcap, norm_epsilon) = match self.version {
            GemmaVersion::One => (self.attn_logit_softcapping, None),
            GemmaVersion::Two => (None, Some(self.rms_norm_eps)),
        };
        GemmaAttentionConfig {
            width: self.hidden_size,
            source_width,
            num_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            bias: self.attention_bias,
            scale: self.query_pre_attn_scalar.powf(-0.5),
            softcap,
            norm_epsilon,
        }
    }

    /// The feed-forward layers' activation; the tanh form of GELU where its name is unknown, which the check tells.
    pub fn activation(&self) -> ActivationKind {
        ActivationKind::parse(&self.hidden_activation).unwrap_or(ActivationKind::GeluTanh)
    }

    /// The fields that are out of range, one text each; `part` is what their names have before them.
    pub(super) fn add_problems(&self, part: &str, problems: &mut Vec<String>) {
        for (field, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("sliding_window", self.sliding_window),
        ] {
            if value == 0 {
                problems.push(format!("`{part}{field}` is 0"));
            }
        }
        if self.num_key_value_heads > 0 && !self.num_attention_heads.is_multiple_of(self.num_key_value_heads)
        {
            problems.push(format!(
                "`{part}num_key_value_heads`: {} does not divide `num_attention_heads` {}",
                self.num_key_value_heads, self.num_attention_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            problems.push(format!("`{part}head_dim` {} is odd", self.head_dim));
        }
        if self.layer_types.len() != self.num_hidden_layers {
            problems.push(format!(
                "`{part}layer_types` has {} entries, `num_hidden_layers` is {}",
                self.layer_types.len(),
                self.num_hidden_layers
            ));
        }
        if ActivationKind::parse(&self.hidden_activation).is_none() {
            problems.push(format!("`{part}hidden_activation` `{}` is unknown", self.hidden_activation));
        }
        for kind in self.rope_types.iter().filter(|kind| !["default", "linear"].contains(&kind.as_str())) {
            problems.push(format!("`{part}rope_parameters` has type `{kind}`, known are default, linear"));
        }
        for (field, value) in [
            ("query_pre_attn_scalar", self.query_pre_attn_scalar),
            ("rope_theta", self.full_rope.theta),
            ("rope factor", self.full_rope.factor),
        ] {
            if !(value.is_finite() && value > 0.0) {
                problems.push(format!("`{part}{field}` {value} is not a positive number"));
            }
        }
    }
}

/// Sizes of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct GemmaConfig {
    /// Which of the two.
    pub version: GemmaVersion,
    /// The encoder's sizes.
    pub encoder: StackConfig,
    /// The decoder's sizes.
    pub decoder: StackConfig,
    /// Whether the head is the decoder's embedding; in the second version, whether that is the encoder's too.
    pub tie_word_embeddings: bool,
    /// The id that has an embedding of its own, which is not scaled (second version).
    pub eoi_token_index: u32,
    /// Special ids.
    pub ids: TokenIds,
    /// The ids that end a text, one or more.
    pub ends: Vec<u32>,
}

impl GemmaConfig {
    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.encoder.add_problems("encoder.", &mut problems);
        self.decoder.add_problems("decoder.", &mut problems);
        let rows = self.decoder.vocab_size;
        problems.extend(self.ids.problems(rows, "bos_token_id"));
        let beyond = self.ends.iter().skip(1).filter(|id| **id as usize >= rows);
        problems.extend(beyond.map(|id| format!("`eos_token_id` {id}, vocabulary has {rows}")));
        if self.version == GemmaVersion::Two && self.encoder.hidden_size != self.decoder.hidden_size {
            problems.push(format!(
                "`encoder.hidden_size` is {}, `decoder.hidden_size` {}",
                self.encoder.hidden_size, self.decoder.hidden_size
            ));
        }
        problems
    }
}

impl LlmSizes for GemmaConfig {
    fn architecture(&self) -> Architecture {
        Architecture::EncoderDecoder
    }

    fn d_model(&self) -> usize {
        self.encoder.hidden_size
    }

    fn vocab_size(&self) -> usize {
        self.decoder.vocab_size
    }

    fn ids(&self) -> TokenIds {
        self.ids
    }

    fn ends(&self) -> &[u32] {
        &self.ends
    }

    fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        let StackConfig { hidden_size, intermediate_size, num_attention_heads, head_dim, .. } = self.encoder;
        let positions = rows * source;
        let inner = num_attention_heads * head_dim;
        let scores = score_values(source, rows * num_attention_heads * source);
        let stream = positions * (4 * hidden_size + (4 * inner).max(3 * intermediate_size));
        let encoder = ((stream + 5 * scores) * size_of::<f32>()) as u64;
        let decoder = &self.decoder;
        let keys_width = decoder.num_key_value_heads * decoder.head_dim;
        let layers = decoder.num_hidden_layers;
        let decoder = decoder_bytes(rows, source, target, layers, keys_width, decoder.vocab_size);
        (positions * hidden_size * size_of::<f32>()) as u64 + encoder.max(decoder)
    }
}
