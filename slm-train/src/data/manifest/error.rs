//! Why training data cannot be used, row by row.

use std::io;
use std::path::{Path, PathBuf};

/// Bad rows that a message shows.
const SHOWN: usize = 10;
/// Characters of a path from a file that a message shows.
const SHOWN_CHARS: usize = 200;

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A file or folder cannot be read.
    #[error("cannot read manifest `{}`: {source}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write manifest `{}`: {source}", .path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// What is there is of another format.
    #[error(
        "invalid manifest `{}`: this is {found}, expected one JSON object per line, a table with tabs, \
         LibriSpeech folders or tar shards", .path.display()
    )]
    Format {
        /// The manifest.
        path: PathBuf,
        /// What it looks like.
        found: &'static str,
    },
    /// A table lacks a column.
    #[error("invalid manifest `{}`: no column `{wanted}`, found {found}", .path.display())]
    Column {
        /// The manifest.
        path: PathBuf,
        /// The columns that would do.
        wanted: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// There are no rows.
    #[error("invalid manifest `{}`: no rows", .path.display())]
    Empty {
        /// The manifest.
        path: PathBuf,
    },
    /// Some rows are bad.
    #[error("invalid manifest `{}`: {}", .path.display(), summary(*.rows, .bad))]
    Rows {
        /// The manifest.
        path: PathBuf,
        /// Number of rows.
        rows: usize,
        /// All bad ones, in order.
        bad: Vec<BadRow>,
    },
}

impl ManifestError {
    pub(super) fn read(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Place {
    /// In a line of a text file, from 1.
    #[error("{}:{line}", name(.file))]
    Line {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
    },
    /// Under a key of an archive.
    #[error("{}:{}", name(.file), shown(.key))]
    Key {
        /// The archive.
        file: PathBuf,
        /// The key.
        key: String,
    },
}

/// A bad row.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct BadRow {
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it.
    pub problem: RowProblem,
}

/// What can be wrong with a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// The line is longer than is allowed.
    #[error("line of {found} bytes, allowed are {allowed}")]
    TooLong {
        /// Its bytes.
        found: usize,
        /// How many may be.
        allowed: usize,
    },
    /// Not a JSON object with the fields of [`Utterance`](super::Utterance).
    #[error("{}", json_message(.0))]
    Json(serde_json::Error),
    /// A line is no text.
    #[error("not UTF-8")]
    NotText,
    /// A line of a table has other fields than the header.
    #[error("{found} fields, the header has {expected}")]
    Fields {
        /// In the line.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// A field is absent.
    #[error("no {0}")]
    Absent(&'static str),
    /// A field has a value that is not supported.
    #[error("{field} is `{}`, expected {expected}", shown(.found))]
    Unsupported {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// The duration is not a positive number.
    #[error("`duration` is {0}, must be positive")]
    Duration(f64),
    /// The start is negative or no number.
    #[error("`offset` is {0}, must be 0 or more")]
    Offset(f64),
    /// The duration is more than 1 % off the file's, both in seconds.
    #[error("`duration` is {stated}, the file has {found:.3} s")]
    WrongDuration {
        /// In the manifest.
        stated: f64,
        /// In the file.
        found: f64,
    },
    /// The utterance ends after its file.
    #[error("it ends at {end:.3} s, the file has {found:.3} s")]
    BeyondEnd {
        /// Where it ends, in seconds.
        end: f64,
        /// Length of the file.
        found: f64,
    },
    /// The path leads out of the data root.
    #[error("`{}` leaves the data root", shown(&.0.to_string_lossy()))]
    Outside(PathBuf),
    /// The audio file is not there, or is no regular file.
    #[error("audio file `{}` is missing", shown(&.0.to_string_lossy()))]
    Missing(PathBuf),
    /// The audio cannot be read.
    #[error("{0}")]
    Audio(slm_core::audio::AudioError),
    /// The archive is damaged, or holds what cannot be read.
    #[error("{0}")]
    Archive(io::Error),
}

/// `P:7: problem` for a single bad row; else the counts and a list.
fn summary(rows: usize, bad: &[BadRow]) -> String {
    if let [only] = bad {
        return only.to_string();
    }
    let missing = bad.iter().filter(|row| matches!(row.problem, RowProblem::Missing(_))).count();
    let counts = match (bad.len() - missing, missing) {
        (0, missing) => format!("{rows} rows: {missing} audio files missing"),
        (other, 0) => format!("{rows} rows: {other} bad"),
        (other, missing) => format!("{rows} rows: {other} bad, {missing} audio files missing"),
    };
    let mut lines = vec![counts];
    lines.extend(bad.iter().take(SHOWN).map(|bad| format!("  {bad}")));
    if bad.len() > SHOWN {
        lines.push(format!("  .. and {} more", bad.len() - SHOWN));
    }
    lines.join("\n")
}

/// serde_json's message without its own line number, since it saw a single line.
fn json_message(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column", " at column")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A text from a file, escaped and cut.
fn shown(text: &str) -> String {
    text.escape_debug().take(SHOWN_CHARS).collect()
}
