//! Why a file of tasks cannot be used, and why a row does not fit a task.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file of tasks cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// It cannot be read.
    #[error("cannot read tasks `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// Its content is not sound.
    #[error("invalid tasks `{}`: {}", .path.display(), listed(.problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong, in the order of the file.
        problems: Vec<PoolProblem>,
    },
}

/// Something that is wrong in a file of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolProblem {
    /// The name of the file and the line, from 1.
    pub place: Line,
    /// What is wrong.
    pub text: String,
}

/// A line of a file, as messages tell it: `tasks.toml:7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Why a row does not fit a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// A field is absent, null or blank.
    #[error("it has no `{field}`; it has {has}")]
    Absent {
        /// The field.
        field: String,
        /// The fields that there are.
        has: String,
    },
    /// A field is no text and nothing that could be one.
    #[error("its `{field}` is {found}, expected {expected}")]
    Kind {
        /// The field.
        field: String,
        /// What it is.
        found: &'static str,
        /// What would do.
        expected: &'static str,
    },
    /// The task reads speech, and the row has none.
    #[error("it has no audio")]
    NoAudio,
    /// The language model cannot be asked so, or cannot answer so.
    #[error("{detail}")]
    Refused {
        /// In short.
        reason: &'static str,
        /// What it says.
        detail: String,
    },
}

impl Misfit {
    /// The same without what differs from row to row, to count by.
    pub fn reason(&self) -> String {
        match self {
            Self::Absent { field, .. } => format!("no `{field}`"),
            Self::Kind { field, found, .. } => format!("`{field}` is {found}"),
            Self::NoAudio => "no audio".to_owned(),
            Self::Refused { reason, .. } => (*reason).to_owned(),
        }
    }
}

impl Line {
    /// The line of a file in which the byte `start` of its `text` is.
    pub(super) fn of(path: &Path, text: &str, start: usize) -> Self {
        let before = text.as_bytes().get(..start).unwrap_or(text.as_bytes());
        let line = before.split(|byte| *byte == b'\n').count();
        Self { file: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(), line }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for PoolProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// One problem as it is; several with their number, a line each.
fn listed(problems: &[PoolProblem]) -> String {
    if let [only] = problems {
        return only.to_string();
    }
    let lines = problems.iter().map(|problem| format!("\n  {problem}"));
    std::iter::once(format!("{} problems", problems.len())).chain(lines).collect()
}
