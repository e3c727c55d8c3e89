//! Where a model's logits come from.

use crate::checkpoint::tensors::TensorReader;
use crate::checkpoint::{WeightFiles, WeightsError};

/// Where the logits come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputHead {
    /// The embedding's matrix (T5 v1.0).
    Tied,
    /// A matrix of its own (T5 v1.1, mT5).
    Own,
}

impl OutputHead {
    /// That of files whose config says that the head is `tied`, as transformers decides: a tied head that is saved beside
    /// its `embedding` is a copy, which every `pytorch_model.bin` has; one with other values is the model's own, whatever
    /// the config says.
    pub(super) fn of(
        files: &WeightFiles,
        head: &str,
        embedding: &str,
        tied: bool,
    ) -> Result<Self, WeightsError> {
        let is_own = match (files.contains(head), tied) {
            (false, _) => false,
            (true, false) => true,
            (true, true) => !TensorReader::new(files).are_same(head, embedding)?,
        };
        Ok(if is_own { Self::Own } else { Self::Tied })
    }
}
