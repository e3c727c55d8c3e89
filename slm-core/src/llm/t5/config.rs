//! Sizes of a T5 model, as `config.json` of a `t5`, `mt5` or `umt5` folder has them.
//!
//! Source: transformers 5.23.0, `models/t5/configuration_t5.py` and `models/mt5/configuration_mt5.py`.

use serde::{Deserialize, Serialize};

use super::decoder::DecoderConfig;
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::llm::generation_ids::GenerationIds;
use crate::llm::model::{Architecture, LlmSizes, decoder_bytes};
use crate::llm::token_ids::TokenIds;
use crate::nn::ActivationKind;
use crate::nn::transformer::{BiasSharing, FeedForwardKind, TransformerConfig};

/// The `model_type`s of this family.
pub(in crate::llm) const MODEL_TYPES: &[&str] = &["t5", "mt5", "umt5"];

/// `config.json` of a T5 folder. Unknown keys of a file are ignored; keys it lacks have T5's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct T5Config {
    /// `t5`, `mt5` or `umt5`.
    pub model_type: String,
    /// Classes that tell loaders in Python what this is.
    pub architectures: Vec<String>,
    /// Rows `V` of the embedding, which may exceed the tokenizer's ids.
    pub vocab_size: usize,
    /// Width `D` of the embeddings and hidden states.
    pub d_model: usize,
    /// Width `K` of one attention head; `K * H` may differ from `D`.
    pub d_kv: usize,
    /// Inner width `F` of the feed-forward layers.
    pub d_ff: usize,
    /// Encoder blocks.
    pub num_layers: usize,
    /// Decoder blocks; as many as the encoder's when absent.
    pub num_decoder_layers: Option<usize>,
    /// Attention heads `H`.
    pub num_heads: usize,
    /// Buckets of relative distance.
    pub relative_attention_num_buckets: usize,
    /// The distance from which on all share the last bucket.
    pub relative_attention_max_distance: usize,
    /// Epsilon of the norms.
    pub layer_norm_epsilon: f64,
    /// Dropout in training.
    pub dropout_rate: f64,
    /// `relu`, `gated-gelu` and so on, the literal `gated-gelu` being the tanh form. A file without it means `relu` in
    /// T5, and `gated-gelu` in the others.
    pub feed_forward_proj: String,
    /// The activation of the feed-forward layers, where it is not what `feed_forward_proj` says (early Flan-T5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dense_act_fn: Option<String>,
    /// Whether the feed-forward layers are gated, where `feed_forward_proj` does not say it (early Flan-T5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_gated_act: Option<bool>,
    /// Whether head and embedding are one matrix. A head in the file that is no copy of the embedding overrules it, but
    /// not what it says of the logits' scale.
    pub tie_word_embeddings: bool,
    /// Whether the decoder's output is scaled before the head (transformers 5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_decoder_outputs: Option<bool>,
    /// Padding id.
    pub pad_token_id: u32,
    /// End-of-sequence id.
    pub eos_token_id: u32,
    /// The id that the decoder starts from.
    pub decoder_start_token_id: u32,
    /// The ids that end a text, where `generation_config.json` has some; else it is [`Self::eos_token_id`].
    #[serde(skip)]
    pub ends: Vec<u32>,
}

/// What a file says of the feed-forward layers, if it does.
#[derive(Deserialize)]
struct FeedForwardText {
    feed_forward_proj: Option<String>,
}

impl Default for T5Config {
    fn default() -> Self {
        Self {
            model_type: "t5".into(),
            architectures: vec!["T5ForConditionalGeneration".into()],
            vocab_size: 32128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: None,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            layer_norm_epsilon: 1e-6,
            dropout_rate: 0.1,
            feed_forward_proj: "relu".into(),
            dense_act_fn: None,
            is_gated_act: None,
            tie_word_embeddings: true,
            scale_decoder_outputs: None,
            pad_token_id: 0,
            eos_token_id: 1,
            decoder_start_token_id: 0,
            ends: Vec::new(),
        }
    }
}

impl T5Config {
    /// Reads and checks `config.json`, and the ids of `generation_config.json`, which overrule it.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let mut config: Self = checkpoint.json(CONFIG_FILE)?;
        let said: FeedForwardText = checkpoint.json(CONFIG_FILE)?;
        if said.feed_forward_proj.is_none() && config.model_type != "t5" {
            "gated-gelu".clone_into(&mut config.feed_forward_proj);
        }
        let mut config = json::checked(config, &checkpoint.path_of(CONFIG_FILE), Self::problems)?;
        let mut ids = config.ids();
        let said = GenerationIds::from_checkpoint(checkpoint, config.vocab_size)?;
        said.overrule(&mut ids, &mut config.ends);
        (config.pad_token_id, config.decoder_start_token_id) = (ids.pad, ids.decoder_start);
        Ok(config)
    }

    /// The encoder's stack of layers.
    pub fn encoder(&self) -> TransformerConfig {
        TransformerConfig {
            width: self.d_model,
            head_dim: self.d_kv,
            inner_width: self.d_ff,
            num_layers: self.num_layers,
            num_heads: self.num_heads,
            num_buckets: self.relative_attention_num_buckets,
            max_distance: self.relative_attention_max_distance,
            norm_epsilon: self.layer_norm_epsilon,
            dropout: self.dropout_rate,
            feed_forward: self.feed_forward(),
            bias_sharing: self.relative_bias_sharing(),
        }
    }

    /// The decoder.
    pub fn decoder(&self) -> DecoderConfig {
        DecoderConfig { stack: TransformerConfig { num_layers: self.decoder_layers(), ..self.encoder() } }
    }

    /// Blocks of the decoder.
    pub fn decoder_layers(&self) -> usize {
        self.num_decoder_layers.unwrap_or(self.num_layers)
    }

    /// The feed-forward layers' kind, as all three keys tell it; plain ReLU if the text is unknown, which
    /// [`Self::problems`] tells.
    pub fn feed_forward(&self) -> FeedForwardKind {
        let said = feed_forward_kind(&self.feed_forward_proj)
            .unwrap_or(FeedForwardKind::Plain(ActivationKind::Relu));
        let (gated, activation) = match said {
            FeedForwardKind::Plain(activation) => (false, activation),
            FeedForwardKind::Gated(activation) => (true, activation),
        };
        let activation = self.dense_act_fn.as_deref().and_then(ActivationKind::parse).unwrap_or(activation);
        if self.is_gated_act.unwrap_or(gated) {
            FeedForwardKind::Gated(activation)
        } else {
            FeedForwardKind::Plain(activation)
        }
    }

    /// Which blocks have a table of relative positions.
    pub fn relative_bias_sharing(&self) -> BiasSharing {
        if self.model_type == "umt5" { BiasSharing::EveryBlock } else { BiasSharing::FirstBlock }
    }

    /// What the decoder's output is multiplied by before the head.
    ///
    /// The config alone decides, as in transformers, whichever head the file has: logits of a model that is called tied
    /// are scaled by `D^-0.5`. transformers 5 calls every model tied when it writes a config, and writes
    /// `scale_decoder_outputs` for what was said before. UMT5 is always scaled, mT5 never.
    pub fn logit_scale(&self) -> f64 {
        let scaled = match self.model_type.as_str() {
            "umt5" => true,
            // mT5 of transformers 5.23.0 never scales.
            "mt5" => false,
            _ => self.scale_decoder_outputs.unwrap_or(self.tie_word_embeddings),
        };
        if scaled { (self.d_model as f64).powf(-0.5) } else { 1.0 }
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, text: String| {
            if !ok {
                problems.push(text);
            }
        };
        check(
            MODEL_TYPES.contains(&self.model_type.as_str()),
            format!("`model_type` is `{}`, expected `t5`, `mt5` or `umt5`", self.model_type),
        );
        for (name, value) in [
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("d_kv", self.d_kv),
            ("d_ff", self.d_ff),
            ("num_layers", self.num_layers),
            ("num_decoder_layers", self.decoder_layers()),
            ("num_heads", self.num_heads),
        ] {
            check(value > 0, format!("`{name}` is 0"));
        }
        let buckets = self.relative_attention_num_buckets;
        check(buckets >= 4, format!("`relative_attention_num_buckets` is {buckets}, must be 4 or more"));
        // The decoder's buckets for exact distances are half of all.
        let (farthest, exact) = (self.relative_attention_max_distance, buckets / 2);
        check(
            farthest > exact,
            format!("`relative_attention_max_distance` {farthest} is not over {exact}, half of the buckets"),
        );
        check(
            feed_forward_kind(&self.feed_forward_proj).is_some(),
            format!("`feed_forward_proj` `{}` is unknown", self.feed_forward_proj),
        );
        if let Some(name) = &self.dense_act_fn {
            check(ActivationKind::parse(name).is_some(), format!("`dense_act_fn` `{name}` is unknown"));
        }
        check(
            (0.0..1.0).contains(&self.dropout_rate),
            format!("`dropout_rate` {} is not in [0, 1)", self.dropout_rate),
        );
        problems.extend(self.ids().problems(self.vocab_size, "decoder_start_token_id"));
        problems
    }
}

impl LlmSizes for T5Config {
    fn architecture(&self) -> Architecture {
        Architecture::EncoderDecoder
    }

    fn d_model(&self) -> usize {
        self.d_model
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn ids(&self) -> TokenIds {
        TokenIds {
            pad: self.pad_token_id,
            eos: self.eos_token_id,
            decoder_start: self.decoder_start_token_id,
        }
    }

    fn ends(&self) -> &[u32] {
        if self.ends.is_empty() { std::slice::from_ref(&self.eos_token_id) } else { &self.ends }
    }

    fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        let encoder = self.encoder().working_bytes(rows, source);
        let keys_width = self.num_heads * self.d_kv;
        let layers = self.decoder_layers();
        let decoder = decoder_bytes(rows, source, target, layers, keys_width, self.vocab_size);
        let memory = (rows * source * self.d_model * size_of::<f32>()) as u64;
        memory + encoder.max(decoder)
    }
}

/// The feed-forward layers' kind by the config's text. The literal `gated-gelu` means the tanh form, as in transformers.
fn feed_forward_kind(text: &str) -> Option<FeedForwardKind> {
    match text.strip_prefix("gated-") {
        Some("gelu") => Some(FeedForwardKind::Gated(ActivationKind::GeluTanh)),
        Some(name) => ActivationKind::parse(name).map(FeedForwardKind::Gated),
        None => ActivationKind::parse(text).map(FeedForwardKind::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<T5Config, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
        T5Config::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
    }

    /// As transformers 5.23.0 reads them.
    #[test]
    fn what_a_file_says_of_the_feed_forward_layers() {
        use ActivationKind::{Gelu, GeluTanh, Relu, Silu};
        use FeedForwardKind::{Gated, Plain};
        for (text, expected) in [
            (r"{}", Plain(Relu)),
            (r#"{"model_type": "t5"}"#, Plain(Relu)),
            (r#"{"model_type": "mt5"}"#, Gated(GeluTanh)),
            (r#"{"model_type": "umt5"}"#, Gated(GeluTanh)),
            (r#"{"model_type": "mt5", "feed_forward_proj": "relu"}"#, Plain(Relu)),
            (r#"{"feed_forward_proj": "gated-gelu"}"#, Gated(GeluTanh)),
            (r#"{"feed_forward_proj": "gelu"}"#, Plain(Gelu)),
            (r#"{"feed_forward_proj": "gated-silu"}"#, Gated(Silu)),
            (r#"{"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu"}"#, Gated(Gelu)),
            (r#"{"feed_forward_proj": "gelu", "is_gated_act": true}"#, Gated(Gelu)),
        ] {
            assert_eq!(read(text).unwrap().feed_forward(), expected, "{text}");
        }
    }

    #[test]
    fn what_scales_the_logits() {
        for (text, is_scaled) in [
            (r"{}", true),
            (r#"{"tie_word_embeddings": null}"#, true),
            (r#"{"tie_word_embeddings": false}"#, false),
            (r#"{"tie_word_embeddings": false, "scale_decoder_outputs": true}"#, true),
            (r#"{"scale_decoder_outputs": false}"#, false),
            (r#"{"model_type": "mt5"}"#, false),
            (r#"{"model_type": "umt5", "tie_word_embeddings": false}"#, true),
        ] {
            assert_eq!(read(text).unwrap().logit_scale() < 1.0, is_scaled, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let text =
            r#"{"feed_forward_proj": "tanh", "relative_attention_max_distance": 16, "eos_token_id": 40000}"#;
        let error = read(text).unwrap_err().to_string();
        for part in
            ["`tanh` is unknown", "16 is not over 16, half", "`eos_token_id` 40000, vocabulary has 32128"]
        {
            assert!(error.contains(part), "{error}");
        }
    }
}
