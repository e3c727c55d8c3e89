//! Sizes of a T5Gemma model, as `config.json` of a `t5gemma` or `t5gemma2` folder has them.
//!
//! Source: transformers 5.23.0, `configuration_t5gemma.py` and `configuration_t5gemma2.py`; older files name some things
//! otherwise (`rope_theta`, `sliding_window_pattern`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use crate::json::{self, JsonError};
use crate::llm::config::ActivationKind;
use crate::llm::language_model::TokenIds;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GemmaVersion {
    /// T5Gemma: of Gemma 2's parts, with a cross-attention; embeddings are scaled inside the stacks.
    One,
    /// T5Gemma 2: of Gemma 3's parts, whose decoder attends to its own positions and to the encoder's at once;
    /// embeddings are scaled when they are looked up.
    Two,
}

/// Which positions a layer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
    full_rope: Rope,
    sliding_rope: Rope,
    rope_types: Vec<String>,
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

    /// The feed-forward layers' activation; the tanh form of GELU where its name is unknown, which the check tells.
    pub fn activation(&self) -> ActivationKind {
        ActivationKind::parse(&self.hidden_activation).unwrap_or(ActivationKind::GeluTanh)
    }

    fn add_problems(&self, name: &str, problems: &mut Vec<String>) {
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
                problems.push(format!("`{name}.{field}` is 0"));
            }
        }
        if self.num_key_value_heads > 0 && !self.num_attention_heads.is_multiple_of(self.num_key_value_heads)
        {
            problems.push(format!(
                "`{name}.num_key_value_heads`: {} does not divide `num_attention_heads` {}",
                self.num_key_value_heads, self.num_attention_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            problems.push(format!("`{name}.head_dim` {} is odd", self.head_dim));
        }
        if self.layer_types.len() != self.num_hidden_layers {
            problems.push(format!(
                "`{name}.layer_types` has {} entries, `num_hidden_layers` is {}",
                self.layer_types.len(),
                self.num_hidden_layers
            ));
        }
        if ActivationKind::parse(&self.hidden_activation).is_none() {
            problems.push(format!("`{name}.hidden_activation` `{}` is unknown", self.hidden_activation));
        }
        for kind in self.rope_types.iter().filter(|kind| !["default", "linear"].contains(&kind.as_str())) {
            problems
                .push(format!("`{name}` has rotary positions of type `{kind}`, known are default, linear"));
        }
        for (field, value) in [
            ("query_pre_attn_scalar", self.query_pre_attn_scalar),
            ("rope_theta", self.full_rope.theta),
            ("rope factor", self.full_rope.factor),
        ] {
            if !(value.is_finite() && value > 0.0) {
                problems.push(format!("`{name}.{field}` {value} is not a positive number"));
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
    /// Reads and checks `config.json` in `dir`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        let path = dir.join("config.json");
        let raw: RawConfig = json::read(&path)?;
        json::checked(raw.resolve(), &path, Self::problems)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.encoder.add_problems("encoder", &mut problems);
        self.decoder.add_problems("decoder", &mut problems);
        let rows = self.decoder.vocab_size;
        problems.extend(self.ids.problems(rows));
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

/// `config.json`, as it lies.
#[derive(Deserialize)]
struct RawConfig {
    model_type: String,
    encoder: RawEncoder,
    decoder: RawStack,
    #[serde(default = "yes")]
    tie_word_embeddings: bool,
    eoi_token_index: Option<u32>,
}

/// The encoder's part: its sizes, or those under `text_config`.
#[derive(Deserialize)]
struct RawEncoder {
    text_config: Option<RawStack>,
    eoi_token_index: Option<u32>,
    #[serde(flatten)]
    own: RawStack,
}

/// One id or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawIds {
    One(u32),
    Many(Vec<u32>),
}

/// A stack's sizes; what a file lacks has the defaults of its version.
#[derive(Deserialize)]
struct RawStack {
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_activation: Option<String>,
    rms_norm_eps: Option<f64>,
    attention_bias: Option<bool>,
    query_pre_attn_scalar: Option<f64>,
    sliding_window: Option<usize>,
    sliding_window_pattern: Option<usize>,
    layer_types: Option<Vec<LayerType>>,
    #[serde(default)]
    attn_logit_softcapping: RawCap,
    #[serde(default)]
    final_logit_softcapping: RawCap,
    rope_parameters: Option<RawRopes>,
    rope_scaling: Option<RawRope>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    pad_token_id: Option<u32>,
    eos_token_id: Option<RawIds>,
    bos_token_id: Option<u32>,
}

#[derive(Clone, Default, Deserialize)]
struct RawRope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    factor: Option<f64>,
}

/// For all layers, or for each kind of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawRopes {
    Each(BTreeMap<String, Option<RawRope>>),
    All(RawRope),
}

fn yes() -> bool {
    true
}

/// A soft cap: `null` means none, and an absent key the default.
#[derive(Clone, Copy, Default)]
enum RawCap {
    #[default]
    Absent,
    Given(Option<f64>),
}

impl<'de> Deserialize<'de> for RawCap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Given)
    }
}

impl RawCap {
    fn or(self, default: Option<f64>) -> Option<f64> {
        match self {
            Self::Absent => default,
            Self::Given(cap) => cap,
        }
    }
}

impl RawConfig {
    fn resolve(self) -> GemmaConfig {
        let version = if self.model_type == "t5gemma2" { GemmaVersion::Two } else { GemmaVersion::One };
        let ends = match &self.decoder.eos_token_id {
            Some(RawIds::One(id)) => vec![*id],
            Some(RawIds::Many(ids)) if !ids.is_empty() => ids.clone(),
            _ => vec![1],
        };
        let ids = TokenIds {
            pad: self.decoder.pad_token_id.unwrap_or(0),
            eos: ends[0],
            decoder_start: self.decoder.bos_token_id.unwrap_or(2),
        };
        GemmaConfig {
            version,
            eoi_token_index: self.eoi_token_index.or(self.encoder.eoi_token_index).unwrap_or(256_000),
            encoder: self.encoder.text_config.unwrap_or(self.encoder.own).resolve(version),
            decoder: self.decoder.resolve(version),
            tie_word_embeddings: self.tie_word_embeddings,
            ids,
            ends,
        }
    }
}

impl RawStack {
    fn resolve(self, version: GemmaVersion) -> StackConfig {
        // The last layer of each group of this many sees all positions.
        let (pattern, attention_cap, final_cap, theta) = match version {
            GemmaVersion::One => (2, Some(50.0), Some(30.0), 10_000.0),
            GemmaVersion::Two => (6, None, None, 1_000_000.0),
        };
        let layers = self.num_hidden_layers.unwrap_or(26);
        let pattern = self.sliding_window_pattern.unwrap_or(pattern).max(1);
        let kind = |layer: usize| {
            if (layer + 1).is_multiple_of(pattern) { LayerType::Full } else { LayerType::Sliding }
        };
        let rope = |name: &str| match &self.rope_parameters {
            Some(RawRopes::All(rope)) => rope.clone(),
            Some(RawRopes::Each(ropes)) => ropes.get(name).cloned().flatten().unwrap_or_default(),
            None => RawRope::default(),
        };
        let (mut full, sliding) = (rope("full_attention"), rope("sliding_attention"));
        if let Some(scaling) = self.rope_scaling {
            full.rope_type = scaling.rope_type.or(full.rope_type);
            full.factor = scaling.factor.or(full.factor);
        }
        let rope_types = [&full, &sliding].into_iter().filter_map(|rope| rope.rope_type.clone()).collect();
        let factor = |rope: &RawRope| match rope.rope_type.as_deref() {
            Some("linear") => rope.factor.unwrap_or(1.0),
            _ => 1.0,
        };
        let full_rope =
            Rope { theta: full.rope_theta.or(self.rope_theta).unwrap_or(theta), factor: factor(&full) };
        let sliding_rope = match version {
            GemmaVersion::One => full_rope,
            GemmaVersion::Two => Rope {
                theta: sliding.rope_theta.or(self.rope_local_base_freq).unwrap_or(10_000.0),
                factor: factor(&sliding),
            },
        };
        StackConfig {
            version,
            vocab_size: self.vocab_size.unwrap_or(match version {
                GemmaVersion::One => 256_000,
                GemmaVersion::Two => 262_208,
            }),
            hidden_size: self.hidden_size.unwrap_or(2304),
            intermediate_size: self.intermediate_size.unwrap_or(9216),
            num_hidden_layers: layers,
            num_attention_heads: self.num_attention_heads.unwrap_or(8),
            num_key_value_heads: self.num_key_value_heads.unwrap_or(4),
            head_dim: self.head_dim.unwrap_or(256),
            hidden_activation: self.hidden_activation.unwrap_or_else(|| "gelu_pytorch_tanh".into()),
            rms_norm_eps: self.rms_norm_eps.unwrap_or(1e-6),
            attention_bias: self.attention_bias.unwrap_or(false),
            query_pre_attn_scalar: self.query_pre_attn_scalar.unwrap_or(256.0),
            sliding_window: self.sliding_window.unwrap_or(4096),
            layer_types: self.layer_types.unwrap_or_else(|| (0..layers).map(kind).collect()),
            attn_logit_softcapping: self.attn_logit_softcapping.or(attention_cap),
            final_logit_softcapping: self.final_logit_softcapping.or(final_cap),
            full_rope,
            sliding_rope,
            rope_types,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GemmaConfig, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        GemmaConfig::from_dir(dir.path())
    }

    #[test]
    fn old_and_new_keys_and_defaults_of_each_version() {
        let old = r#"{"model_type": "t5gemma", "encoder": {"rope_theta": 500.0, "num_hidden_layers": 3},
            "decoder": {"attn_logit_softcapping": null, "eos_token_id": [1, 107]}}"#;
        let config = read(old).unwrap();
        assert_eq!(config.encoder.rope(LayerType::Sliding), Rope { theta: 500.0, factor: 1.0 });
        assert_eq!(config.encoder.layer_types, [LayerType::Sliding, LayerType::Full, LayerType::Sliding]);
        assert_eq!(config.encoder.attn_logit_softcapping, Some(50.0));
        assert_eq!(config.decoder.attn_logit_softcapping, None);
        assert_eq!(config.decoder.final_logit_softcapping, Some(30.0));
        assert_eq!(config.ids, TokenIds { pad: 0, eos: 1, decoder_start: 2 });
        assert_eq!(config.ends, [1, 107]);

        let new = r#"{"model_type": "t5gemma2", "eoi_token_index": 7, "decoder": {"sliding_window": 5},
            "encoder": {"text_config": {"sliding_window": 5, "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}}}}"#;
        let config = read(new).unwrap();
        assert_eq!(config.version, GemmaVersion::Two);
        assert_eq!(config.encoder.rope(LayerType::Full), Rope { theta: 1e6, factor: 8.0 });
        assert_eq!(config.encoder.rope(LayerType::Sliding), Rope { theta: 1e4, factor: 1.0 });
        assert_eq!(config.encoder.encoder_window(), Window { before: 2, after: 2 });
        assert_eq!(config.eoi_token_index, 7);
        assert_eq!(config.decoder.layer_types.iter().filter(|&&kind| kind == LayerType::Full).count(), 4);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let text = r#"{"model_type": "t5gemma", "encoder": {"num_key_value_heads": 3},
            "decoder": {"hidden_activation": "tanh", "rope_parameters": {"rope_type": "yarn"}}}"#;
        let error = read(text).unwrap_err().to_string();
        for part in ["`encoder.num_key_value_heads`: 3 does not divide", "`tanh` is unknown", "type `yarn`"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
