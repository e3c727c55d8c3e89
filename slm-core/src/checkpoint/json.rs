//! Reading the small JSON files of a model folder, with errors that name the file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::gguf::GgufError;
use super::nulls::without_nulls;
use super::replace;

/// The largest config file that is read. A config is a few kilobytes; anything near this is not one.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Why a JSON file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The system refused.
    #[error("cannot load config `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_CONFIG_BYTES`].
    #[error("cannot load config `{}`: {bytes} bytes, limit is {MAX_CONFIG_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The content is not what was expected.
    #[error("cannot load config `{}`: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Field or syntax, with line and column.
        source: serde_json::Error,
    },
    /// Fields that contradict each other or their range.
    #[error("cannot load config `{}`: {} invalid field{}: {}", path.display(), problems.len(),
        if problems.len() == 1 { "" } else { "s" }, problems.join(", "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// One text a field: name, value, what is allowed.
        problems: Vec<String>,
    },
    /// What a GGUF file says in the place of the JSON file.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Reads `path` as JSON.
///
/// # Errors
///
/// [`JsonError`] if it is missing, too large, or not what `T` expects.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, JsonError> {
    parse(path, &content(path)?)
}

/// Reads `path` as the settings of a model: a field that is `null` counts as absent, but for those named in `nulls`.
///
/// # Errors
///
/// As [`read`].
pub(super) fn read_settings<T: DeserializeOwned>(path: &Path, nulls: &[&str]) -> Result<T, JsonError> {
    parse(path, &without_nulls(content(path)?, nulls))
}

/// The bytes of a file that is not too large.
fn content(path: &Path) -> Result<Vec<u8>, JsonError> {
    let io = |source| JsonError::Io { path: path.into(), source };
    let bytes = fs::metadata(path).map_err(io)?.len();
    if bytes > MAX_CONFIG_BYTES {
        return Err(JsonError::TooLarge { path: path.into(), bytes });
    }
    fs::read(path).map_err(io)
}

fn parse<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(text).map_err(|source| JsonError::Content { path: path.into(), source })
}

/// `value`, which was read from `path`, where it has no `problems`.
pub(crate) fn checked<T>(
    value: T,
    path: &Path,
    problems: impl FnOnce(&T) -> Vec<String>,
) -> Result<T, JsonError> {
    let problems = problems(&value);
    if problems.is_empty() { Ok(value) } else { Err(JsonError::Invalid { path: path.into(), problems }) }
}

/// Writes `value` as indented JSON, by a temporary name and a rename, so that no reader sees half. After a failure the
/// file is what it was.
///
/// # Errors
///
/// [`JsonError::Write`] with the system's reason.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), JsonError> {
    let write = |source| JsonError::Write { path: path.into(), source };
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|source| JsonError::Content { path: path.into(), source })?;
    text.push(b'\n');
    replace(path, &text).map_err(write)
}
