//! The optimizers.

use burn::optim::{AdafactorConfig, AdamWConfig, ModuleOptimizer};
use serde::{Deserialize, Serialize};

/// What turns gradients into steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Two moments for each parameter (arXiv 1711.05101).
    #[default]
    AdamW,
    /// A second moment for each row and column, none for each parameter, with the schedule's rate as it is: for models
    /// whose moments would not fit (arXiv 1804.04235, without relative steps and without scaling by the parameters).
    Adafactor,
}

impl OptimizerKind {
    /// The optimizer that a fresh run starts with; `beta_2` is the decay of AdamW's second moments.
    pub fn init(self, beta_2: f32, weight_decay: f32) -> ModuleOptimizer {
        match self {
            Self::AdamW => AdamWConfig::new()
                .with_beta_2(beta_2)
                .with_epsilon(1e-8)
                .with_weight_decay(weight_decay)
                .init(),
            Self::Adafactor => AdafactorConfig::new()
                .with_relative_step(false)
                .with_scale_parameter(false)
                .with_weight_decay(weight_decay)
                .init(),
        }
    }
}
