//! What keeps an answer out of its file.

use std::io;
use std::path::PathBuf;

/// Why an answer is not in a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The folder is not there, and cannot be made.
    #[error("cannot create folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
