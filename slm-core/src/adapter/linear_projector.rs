//! The projector of NeMo's SALM: a linear map, an embedding for each state.
//!
//! Paper: *SALM*, arXiv 2310.09424. Reference: NeMo's `AudioPerceptionModule` with an `IdentityConnector`.
//! Shapes: `B` utterances, `T` states of width `E`, `D` width of the language model.

use burn::nn::LinearConfig;
use burn::prelude::*;
use serde::Deserialize;

use super::error::AdapterError;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement};

/// What the names of the projector's tensors begin with.
const PREFIX: &str = "perception.proj.";
/// What stands between encoder and projector: nothing.
const CONNECTOR: &str = "IdentityConnector";

/// Makes an embedding of each state.
#[derive(Module, Debug)]
pub struct LinearProjector {
    proj: MatrixLinear,
}

/// Sizes of the projector, as `config.json` of a SALM has them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LinearProjectorConfig {
    perception: Perception,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Perception {
    encoder: Width,
    modality_adapter: Connector,
    output_dim: usize,
}

/// The one field of the encoder that counts here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Width {
    d_model: usize,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Connector {
    #[serde(rename = "_target_")]
    target: String,
}

impl LinearProjectorConfig {
    /// Reads `config.json` of a checkpoint.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json_checked(CONFIG_FILE, Self::problems)
    }

    /// Width `E` of the states.
    pub fn input_width(&self) -> usize {
        self.perception.encoder.d_model
    }

    /// What is out of range or not supported, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let Perception { encoder, modality_adapter, output_dim } = &self.perception;
        let mut problems = Vec::new();
        let class = modality_adapter.target.rsplit('.').next().unwrap_or_default();
        if class != CONNECTOR {
            problems
                .push(format!("`perception.modality_adapter._target_` is `{class}`, expected `{CONNECTOR}`"));
        }
        for (name, value) in [("encoder.d_model", encoder.d_model), ("output_dim", *output_dim)] {
            if value == 0 {
                problems.push(format!("`perception.{name}` is 0"));
            }
        }
        problems
    }

    /// Builds the projector with random weights on `device`.
    pub fn init(&self, device: &Device) -> LinearProjector {
        let proj = LinearConfig::new(self.input_width(), self.perception.output_dim);
        LinearProjector { proj: proj.init(device).into() }
    }
}

impl LinearProjector {
    /// Loads config and weights out of the folder of a SALM; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, AdapterError> {
        let placement = placement.into();
        let config = LinearProjectorConfig::from_checkpoint(checkpoint)?;
        let (model, files) = (config.init(placement.device()), checkpoint.weights()?);
        let named = |path: &str| path.replacen("proj.", PREFIX, 1);
        // The other parts of the folder are not the projector's.
        let is_ignored = |name: &str| !name.starts_with(PREFIX);
        Ok(weights::load(model, &files, &placement, named, is_ignored)?.freeze())
    }

    /// Width `E` of the states.
    pub fn input_width(&self) -> usize {
        let [width, _] = self.proj.weight.dims();
        width
    }

    /// States `[B, T, E]` to embeddings `[B, T, D]`.
    pub fn forward(&self, states: &PaddedBatch) -> PaddedBatch {
        states.with_values(self.proj.forward(states.values()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_connector_is_named() {
        let text = r#"{"perception": {"encoder": {"d_model": 0}, "output_dim": 8,
            "modality_adapter": {"_target_": "nemo.x.QformerConnector"}}}"#;
        let config: LinearProjectorConfig = serde_json::from_str(text).unwrap();
        let problems = config.problems();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("QformerConnector"), "{problems:?}");
    }
}
