//! `config.json` of T5Gemma and of Gemma 3's text model as it lies, and the defaults of what it lacks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::{GemmaConfig, GemmaVersion, LayerType, Rope, StackConfig};
use super::text_config::GemmaTextConfig;
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint, Nullable};
use crate::llm::generation_ids::GenerationIds;
use crate::llm::token_ids::{OneOrMany, TokenIds};

/// The fields that say with `null` that there is no cap.
const NULLS: &[&str] = &["attn_logit_softcapping", "final_logit_softcapping"];

impl GemmaConfig {
    /// Reads and checks `config.json`, and the ids of `generation_config.json`, which overrule it.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let raw: RawConfig = checkpoint.json_with_nulls(CONFIG_FILE, NULLS)?;
        let mut config = json::checked(raw.resolve(), &checkpoint.path_of(CONFIG_FILE), Self::problems)?;
        let said = GenerationIds::from_checkpoint(checkpoint, config.decoder.vocab_size)?;
        said.overrule(&mut config.ids, &mut config.ends);
        Ok(config)
    }
}

impl GemmaTextConfig {
    /// Reads and checks `config.json`, and the ids of `generation_config.json`, which overrule it.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let raw: RawText = checkpoint.json_with_nulls(CONFIG_FILE, NULLS)?;
        let mut config = json::checked(raw.resolve(), &checkpoint.path_of(CONFIG_FILE), Self::problems)?;
        let said = GenerationIds::from_checkpoint(checkpoint, config.stack.vocab_size)?;
        said.overrule(&mut config.ids, &mut config.ends);
        Ok(config)
    }
}

/// `config.json` of the text model of Gemma 3, whose parts and defaults T5Gemma 2 took over.
#[derive(Deserialize)]
struct RawText {
    #[serde(default = "yes")]
    tie_word_embeddings: bool,
    #[serde(default)]
    use_bidirectional_attention: bool,
    #[serde(flatten)]
    stack: RawStack,
}

impl RawText {
    fn resolve(self) -> GemmaTextConfig {
        let ends = self.stack.eos_token_id.as_ref().map(OneOrMany::ids);
        let ends = ends.filter(|ids| !ids.is_empty()).unwrap_or(&[1]).to_vec();
        GemmaTextConfig {
            ids: TokenIds {
                pad: self.stack.pad_token_id.unwrap_or(0),
                eos: ends[0],
                decoder_start: self.stack.bos_token_id.unwrap_or(2),
            },
            ends,
            is_bidirectional: self.use_bidirectional_attention,
            tie_word_embeddings: self.tie_word_embeddings,
            stack: self.stack.resolve(GemmaVersion::Two),
        }
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
    /// Where one is told here, it overrules the decoder's.
    pad_token_id: Option<u32>,
    eos_token_id: Option<OneOrMany>,
    bos_token_id: Option<u32>,
    decoder_start_token_id: Option<u32>,
}

/// The encoder's part: its sizes, or those under `text_config`.
#[derive(Deserialize)]
struct RawEncoder {
    text_config: Option<RawStack>,
    eoi_token_index: Option<u32>,
    #[serde(flatten)]
    own: RawStack,
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
    attn_logit_softcapping: Nullable<f64>,
    #[serde(default)]
    final_logit_softcapping: Nullable<f64>,
    rope_parameters: Option<RawRopes>,
    rope_scaling: Option<RawRope>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    pad_token_id: Option<u32>,
    eos_token_id: Option<OneOrMany>,
    bos_token_id: Option<u32>,
}

#[derive(Clone, Default, Deserialize)]
struct RawRope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    /// What `rope_type` was once called.
    #[serde(rename = "type")]
    old_type: Option<String>,
    factor: Option<f64>,
}

impl RawRope {
    fn kind(&self) -> Option<&str> {
        self.rope_type.as_deref().or(self.old_type.as_deref())
    }
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

impl RawConfig {
    fn resolve(self) -> GemmaConfig {
        let version = if self.model_type == "t5gemma2" { GemmaVersion::Two } else { GemmaVersion::One };
        let decoder = &self.decoder;
        let ends = self.eos_token_id.as_ref().or(decoder.eos_token_id.as_ref()).map(OneOrMany::ids);
        let ends = ends.filter(|ids| !ids.is_empty()).unwrap_or(&[1]).to_vec();
        let start = self.decoder_start_token_id.or(self.bos_token_id).or(decoder.bos_token_id);
        let ids = TokenIds {
            pad: self.pad_token_id.or(decoder.pad_token_id).unwrap_or(0),
            eos: ends[0],
            decoder_start: start.unwrap_or(2),
        };
        GemmaConfig {
            version,
            // The reference reads it from the encoder's part alone, though a file has it twice.
            eoi_token_index: self.encoder.eoi_token_index.unwrap_or(256_000),
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
        // The first version's reference does not read the pattern of a file.
        let pattern = match version {
            GemmaVersion::One => pattern,
            GemmaVersion::Two => self.sliding_window_pattern.unwrap_or(pattern).max(1),
        };
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
            // Laid over `rope_parameters`; here the second version's reference knows the type by its new name alone.
            full.rope_type = match version {
                GemmaVersion::One => scaling.kind().map(str::to_owned),
                GemmaVersion::Two => scaling.rope_type,
            }
            .or(full.rope_type);
            full.rope_theta = scaling.rope_theta.or(full.rope_theta);
            full.factor = scaling.factor.or(full.factor);
        }
        let rope_types =
            [&full, &sliding].into_iter().filter_map(|rope| rope.kind().map(str::to_owned)).collect();
        let factor = |rope: &RawRope| match rope.kind() {
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
    use crate::llm::gemma::config::Window;

    fn read(text: &str) -> Result<GemmaConfig, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        GemmaConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
    }

    #[test]
    fn old_and_new_keys_and_defaults_of_each_version() {
        let old = r#"{"model_type": "t5gemma",
            "encoder": {"rope_theta": 500.0, "num_hidden_layers": 3, "sliding_window_pattern": 3},
            "decoder": {"attn_logit_softcapping": null, "eos_token_id": [1, 107]}}"#;
        let config = read(old).unwrap();
        assert_eq!(config.encoder.rope(LayerType::Sliding), Rope { theta: 500.0, factor: 1.0 });
        assert_eq!(config.encoder.layer_types, [LayerType::Sliding, LayerType::Full, LayerType::Sliding]);
        assert_eq!(config.encoder.attn_logit_softcapping, Some(50.0));
        assert_eq!(config.decoder.attn_logit_softcapping, None);
        assert_eq!(config.decoder.final_logit_softcapping, Some(30.0));
        assert_eq!(config.ids, TokenIds { pad: 0, eos: 1, decoder_start: 2 });
        assert_eq!(config.ends, [1, 107]);

        let new = r#"{"model_type": "t5gemma2", "eoi_token_index": 9, "decoder": {"sliding_window": 5},
            "encoder": {"eoi_token_index": 7, "text_config": {"sliding_window": 5, "rope_parameters": {
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

    /// As transformers 5.23.0 reads them.
    #[test]
    fn ids_of_the_whole_overrule_the_decoders_and_old_types_of_positions_are_read() {
        let ids = r#"{"model_type": "t5gemma", "encoder": {}, "pad_token_id": 3, "eos_token_id": [4, 5],
            "bos_token_id": 6, "decoder": {"pad_token_id": 7, "eos_token_id": 8, "bos_token_id": 9}}"#;
        let config = read(ids).unwrap();
        assert_eq!(config.ids, TokenIds { pad: 3, eos: 4, decoder_start: 6 });
        assert_eq!(config.ends, [4, 5]);
        let start = ids.replace("\"pad_token_id\": 3", "\"decoder_start_token_id\": 2");
        assert_eq!(read(&start).unwrap().ids, TokenIds { pad: 7, eos: 4, decoder_start: 2 });

        let old = r#"{"rope_theta": 77.0, "rope_scaling": {"type": "linear", "factor": 3.0}}"#;
        let read_encoder = |model_type: &str, encoder: &str| {
            let text = format!(r#"{{"model_type": "{model_type}", "encoder": {encoder}, "decoder": {{}}}}"#);
            read(&text).unwrap().encoder.rope(LayerType::Full)
        };
        assert_eq!(read_encoder("t5gemma", old), Rope { theta: 77.0, factor: 3.0 });
        assert_eq!(read_encoder("t5gemma2", old), Rope { theta: 77.0, factor: 1.0 });
        let new = old.replace("\"type\"", "\"rope_type\"");
        assert_eq!(read_encoder("t5gemma2", &new), Rope { theta: 77.0, factor: 3.0 });
        let parameters = r#"{"rope_parameters": {"rope_theta": 50.0, "type": "linear", "factor": 2.0}}"#;
        assert_eq!(read_encoder("t5gemma", parameters), Rope { theta: 50.0, factor: 2.0 });
    }

    /// As transformers 5.23.0 has them.
    #[test]
    fn the_text_model_has_the_defaults_of_its_parts() {
        let read = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("config.json"), text).unwrap();
            GemmaTextConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
        };
        let config = read(
            r#"{"model_type": "gemma3_text", "eos_token_id": [1, 106], "final_logit_softcapping": null}"#,
        );
        let config = config.unwrap();
        assert_eq!((config.ids, config.ends), (TokenIds { pad: 0, eos: 1, decoder_start: 2 }, vec![1, 106]));
        assert_eq!((config.stack.vocab_size, config.tie_word_embeddings), (262_208, true));
        assert_eq!(config.stack.rope(LayerType::Full), Rope { theta: 1e6, factor: 1.0 });
        assert_eq!(config.stack.rope(LayerType::Sliding), Rope { theta: 1e4, factor: 1.0 });
        let kinds = config.stack.layer_types.iter().enumerate();
        let full: Vec<usize> =
            kinds.filter(|(_, kind)| **kind == LayerType::Full).map(|(layer, _)| layer).collect();
        assert_eq!(full, [5, 11, 17, 23]);
        let text = r#"{"model_type": "gemma3_text", "use_bidirectional_attention": true, "head_dim": 5}"#;
        let error = read(text).unwrap_err().to_string();
        for part in ["`use_bidirectional_attention` is true", "`head_dim` 5 is odd"] {
            assert!(error.contains(part), "{error}");
        }
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
