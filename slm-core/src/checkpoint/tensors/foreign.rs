//! Files that are taken for weights and are something else, told by their first bytes or by their names.

use std::collections::BTreeSet;
use std::path::Path;

/// A format that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignFormat {
    /// A pointer file of Git LFS, downloaded in place of the weights.
    #[error("this is a Git LFS pointer, not the weights")]
    GitLfsPointer,
    /// A web page, saved in place of the weights.
    #[error("this is an HTML page, not the weights")]
    Html,
    /// llama.cpp's format, where it is not clear which file is meant, or under another name.
    #[error("GGUF files are read by their own path, which ends in `.gguf`")]
    Gguf,
    /// Keras and early TensorFlow exports (`tf_model.h5`).
    #[error("HDF5 files are not supported")]
    Hdf5,
    /// `model.onnx`.
    #[error("ONNX files are not supported")]
    Onnx,
    /// Flax's format (`flax_model.msgpack`).
    #[error("msgpack files are not supported")]
    Msgpack,
    /// TensorFlow's checkpoints (`model.ckpt.index`).
    #[error("TensorFlow checkpoints are not supported")]
    TensorFlow,
}

impl ForeignFormat {
    /// By the first bytes of a file, where they are a signature.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let text = start.to_ascii_lowercase();
        if start.starts_with(b"version ") {
            Some(Self::GitLfsPointer)
        } else if text.starts_with(b"<!doctyp") || text.starts_with(b"<html") {
            Some(Self::Html)
        } else if start.starts_with(b"GGUF") {
            Some(Self::Gguf)
        } else if start.starts_with(b"\x89HDF") {
            Some(Self::Hdf5)
        } else {
            None
        }
    }

    /// By the name of a file, where weights of this format are named so.
    fn named(name: &str) -> Option<Self> {
        if name.ends_with(".ckpt.index") {
            return Some(Self::TensorFlow);
        }
        match Path::new(name).extension()?.to_str()? {
            "gguf" => Some(Self::Gguf),
            "h5" => Some(Self::Hdf5),
            "onnx" => Some(Self::Onnx),
            "msgpack" => Some(Self::Msgpack),
            _ => None,
        }
    }

    /// The first of `names` that is of weights in such a format.
    pub(super) fn among(names: &BTreeSet<String>) -> Option<(&str, Self)> {
        names.iter().find_map(|name| Self::named(name).map(|format| (name.as_str(), format)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_known() {
        assert_eq!(ForeignFormat::of(b"version https://git-lfs"), Some(ForeignFormat::GitLfsPointer));
        assert_eq!(ForeignFormat::of(b"<!DOCTYPE html>"), Some(ForeignFormat::Html));
        assert_eq!(ForeignFormat::of(b"GGUF\x03\0\0\0"), Some(ForeignFormat::Gguf));
        assert_eq!(ForeignFormat::of(&100_u64.to_le_bytes()), None);
    }

    #[test]
    fn names_are_known() {
        let among = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            ForeignFormat::among(&names).map(|(name, format)| (name.to_owned(), format))
        };
        let found = among(&["tf_model.h5", "config.json", "model.gguf"]);
        assert_eq!(found, Some(("model.gguf".to_owned(), ForeignFormat::Gguf)));
        assert_eq!(among(&["config.json", "model.ckpt"]), None);
    }
}
