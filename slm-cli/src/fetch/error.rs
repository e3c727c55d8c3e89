//! What can go wrong with a download.

use std::path::PathBuf;

/// Why a folder was not downloaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// Not a name of the hub.
    #[error("`{0}` is no repository, expected `OWNER/NAME` or `NAME`")]
    Repo(String),
    /// Not a web address, or not one that is used.
    #[error("cannot use the address `{url}`: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `HF_HUB_OFFLINE` is set.
    #[error("`HF_HUB_OFFLINE` is set, so nothing is downloaded")]
    Offline,
    /// No connection, or one that broke.
    #[error("cannot reach `{host}`: {reason}")]
    Network {
        /// The other side.
        host: String,
        /// What the system or the protocol said.
        reason: String,
    },
    /// The server refused.
    #[error("cannot fetch `{url}`: status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The server's answer is not what was asked for.
    #[error("cannot fetch `{url}`: {reason}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file's name leads out of the folder.
    #[error("the server names a file `{}`, which leaves the folder", .0.escape_debug())]
    Name(String),
    /// The repository has nothing that SLM reads.
    #[error("`{repo}` has no weights that SLM reads; its files are {files}")]
    Nothing {
        /// The repository.
        repo: String,
        /// Some of its files.
        files: String,
    },
    /// The repository has several files that each hold a model.
    #[error("`{repo}` has several models: {}", models.join(", "))]
    Several {
        /// The repository.
        repo: String,
        /// Their names and sizes.
        models: Vec<String>,
    },
    /// The file that was asked for is none that holds a model.
    #[error("`{repo}` has no model in a file `{file}`; {}", others(models))]
    NoModel {
        /// The repository.
        repo: String,
        /// The name that was asked for.
        file: String,
        /// The names and sizes of those that there are.
        models: Vec<String>,
    },
    /// What came is not what the hub says it should be.
    #[error("`{}`: {what} {expected} expected, {found} found", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// `size` or a kind of hash.
        what: &'static str,
        /// What the hub says.
        expected: String,
        /// What came.
        found: String,
    },
    /// A file of another content is there.
    #[error("`{}` is there already with another content", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The disk is too full for it.
    #[error("no space left for `{}`: needs {:.1} MB, {:.1} MB available", path.display(), *needed as f64 / 1e6,
        *free as f64 / 1e6)]
    Space {
        /// The folder.
        path: PathBuf,
        /// Bytes that are still to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The system refused.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// What there is in the place of a file that is not there.
fn others(models: &[String]) -> String {
    match models {
        [] => "no file of it holds a model alone".to_owned(),
        _ => format!("there are {}", models.join(", ")),
    }
}

impl FetchError {
    /// One next step.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Status { status: 401 | 403, .. } => {
                Some("a private or gated repository needs a token of someone who may read it, in `HF_TOKEN`")
            }
            Self::Status { status: 404, .. } => {
                Some("names are case-sensitive; a private one needs `HF_TOKEN`")
            }
            Self::Network { .. } => {
                Some("what is here already works without a network; the same command goes on")
            }
            Self::Space { .. } => {
                Some("`--out` names a folder on another disk, `--include` takes fewer files")
            }
            Self::Several { .. } => {
                Some("`--file NAME` takes one of them; the smaller of a kind, the less exact its weights")
            }
            Self::Nothing { .. } => Some(
                "SLM reads safetensors, PyTorch files, `.nemo` and `.gguf`; `--include` takes other files",
            ),
            Self::NoModel { .. } => Some("`--include` takes files of other kinds"),
            Self::Exists { .. } => Some("`--force` replaces it, `--out` names another folder"),
            Self::Mismatch { .. } => Some("the file was removed; the same command fetches it again"),
            _ => None,
        }
    }
}
