//! `.nemo` archives: a FastConformer as NVIDIA's NeMo saves it, read where it is, without unpacking.
//!
//! An archive is a tar of `model_config.yaml`, `model_weights.ckpt` (a file of PyTorch) and the tokenizer. The model is
//! the one that transformers calls Parakeet under other names ([`tensor_name`]), so that this module only translates:
//! [`NemoModel`] gives the settings of [`Parakeet`](crate::encoder::Parakeet) and [`LogMel`](crate::features::LogMel).
//!
//! Source: NeMo's `SaveRestoreConnector`, `ConformerEncoder`, `AudioToMelSpectrogramPreprocessor`; the names of
//! transformers 5.23.0, `models/parakeet/convert_nemo_to_hf.py`.

mod archive;
mod model;
mod names;
mod settings;

use std::path::{Path, PathBuf};

pub(crate) use archive::{NemoArchive, WEIGHTS, Window};
pub(crate) use model::{Head, Labels, NemoModel};
pub(crate) use names::tensor_name;

/// The extension of an archive's name.
pub const EXTENSION: &str = "nemo";

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
    #[error("cannot open archive `{}`: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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

/// The archive that `place` is, or, being a folder without a `config.json`, holds as its only one.
pub fn find(place: &Path) -> Option<PathBuf> {
    let is_archive =
        |path: &Path| path.extension().is_some_and(|extension| extension == EXTENSION) && path.is_file();
    if is_archive(place) {
        return Some(place.to_owned());
    }
    if place.join("config.json").exists() {
        return None;
    }
    let entries = std::fs::read_dir(place).ok()?;
    let mut archives = entries.flatten().map(|entry| entry.path()).filter(|path| is_archive(path));
    let only = archives.next()?;
    archives.next().is_none().then_some(only)
}
