//! Shape of the adapter, `adapter/config.json` of a bundle.

use serde::{Deserialize, Serialize};

use super::reduction::LengthReduction;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};

/// The inner shape of an [`Adapter`](super::Adapter): what is chosen, rather than given by the two models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterShape {
    /// How the sequence is made shorter.
    pub reduction: LengthReduction,
    /// How the output gets into the language model's embedding space.
    #[serde(default)]
    pub output: OutputSpace,
    /// Width `A` of the layers.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_layers: usize,
    /// Attention heads of each.
    pub num_heads: usize,
    /// Inner width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Dropout in training.
    pub dropout: f64,
}

/// How an adapter's output gets into the language model's embedding space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputSpace {
    /// A projection, normalised to the size of the language model's embeddings.
    #[default]
    Projected,
    /// [`SoftTokens`](super::SoftTokens), and a projection added to them, which starts at zero.
    SoftTokens,
}

/// Shape of an [`Adapter`](super::Adapter), `adapter/config.json` of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterConfig {
    /// Width `E` of the encoder's states.
    pub encoder_dim: usize,
    /// Width `D` of the language model.
    pub llm_dim: usize,
    /// Labels `V` of the encoder's CTC head, the blank included; used by [`OutputSpace::SoftTokens`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// The inner shape.
    #[serde(flatten)]
    pub shape: AdapterShape,
}

impl AdapterConfig {
    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let shape = &self.shape;
        let mut problems = shape.reduction.problems();
        for (name, value) in [
            ("encoder_dim", self.encoder_dim),
            ("llm_dim", self.llm_dim),
            ("hidden_size", shape.hidden_size),
            ("num_heads", shape.num_heads),
            ("intermediate_size", shape.intermediate_size),
        ] {
            if value == 0 {
                problems.push(format!("`{name}` is 0"));
            }
        }
        if shape.num_heads > 0 && !shape.hidden_size.is_multiple_of(shape.num_heads) {
            problems.push(format!(
                "`num_heads`: {} does not divide `hidden_size` {}",
                shape.num_heads, shape.hidden_size
            ));
        }
        if !(0.0..1.0).contains(&shape.dropout) {
            problems.push(format!("`dropout` {} is not in [0, 1)", shape.dropout));
        }
        if shape.output == OutputSpace::SoftTokens {
            if self.labels.is_none_or(|labels| labels == 0) {
                problems.push("`output` is `soft-tokens`, which needs the `labels` of a CTC head".to_owned());
            }
            if shape.reduction.output_width(self.encoder_dim) != self.encoder_dim {
                problems
                    .push("`output` is `soft-tokens`, which needs whole states, not stacked ones".to_owned());
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
