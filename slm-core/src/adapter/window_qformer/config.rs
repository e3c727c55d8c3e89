//! Sizes of the projector, as `config.json` of a `granite_speech` or `granite_speech_plus` folder has them.
//!
//! Source: transformers 5.23.0, `configuration_granite_speech.py`, and `Blip2QFormerConfig` for the layers. Unknown keys of a
//! file are ignored.

use serde::Deserialize;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::nn::ActivationKind;

/// Sizes of the querying Transformer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct QFormerConfig {
    /// Width `Q` of the queries.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width `G` inside the feed-forward modules.
    pub intermediate_size: usize,
    /// Width `E` of the states that are read.
    pub encoder_hidden_size: usize,
    /// Every so many layers one reads the states, the first among them.
    pub cross_attention_frequency: usize,
    /// What the norms add to a variance.
    pub layer_norm_eps: f64,
    /// Activation of the feed-forward modules, by the name that transformers has for it.
    pub hidden_act: String,
    /// Whether the queries are told of the text too; no published model is.
    pub use_qformer_text_input: bool,
}

impl Default for QFormerConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            encoder_hidden_size: 1408,
            cross_attention_frequency: 2,
            layer_norm_eps: 1e-12,
            hidden_act: "gelu".to_owned(),
            use_qformer_text_input: false,
        }
    }
}

/// What `config.json` of such a folder says of the projector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct WindowQFormerConfig {
    /// The layers.
    pub projector_config: QFormerConfig,
    /// States of a window.
    pub window_size: usize,
    /// States for each query of a window.
    pub downsample_rate: usize,
    /// The language model that is told.
    text_config: TextWidth,
}

/// The one field of the language model that counts here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
struct TextWidth {
    hidden_size: usize,
}

impl Default for TextWidth {
    fn default() -> Self {
        Self { hidden_size: 4096 }
    }
}

impl Default for WindowQFormerConfig {
    fn default() -> Self {
        Self {
            projector_config: QFormerConfig::default(),
            window_size: 15,
            downsample_rate: 5,
            text_config: TextWidth::default(),
        }
    }
}

impl QFormerConfig {
    /// The activation of the feed-forward modules.
    pub(super) fn activation(&self) -> ActivationKind {
        ActivationKind::parse(&self.hidden_act).unwrap_or(ActivationKind::Gelu)
    }

    /// Whether the layer of a number reads the states.
    pub(super) fn reads(&self, layer: usize) -> bool {
        layer.is_multiple_of(self.cross_attention_frequency.max(1))
    }
}

impl WindowQFormerConfig {
    /// Of windows of `window_size` states, each of which becomes `window_size / downsample_rate` embeddings of width
    /// `output_width`.
    pub fn new(
        layers: QFormerConfig,
        window_size: usize,
        downsample_rate: usize,
        output_width: usize,
    ) -> Self {
        let text_config = TextWidth { hidden_size: output_width };
        Self { projector_config: layers, window_size, downsample_rate, text_config }
    }

    /// Reads `config.json` of a checkpoint.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json_checked(CONFIG_FILE, Self::problems)
    }

    /// Queries of a window.
    pub fn queries(&self) -> usize {
        self.window_size / self.downsample_rate.max(1)
    }

    /// Width `D` of the embeddings.
    pub fn output_width(&self) -> usize {
        self.text_config.hidden_size
    }

    /// Embeddings that are made of `states` states.
    pub fn count(&self, states: usize) -> usize {
        states.div_ceil(self.window_size.max(1)) * self.queries()
    }

    /// What is out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let layers = &self.projector_config;
        let mut problems: Vec<String> = [
            ("hidden_size", layers.hidden_size),
            ("num_attention_heads", layers.num_attention_heads),
            ("intermediate_size", layers.intermediate_size),
            ("encoder_hidden_size", layers.encoder_hidden_size),
            ("cross_attention_frequency", layers.cross_attention_frequency),
            ("window_size", self.window_size),
            ("downsample_rate", self.downsample_rate),
            ("text_config.hidden_size", self.text_config.hidden_size),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(name, _)| format!("`{name}` is 0"))
        .collect();
        let (width, heads) = (layers.hidden_size, layers.num_attention_heads);
        if heads > 0 && !width.is_multiple_of(heads) {
            problems.push(format!("`num_attention_heads`: {heads} does not divide `hidden_size` {width}"));
        }
        if self.downsample_rate > 0 && self.queries() == 0 {
            let (window, rate) = (self.window_size, self.downsample_rate);
            problems.push(format!("`downsample_rate` {rate} is over `window_size` {window}"));
        }
        if ActivationKind::parse(&layers.hidden_act).is_none() {
            problems.push(format!("`hidden_act` `{}` is unknown", layers.hidden_act));
        }
        if layers.use_qformer_text_input {
            problems.push("`use_qformer_text_input` is true, must be false".into());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_not_full_count() {
        let config = WindowQFormerConfig::default();
        assert!(config.problems().is_empty());
        assert_eq!([1, 15, 16, 43].map(|states| config.count(states)), [3, 3, 6, 9]);
    }

    #[test]
    fn what_is_out_of_range_is_told() {
        let text = r#"{"downsample_rate": 16, "projector_config": {"num_attention_heads": 5, "hidden_act": "step",
            "use_qformer_text_input": true}}"#;
        let config: WindowQFormerConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.problems().len(), 4, "{:?}", config.problems());
    }
}
