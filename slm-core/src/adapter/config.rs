//! Shape of the adapter, `adapter/config.json` of a bundle.
//!
//! One file says the two models' widths, how the sequence is made shorter, and which of the kinds maps it:
//!
//! ```json
//! {"encoder_dim": 512, "llm_dim": 576, "reduction": {"kind": "stack", "count": 4},
//!  "kind": "stacked", "count": 2, "hidden_size": 2048}
//! ```
//!
//! Without a `kind` it is a Transformer: the only kind that there once was.

use std::collections::BTreeSet;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::convolution::ConvolutionShape;
use super::queries::QueriesShape;
use super::reduction::LengthReduction;
use super::sizes::sizes_out_of_range;
use super::stacked::StackedShape;
use super::transformer::{OutputSpace, TransformerShape};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};

/// What maps reduced states into the language model's embedding space, and its sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdapterKind {
    /// A few Transformer layers: what the paper has.
    Transformer(TransformerShape),
    /// Neighbouring states side by side, and two linear maps: the projector of SLAM-LLM.
    Stacked(StackedShape),
    /// Strided convolutions, each with a norm: a length adapter.
    Convolution(ConvolutionShape),
    /// A few queries to each window of states: the projector of SALMONN and Granite Speech.
    WindowQformer(QueriesShape),
}

/// The inner shape of an [`Adapter`](super::Adapter): what is chosen, rather than given by the two models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdapterShape {
    /// How the sequence is made shorter.
    pub reduction: LengthReduction,
    /// The encoder's layers whose states are summed with its last ones, by weights that are learned; empty for the last
    /// ones alone. A layer is named by how many blocks it is behind: 0 is what the first block reads.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub encoder_layers: BTreeSet<usize>,
    /// What maps what is left.
    #[serde(flatten)]
    pub kind: AdapterKind,
}

/// Shape of an [`Adapter`](super::Adapter), `adapter/config.json` of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterConfig {
    /// Width `E` of the encoder's states.
    pub encoder_dim: usize,
    /// Width `D` of the language model.
    pub llm_dim: usize,
    /// Labels `V` of the encoder's CTC head, the blank included; used by
    /// [`OutputSpace::SoftTokens`](super::OutputSpace::SoftTokens) alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// The inner shape.
    #[serde(flatten)]
    pub shape: AdapterShape,
}

impl<'de> Deserialize<'de> for AdapterShape {
    /// By hand, so that a file without `kind` is read, and a field that the kind does not have is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let reduction = fields.remove("reduction").ok_or_else(|| D::Error::missing_field("reduction"))?;
        let encoder_layers = fields.remove("encoder_layers").map(serde_json::from_value).transpose();
        fields.entry("kind").or_insert_with(|| "transformer".into());
        Ok(Self {
            reduction: serde_json::from_value(reduction).map_err(D::Error::custom)?,
            encoder_layers: encoder_layers.map_err(D::Error::custom)?.unwrap_or_default(),
            kind: serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?,
        })
    }
}

impl AdapterKind {
    /// Embeddings that are made of `rows` reduced states.
    pub fn count(&self, rows: usize) -> usize {
        match self {
            Self::Transformer(_) => rows,
            Self::Stacked(shape) => shape.rows(rows),
            Self::Convolution(shape) => shape.rows(rows),
            Self::WindowQformer(shape) => shape.rows(rows),
        }
    }

    /// Whether the adapter starts as the encoder's CTC head.
    pub fn has_soft_tokens(&self) -> bool {
        matches!(self, Self::Transformer(shape) if shape.has_soft_tokens())
    }

    /// Whether the adapter starts as the tokens that the encoder's CTC head hears.
    pub fn has_heard_tokens(&self) -> bool {
        matches!(self, Self::Transformer(shape) if shape.output == OutputSpace::HeardTokens)
    }

    fn problems(&self) -> Vec<String> {
        match self {
            Self::Transformer(shape) => shape.problems(),
            Self::Stacked(shape) => shape.problems(),
            Self::Convolution(shape) => shape.problems(),
            Self::WindowQformer(shape) => shape.problems(),
        }
    }
}

impl AdapterConfig {
    /// Encoder layers whose states lie side by side in a state that the adapter reads.
    pub fn layers(&self) -> usize {
        self.shape.encoder_layers.len() + 1
    }

    /// Width of a row that the adapter reads, `E'`: of a state, its layers side by side, and of what the reduction makes of
    /// it, with the embedding of the token that it stands for.
    pub fn input_width(&self) -> usize {
        let beside = if self.shape.reduction.needs_texts() { self.llm_dim } else { 0 };
        self.shape.reduction.output_width(self.encoder_dim * self.layers()) + beside
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let AdapterShape { reduction, encoder_layers, kind } = &self.shape;
        let mut problems = reduction.problems();
        problems.extend(sizes_out_of_range(&[("encoder_dim", self.encoder_dim), ("llm_dim", self.llm_dim)]));
        problems.extend(kind.problems());
        if reduction.needs_texts() && !encoder_layers.is_empty() {
            problems.push(
                "`reduction` is `llm_tokens`, which needs the last states alone, not a sum with those of `encoder_layers`"
                    .to_owned(),
            );
        }
        if kind.has_heard_tokens() && !reduction.needs_texts() {
            problems.push("`output` is `heard-tokens`, which needs the `reduction` `llm_tokens`".to_owned());
        }
        if kind.has_soft_tokens() {
            if self.labels.is_none_or(|labels| labels == 0) {
                problems.push("`output` is `soft-tokens`, which needs the `labels` of a CTC head".to_owned());
            }
            if reduction.output_width(self.encoder_dim) != self.encoder_dim || reduction.needs_texts() {
                problems.push(
                    "`output` is `soft-tokens`, which needs whole states, not stacked ones or ones with tokens"
                        .to_owned(),
                );
            }
            if !encoder_layers.is_empty() {
                problems.push(
                    "`output` is `soft-tokens`, which needs the last states alone, not a sum with those of \
                     `encoder_layers`"
                        .to_owned(),
                );
            }
        }
        problems
    }

    /// Reads and checks `config.json`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json_checked(CONFIG_FILE, Self::problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = r#"{"encoder_dim": 128, "llm_dim": 192, "labels": 1025,
        "reduction": {"kind": "ctc_average"}, "output": "soft-tokens", "hidden_size": 128, "num_layers": 2,
        "num_heads": 4, "intermediate_size": 160, "dropout": 0.05}"#;

    #[test]
    fn a_file_without_a_kind_is_a_transformer_and_what_is_written_is_read() {
        let config: AdapterConfig = serde_json::from_str(TODAY).unwrap();
        assert!(config.problems().is_empty());
        assert!(config.shape.kind.has_soft_tokens());
        let again: AdapterConfig = serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn fields_of_other_kinds_and_unknown_kinds_are_refused() {
        for (found, with, expected) in [
            ("\"dropout\"", "\"drop\"", "unknown field `drop`"),
            ("\"output\"", "\"kind\": \"stacked\", \"output\"", "unknown field `dropout`"),
            ("\"output\"", "\"kind\": \"magic\", \"output\"", "unknown variant `magic`"),
            ("\"reduction\"", "\"r\"", "missing field `reduction`"),
        ] {
            let text = TODAY.replacen(found, with, 1);
            let error = serde_json::from_str::<AdapterConfig>(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn sizes_that_nothing_has_are_refused() {
        let kind = "\"kind\": \"stacked\", \"count\": 18446744073709551615, \"hidden_size\": 0}";
        let text = TODAY.split("\"output\"").next().unwrap().to_owned() + kind;
        let problems = serde_json::from_str::<AdapterConfig>(&text).unwrap().problems();
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn heard_tokens_need_rows_that_stand_for_tokens() {
        let heard = TODAY.replacen("soft-tokens", "heard-tokens", 1);
        let config: AdapterConfig = serde_json::from_str(&heard).unwrap();
        assert_eq!(config.problems().len(), 1, "{:?}", config.problems());
        let tokens = heard.replacen("ctc_average", "llm_tokens", 1);
        let config: AdapterConfig = serde_json::from_str(&tokens).unwrap();
        assert!(config.problems().is_empty(), "{:?}", config.problems());
        assert_eq!(config.input_width(), 128 + 192);
        let soft = TODAY.replacen("ctc_average", "llm_tokens", 1);
        assert_eq!(serde_json::from_str::<AdapterConfig>(&soft).unwrap().problems().len(), 1);
    }

    #[test]
    fn soft_tokens_read_the_last_states_alone() {
        let text = TODAY.replacen("\"output\"", "\"encoder_layers\": [0, 3], \"output\"", 1);
        let config: AdapterConfig = serde_json::from_str(&text).unwrap();
        assert_eq!((config.layers(), config.input_width()), (3, 3 * 128));
        let problems = config.problems();
        assert!(problems.len() == 1 && problems[0].contains("`encoder_layers`"), "{problems:?}");
    }
}
