//! `config.json` of a decoder-only model as it lies, and the defaults of what it lacks.

use serde::Deserialize;

use super::config::{Biases, CausalConfig, HeadNorms};
use super::rope::{Rope, RopeScaling};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, Nullable};
use crate::llm::generation_ids::GenerationIds;
use crate::llm::token_ids::{OneOrMany, TokenIds};
use crate::nn::ActivationKind;

/// The fields that say with `null` that there is none.
pub(crate) const NULLS: &[&str] = &["sliding_window"];

/// The window of a file that does not speak of one.
const WINDOW: usize = 4096;

impl CausalConfig {
    /// Reads and checks `config.json`, and the ids of `generation_config.json`, which overrule it.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let raw: RawCausalConfig = checkpoint.json_with_nulls(CONFIG_FILE, NULLS)?;
        raw.checked(checkpoint)
    }
}

/// `config.json`, as it lies, or the part of it that is about a language model.
#[derive(Debug, Deserialize)]
pub(crate) struct RawCausalConfig {
    model_type: String,
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_act: Option<String>,
    max_position_embeddings: Option<usize>,
    rms_norm_eps: Option<f64>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    rope_theta: Option<f64>,
    rope_scaling: Option<RawRope>,
    rope_parameters: Option<RawRope>,
    partial_rotary_factor: Option<f64>,
    #[serde(default)]
    sliding_window: Nullable<usize>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    layer_types: Option<Vec<LayerType>>,
    embedding_multiplier: Option<f64>,
    residual_multiplier: Option<f64>,
    attention_multiplier: Option<f64>,
    logits_scaling: Option<f64>,
    tie_word_embeddings: Option<bool>,
    /// Old files say -1 where there is none.
    pad_token_id: Option<i64>,
    bos_token_id: Option<i64>,
    eos_token_id: Option<OneOrMany>,
}

/// Rotary positions.
#[derive(Debug, Clone, Default, Deserialize)]
struct RawRope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    /// What `rope_type` was once called.
    #[serde(rename = "type")]
    old_type: Option<String>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    partial_rotary_factor: Option<f64>,
}

/// The kind of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum LayerType {
    #[serde(rename = "full_attention")]
    Full,
    #[serde(rename = "sliding_attention")]
    Sliding,
}

impl RawCausalConfig {
    /// The same, where what is around it says whether head and embedding are one matrix.
    pub(super) fn with_tied_head(self, is_tied: bool) -> Self {
        Self { tie_word_embeddings: Some(is_tied), ..self }
    }

    /// What it says, checked, with the ids of the checkpoint's `generation_config.json`.
    pub(crate) fn checked(self, checkpoint: &Checkpoint) -> Result<CausalConfig, JsonError> {
        let mut problems = Vec::new();
        let mut config = self.resolve(&mut problems);
        // Where `config.json` names no end, `generation_config.json` may.
        let said = GenerationIds::from_checkpoint(checkpoint, config.vocab_size)?;
        said.overrule(&mut config.ids, &mut config.ends);
        problems.extend(config.problems());
        let path = checkpoint.path_of(CONFIG_FILE);
        if problems.is_empty() { Ok(config) } else { Err(JsonError::Invalid { path, problems }) }
    }

    fn resolve(self, problems: &mut Vec<String>) -> CausalConfig {
        let hidden_size = self.hidden_size.unwrap_or(4096);
        let num_attention_heads = self.num_attention_heads.unwrap_or(32);
        let is = |name: &str| self.model_type == name;
        let head_dim = match self.head_dim {
            Some(width) => width,
            None if is("qwen3") => 128,
            None => hidden_size / num_attention_heads.max(1),
        };
        let layers = self.num_hidden_layers.unwrap_or(32);
        let activation = self.hidden_act.as_deref().unwrap_or("silu");
        if ActivationKind::parse(activation).is_none() {
            problems.push(format!("`hidden_act` `{activation}` is unknown"));
        }
        let of_granite = |value: Option<f64>| value.filter(|_| is("granite"));
        let attention_bias = self.attention_bias.unwrap_or(false);
        CausalConfig {
            vocab_size: self.vocab_size.unwrap_or(if is("qwen2") || is("qwen3") { 151_936 } else { 32_000 }),
            hidden_size,
            intermediate_size: self.intermediate_size.unwrap_or(match self.model_type.as_str() {
                "mistral" => 14_336,
                "qwen2" | "qwen3" => 22_016,
                _ => 11_008,
            }),
            num_hidden_layers: layers,
            num_attention_heads,
            num_key_value_heads: self.num_key_value_heads.unwrap_or(match self.model_type.as_str() {
                "mistral" => 8,
                "qwen2" | "qwen3" => 32,
                _ => num_attention_heads,
            }),
            head_dim,
            activation: ActivationKind::parse(activation).unwrap_or(ActivationKind::Silu),
            rms_norm_eps: self.rms_norm_eps.unwrap_or(1e-6),
            rope: self.rope(problems),
            biases: match self.model_type.as_str() {
                "qwen2" => Biases { queries_keys_values: true, ..Biases::default() },
                "mistral" => Biases::default(),
                "qwen3" => Biases {
                    queries_keys_values: attention_bias,
                    output: attention_bias,
                    feed_forward: false,
                },
                _ => Biases {
                    queries_keys_values: attention_bias,
                    output: attention_bias,
                    feed_forward: self.mlp_bias.unwrap_or(false),
                },
            },
            head_norms: if is("qwen3") { HeadNorms::QueriesAndKeys } else { HeadNorms::None },
            windows: self.windows(layers),
            embedding_multiplier: of_granite(self.embedding_multiplier).unwrap_or(1.0),
            residual_multiplier: of_granite(self.residual_multiplier).unwrap_or(1.0),
            attention_multiplier: if is("granite") {
                self.attention_multiplier.unwrap_or(1.0)
            } else {
                (head_dim as f64).powf(-0.5)
            },
            logits_scaling: of_granite(self.logits_scaling).unwrap_or(1.0),
            tie_word_embeddings: self.tie_word_embeddings.unwrap_or(false),
            ids: self.ids(),
            ends: self.ends(),
        }
    }

    /// The ids that end a text: none where the file does not say and the family has no default.
    fn ends(&self) -> Vec<u32> {
        match &self.eos_token_id {
            Some(ids) => ids.ids().to_vec(),
            None if self.model_type.starts_with("qwen") => Vec::new(),
            None => vec![2],
        }
    }

    fn ids(&self) -> TokenIds {
        let id = |said: Option<i64>| said.and_then(|id| u32::try_from(id).ok());
        let eos = self.ends().first().copied().unwrap_or(0);
        TokenIds {
            pad: id(self.pad_token_id).unwrap_or(eos),
            eos,
            decoder_start: id(self.bos_token_id).unwrap_or(eos),
        }
    }

    fn windows(&self, layers: usize) -> Vec<Option<usize>> {
        let window = self.sliding_window.or(Some(WINDOW));
        match self.model_type.as_str() {
            "mistral" => vec![window; layers],
            "qwen2" | "qwen3" if self.use_sliding_window.unwrap_or(false) => {
                if let Some(types) = &self.layer_types {
                    return types.iter().map(|kind| window.filter(|_| *kind == LayerType::Sliding)).collect();
                }
                let first = self.max_window_layers.unwrap_or(28);
                (0..layers).map(|layer| window.filter(|_| layer >= first)).collect()
            }
            _ => vec![None; layers],
        }
    }

    /// Rotary positions, under their old keys or their new ones; `rope_scaling` counts where both are there.
    fn rope(&self, problems: &mut Vec<String>) -> Rope {
        let raw = self.rope_scaling.as_ref().or(self.rope_parameters.as_ref());
        let raw = raw.cloned().unwrap_or_default();
        let theta = raw.rope_theta.or(self.rope_theta).unwrap_or(10_000.0);
        let mut need = |field: &str, value: Option<f64>| {
            if value.is_none() {
                problems.push(format!("rotary positions lack `{field}`"));
            }
            value.unwrap_or(1.0)
        };
        let scaling = match raw.rope_type.as_deref().or(raw.old_type.as_deref()) {
            None | Some("default") => RopeScaling::None,
            Some("linear") => RopeScaling::Linear { factor: need("factor", raw.factor) },
            Some("llama3") => RopeScaling::Llama3 {
                factor: need("factor", raw.factor),
                low_freq_factor: need("low_freq_factor", raw.low_freq_factor),
                high_freq_factor: need("high_freq_factor", raw.high_freq_factor),
                trained: raw
                    .original_max_position_embeddings
                    .or(self.max_position_embeddings.map(|count| count as f64))
                    .unwrap_or(2048.0),
            },
            Some(other) => {
                problems.push(format!(
                    "rotary positions are of type `{other}`, known are default, linear, llama3"
                ));
                RopeScaling::None
            }
        };
        if let Some(part) = raw.partial_rotary_factor.or(self.partial_rotary_factor)
            && (part - 1.0).abs() > f64::EPSILON
        {
            problems.push(format!("`partial_rotary_factor` is {part}, must be 1"));
        }
        Rope { theta, scaling }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::GENERATION_FILE;

    fn read(text: &str, generation: Option<&str>) -> Result<CausalConfig, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
        if let Some(generation) = generation {
            std::fs::write(dir.path().join(GENERATION_FILE), generation).unwrap();
        }
        CausalConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
    }

    #[test]
    fn each_family_has_its_defaults() {
        let llama =
            read(r#"{"model_type": "llama", "attention_bias": true, "pad_token_id": -1}"#, None).unwrap();
        assert_eq!((llama.head_dim, llama.num_key_value_heads), (128, 32));
        let biases = Biases { queries_keys_values: true, output: true, feed_forward: false };
        assert_eq!((llama.biases, llama.windows), (biases, vec![None; 32]));
        assert_eq!((llama.ids, llama.ends), (TokenIds { pad: 2, eos: 2, decoder_start: 2 }, vec![2]));
        assert!((llama.attention_multiplier - 128_f64.powf(-0.5)).abs() < 1e-12);

        let mistral = r#"{"model_type": "mistral", "num_hidden_layers": 2}"#;
        let found = read(mistral, None).unwrap();
        assert_eq!((found.num_key_value_heads, found.windows), (8, vec![Some(4096); 2]));
        let without = mistral.replace('}', r#", "sliding_window": null}"#);
        assert_eq!(read(&without, None).unwrap().windows, [None; 2]);

        let ends = Some(r#"{"eos_token_id": [7, 8]}"#);
        let qwen2 =
            r#"{"model_type": "qwen2", "sliding_window": 9, "num_hidden_layers": 3, "max_window_layers": 1}"#;
        let found = read(qwen2, ends).unwrap();
        assert_eq!((found.biases.queries_keys_values, found.biases.output), (true, false));
        assert_eq!((found.windows, found.ends), (vec![None; 3], vec![7, 8]));
        let sliding = qwen2.replace('}', r#", "use_sliding_window": true}"#);
        assert_eq!(read(&sliding, ends).unwrap().windows, [None, Some(9), Some(9)]);
        let error = read(qwen2, None).unwrap_err().to_string();
        assert!(error.contains("`eos_token_id` is missing"), "{error}");

        let qwen3 =
            r#"{"model_type": "qwen3", "eos_token_id": 3, "hidden_size": 64, "num_attention_heads": 32}"#;
        let found = read(qwen3, None).unwrap();
        assert_eq!((found.head_dim, found.head_norms), (128, HeadNorms::QueriesAndKeys));

        let granite = r#"{"model_type": "granite", "logits_scaling": 8, "embedding_multiplier": 12.0}"#;
        let found = read(granite, None).unwrap();
        let factors = [
            found.embedding_multiplier,
            found.residual_multiplier,
            found.attention_multiplier,
            found.logits_scaling,
        ];
        assert_eq!(factors.map(|factor| factor as u32), [12, 1, 1, 8]);
        // The multipliers are Granite's alone.
        let llama = granite.replace("granite", "llama");
        assert!((read(&llama, None).unwrap().logits_scaling - 1.0).abs() < 1e-12);
    }

    #[test]
    fn rotary_positions_have_old_keys_and_new_ones() {
        let rope = |keys: &str| read(&format!(r#"{{"model_type": "llama", {keys}}}"#), None).unwrap().rope;
        let plain = |theta| Rope { theta, scaling: RopeScaling::None };
        assert_eq!(rope(r#""rope_theta": 500.0, "rope_scaling": null"#), plain(500.0));
        assert_eq!(rope(r#""rope_parameters": {"rope_theta": 70.0, "rope_type": "default"}"#), plain(70.0));
        assert_eq!(rope(r#""vocab_size": 32000"#), plain(10_000.0));
        let linear = RopeScaling::Linear { factor: 4.0 };
        let old = r#""rope_theta": 9.0, "rope_scaling": {"type": "linear", "factor": 4}"#;
        assert_eq!(rope(old), Rope { theta: 9.0, scaling: linear });
        let llama3 = r#""max_position_embeddings": 77, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
            "low_freq_factor": 1.0, "high_freq_factor": 4.0"#;
        for (end, trained) in [("}", 77.0), (r#", "original_max_position_embeddings": 64}"#, 64.0)] {
            let scaling =
                RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, trained };
            assert_eq!(rope(&format!("{llama3}{end}")), Rope { theta: 10_000.0, scaling });
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let text = r#"{"model_type": "llama", "num_key_value_heads": 3, "hidden_act": "tanh", "eos_token_id": [2, 32000],
            "rope_scaling": {"rope_type": "yarn", "factor": 4.0}, "partial_rotary_factor": 0.5, "head_dim": 5}"#;
        let error = read(text, None).unwrap_err().to_string();
        for part in [
            "`num_key_value_heads`: 3 does not divide",
            "`tanh` is unknown",
            "type `yarn`",
            "`partial_rotary_factor` is 0.5",
            "`head_dim` 5 is odd",
            "`eos_token_id` 32000",
        ] {
            assert!(error.contains(part), "{error}");
        }
        let lacking = r#"{"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8}}"#;
        let error = read(lacking, None).unwrap_err().to_string();
        assert!(
            error.contains("lack `low_freq_factor`") && error.contains("lack `high_freq_factor`"),
            "{error}"
        );
    }
}
