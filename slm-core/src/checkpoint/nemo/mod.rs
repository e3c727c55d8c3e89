//! `.nemo` archives: a model as NVIDIA's NeMo saves it, read where it is, without unpacking.
//!
//! An archive is a tar of `model_config.yaml`, `model_weights.ckpt` (a file of PyTorch) and the tokenizer. Here it is its
//! files and its settings as plain data ([`NemoSettings`]); what they mean is said by those who load a model, its
//! features and its tokenizer from them.
//!
//! Source: NeMo's `SaveRestoreConnector`.

mod archive;
mod problems;
mod section;
mod settings;

use std::error::Error;
use std::path::PathBuf;

use super::json::JsonError;

pub use archive::NemoArchive;
pub(crate) use archive::{WEIGHTS, Window};
pub(crate) use problems::FieldProblems;
pub(crate) use section::{NULLS, SALM_TYPE, Section};
pub use settings::{AuxiliaryCtc, Decoder, Encoder, NemoSettings, Preprocessor, Tokenizer};

/// The extension of an archive's name.
pub const EXTENSION: &str = "nemo";

/// The settings of an encoder and its features, and where they and the tensors are.
#[derive(Debug)]
pub struct NemoSource {
    /// What they say.
    pub settings: NemoSettings,
    /// The archive, or `config.json`.
    pub path: PathBuf,
    /// What stands before the names of its tensors.
    pub prefix: &'static str,
}

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NemoError {
    /// The system refused.
    #[error("cannot open archive `{}`", path.display())]
    Io {
        /// The archive.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is no archive, or a damaged one.
    #[error("cannot open archive `{}`: {source}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it, or the system's reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file in it is larger than any real one.
    #[error("cannot open archive `{}`: `{member}` has {bytes} bytes, limit is {limit}", path.display())]
    TooLarge {
        /// The archive.
        path: PathBuf,
        /// The file in it.
        member: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// `config.json` of a model that has its settings there.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `model_config.yaml` describes no model that is known, or contradicts itself.
    #[error("cannot load config `{}`: {} invalid field{}: {}", path.display(), problems.len(),
        if problems.len() == 1 { "" } else { "s" }, problems.join(", "))]
    Config {
        /// The archive.
        path: PathBuf,
        /// One text a field.
        problems: Vec<String>,
    },
}
