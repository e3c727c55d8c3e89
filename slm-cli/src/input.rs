//! Audio that the user names: a file, or standard input.

use std::io;
use std::path::Path;

use slm_core::audio::{self, Audio, AudioError};

/// Whether `path` stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Audio, AudioError> {
    if is_stdin(path) { audio::read_stream(io::stdin(), path) } else { audio::read(path) }
}
