//! What an adapter is trained on: the weight of each loss.

use serde::{Deserialize, Serialize};

/// The weights of the losses, each a sum over a batch that is divided by its target tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Losses {
    /// Of the cross-entropy of the text.
    pub cross_entropy: f64,
    /// The part of the cross-entropy's targets that goes to all tokens evenly, as PyTorch's `label_smoothing`.
    pub label_smoothing: f64,
    /// Of the divergence from what the frozen language model says where it reads the transcript in place of the adapter's
    /// rows.
    pub distillation: f64,
    /// Of the CTC loss of the transcript on the adapter's outputs, through a linear head that is left behind. Utterances
    /// with more labels than outputs count nothing, so that it needs a reduction that leaves more rows than labels.
    pub ctc: f64,
}

impl Default for Losses {
    fn default() -> Self {
        Self { cross_entropy: 1.0, label_smoothing: 0.0, distillation: 0.0, ctc: 0.0 }
    }
}

impl Losses {
    /// Whether the frozen language model reads transcripts.
    pub fn has_distillation(&self) -> bool {
        self.distillation > 0.0
    }

    /// Whether there is a head on the adapter's outputs.
    pub fn has_ctc(&self) -> bool {
        self.ctc > 0.0
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let weights =
            [("cross_entropy", self.cross_entropy), ("distillation", self.distillation), ("ctc", self.ctc)];
        let mut problems: Vec<String> = weights
            .iter()
            .filter(|(_, weight)| !(*weight >= 0.0 && weight.is_finite()))
            .map(|(name, weight)| format!("`losses.{name}` is {weight}, must be 0 or more"))
            .collect();
        if problems.is_empty() && weights.iter().all(|(_, weight)| *weight == 0.0) {
            problems.push("`losses` are all 0".to_owned());
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            problems.push(format!("`losses.label_smoothing` {} is not in [0, 1)", self.label_smoothing));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_teach_nothing_are_named() {
        assert!(Losses::default().problems().is_empty());
        let none = Losses { cross_entropy: 0.0, ..Losses::default() };
        assert_eq!(none.problems(), ["`losses` are all 0"]);
        let wrong = Losses { ctc: f64::NAN, distillation: -1.0, label_smoothing: 1.0, ..Losses::default() };
        assert_eq!(wrong.problems().len(), 3, "{:?}", wrong.problems());
        assert!(toml::from_str::<Losses>("share = 0.5").is_err());
    }
}
