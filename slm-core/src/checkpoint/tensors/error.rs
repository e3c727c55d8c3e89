//! Why weights could not be read or written.

use std::error::Error;
use std::path::PathBuf;

use super::{ForeignFormat, HeaderProblem, IndexProblem, TensorProblem};
use crate::checkpoint::gguf::GgufError;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::nemo::NemoError;

/// At most this many problems are spelled out in a message.
const MAX_LISTED: usize = 20;

/// What is beneath an error, of whatever type.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a weight file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The system refused.
    #[error("cannot load weights `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The header contradicts the file or itself.
    #[error("cannot load weights `{}`: {problem}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: HeaderProblem,
    },
    /// A file of PyTorch is damaged, or something else.
    #[error("cannot load weights `{}`: {source}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, or what the reader said.
        source: Cause,
    },
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// A GGUF file.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The folder's weights are of a format that is not read.
    #[error("cannot load weights `{}`: {format}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The format.
        format: ForeignFormat,
    },
    /// The index of a sharded folder cannot be read.
    #[error(transparent)]
    IndexFile(#[from] JsonError),
    /// The index contradicts the shards.
    #[error("cannot load weights `{}`: {problem}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        problem: IndexProblem,
    },
    /// Tensors and model do not fit.
    #[error("cannot load weights `{}`: {}", path.display(), summary(problems))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// One entry a tensor.
        problems: Vec<TensorProblem>,
    },
    /// A tensor's bytes could not be read.
    #[error("cannot load weights `{}`: tensor `{name}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What the reader said.
        source: Cause,
    },
    /// The file could not be written.
    #[error("cannot write weights `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason, or a [`TensorProblem`].
        source: Cause,
    },
    /// The caller ended the loading.
    #[error("cancelled")]
    Cancelled,
}

/// Counts by kind, then one line a problem.
fn summary(problems: &[TensorProblem]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for problem in problems {
        let kind = match problem {
            TensorProblem::Missing { .. } => "missing",
            TensorProblem::Unexpected { .. } => "unexpected",
            TensorProblem::Shape { .. } => "misshaped",
            TensorProblem::Type { .. } => "of a wrong dtype",
            TensorProblem::TooLarge { .. } => "too large for the dtype",
            TensorProblem::NonFinite { .. } => "non-finite",
        };
        match counts.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    let mut text: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let mut lines = vec![text.join(", ")];
    text = problems.iter().take(MAX_LISTED).map(|problem| format!("  {problem}")).collect();
    lines.append(&mut text);
    if problems.len() > MAX_LISTED {
        lines.push(format!("  .. and {} more", problems.len() - MAX_LISTED));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_problems_are_counted_and_some_spelled_out() {
        let missing = |index: usize| TensorProblem::Missing {
            name: format!("x.{index}"),
            expected: vec![2, 3],
            nearest: (index == 0).then(|| "y.0".to_owned()),
        };
        let mut problems: Vec<TensorProblem> = (0..=MAX_LISTED).map(missing).collect();
        problems.push(TensorProblem::Type { name: "z".into(), found: "I8".into() });
        let text = WeightsError::Tensors { path: "a".into(), problems }.to_string();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("cannot load weights `a`: 21 missing, 1 of a wrong dtype"));
        assert_eq!(lines.next(), Some("  missing `x.0` [2, 3], nearest in the file: `y.0`"));
        assert_eq!(lines.last(), Some("  .. and 2 more"));
    }

    #[test]
    fn the_system_s_reason_is_kept() {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = WeightsError::Write { path: "a".into(), source: source.into() };
        let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("cannot write weights `a`: "), "{error}");
    }
}
