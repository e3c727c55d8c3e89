//! Why no text could be generated.

use crate::checkpoint::tensors::Cause;

/// Why no text could be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Settings out of range.
    #[error("invalid decoding settings: {}", problems.join(", "))]
    Config {
        /// One text a setting.
        problems: Vec<String>,
    },
    /// The device failed.
    #[error("cannot read the logits of step {step} from the device: {source}")]
    ReadBack {
        /// The step, counted from 0.
        step: usize,
        /// What the backend said.
        source: Cause,
    },
    /// The model's output is NaN or infinite.
    #[error("the logits of step {step} are not finite in row {row}")]
    NonFinite {
        /// The step, counted from 0.
        step: usize,
        /// The row of the batch in that step.
        row: usize,
    },
    /// The caller's watch stopped.
    #[error("cancelled")]
    Cancelled,
}
