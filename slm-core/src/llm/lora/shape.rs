//! Which thin matrices are to be trained.

use serde::{Deserialize, Serialize};

/// Which linear maps of a model get thin matrices, and of which size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraShape {
    /// Columns of the thin matrices: PEFT's `r`.
    pub rank: usize,
    /// Their product is multiplied by this and divided by the rank: PEFT's `lora_alpha`.
    pub alpha: f64,
    /// The maps, each by its path in transformers or the end of that: `q_proj`, `layers.0.mlp.up_proj`.
    pub target_modules: Vec<String>,
    /// Dropout of what the thin matrices read, in training: PEFT's `lora_dropout`.
    #[serde(default)]
    pub dropout: f64,
}

impl LoraShape {
    /// What the product of the thin matrices is multiplied by.
    pub fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.rank == 0 {
            problems.push("`lora.rank` is 0".to_owned());
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            problems.push(format!("`lora.alpha` {} is not positive", self.alpha));
        }
        if self.target_modules.is_empty() {
            problems.push("`lora.target_modules` is empty".to_owned());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            problems.push(format!("`lora.dropout` {} is not in [0, 1)", self.dropout));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trains_nothing_is_named() {
        let shape = |text: &str| serde_json::from_str::<LoraShape>(text);
        let sound = shape(r#"{"rank": 4, "alpha": 8, "target_modules": ["q"]}"#).unwrap();
        assert_eq!((sound.problems().len(), sound.scale(), sound.dropout), (0, 2.0, 0.0));
        let wrong = LoraShape { rank: 0, alpha: f64::NAN, target_modules: Vec::new(), dropout: 1.0 };
        assert_eq!(wrong.problems().len(), 4, "{:?}", wrong.problems());
        assert!(shape(r#"{"r": 4, "alpha": 8, "target_modules": ["q"]}"#).is_err());
    }
}
