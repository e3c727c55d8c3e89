//! The tokenizer that a model was trained with, as files beside the model.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use slm_core::models::checkpoint::{Checkpoint, TOKENIZER_FILES, TOKENIZER_SETTINGS_FILE, json};
use slm_core::models::text::MAX_TOKENIZER_BYTES;

use crate::data::vocabulary::{EOS, FILE_NAME, PAD, UNKNOWN};

/// The files of a tokenizer, held in memory: what is written at the end of a training is what it began with.
#[derive(Debug, Clone)]
pub struct TokenizerFiles {
    files: Vec<(&'static str, Vec<u8>)>,
}

impl TokenizerFiles {
    /// Reads the files of the tokenizer in `checkpoint`, whichever of [`TOKENIZER_FILES`] it has.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or a model whose tokenizer is no file of its own, such as a `.nemo` archive.
    pub fn read(checkpoint: &Checkpoint) -> anyhow::Result<Self> {
        let names: Vec<&'static str> =
            TOKENIZER_FILES.into_iter().filter(|name| checkpoint.has(name)).collect();
        ensure!(
            !names.is_empty(),
            "`{}` has no tokenizer that can be taken along; it needs one of {}",
            checkpoint.place().display(),
            TOKENIZER_FILES.join(", ")
        );
        let settings = Some(TOKENIZER_SETTINGS_FILE).filter(|name| checkpoint.has(name));
        let files = names
            .into_iter()
            .chain(settings)
            .map(|name| Ok((name, checkpoint.read(name, MAX_TOKENIZER_BYTES)?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { files })
    }

    /// Writes them into the folder `to`. A `tokenizer.json` without settings is one of ours, and gets ours.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn write(&self, to: &Path) -> anyhow::Result<()> {
        for (name, bytes) in &self.files {
            let path = to.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        let has = |name: &str| self.files.iter().any(|(file, _)| *file == name);
        if has(FILE_NAME) && !has(TOKENIZER_SETTINGS_FILE) {
            let settings = serde_json::json!({
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": PAD,
                "eos_token": EOS,
                "unk_token": UNKNOWN,
            });
            json::write(&to.join(TOKENIZER_SETTINGS_FILE), &settings)?;
        }
        Ok(())
    }
}

/// Writes the tokenizer of the folder `from` into the folder `to`.
///
/// # Errors
///
/// As [`TokenizerFiles::read`] and [`TokenizerFiles::write`].
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    TokenizerFiles::read(&Checkpoint::open(from)?)?.write(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in `to` after a folder with the files `from` was copied there.
    fn copied(from: &[&str]) -> anyhow::Result<Vec<String>> {
        let (source, target) = (tempfile::tempdir()?, tempfile::tempdir()?);
        for name in from {
            fs::write(source.path().join(name), *name)?;
        }
        copy(source.path(), target.path())?;
        let mut names: Vec<String> = fs::read_dir(target.path())?
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for name in names.iter().filter(|name| from.contains(&name.as_str())) {
            assert_eq!(fs::read_to_string(target.path().join(name))?, *name);
        }
        Ok(names)
    }

    #[test]
    fn every_kind_of_tokenizer_is_taken_along() {
        assert_eq!(
            copied(&["tokenizer.json", "x.txt"]).unwrap(),
            ["tokenizer.json", TOKENIZER_SETTINGS_FILE]
        );
        assert_eq!(copied(&["spiece.model"]).unwrap(), ["spiece.model"]);
        assert_eq!(
            copied(&["vocab.json", TOKENIZER_SETTINGS_FILE]).unwrap(),
            [TOKENIZER_SETTINGS_FILE, "vocab.json"]
        );
        assert_eq!(
            copied(&["spiece.model", "tokenizer.json", TOKENIZER_SETTINGS_FILE]).unwrap(),
            ["spiece.model", "tokenizer.json", TOKENIZER_SETTINGS_FILE]
        );
        for other in [&["model.nemo"][..], &["config.json"]] {
            let error = copied(other).unwrap_err().to_string();
            assert!(error.contains("needs one of tokenizer.json, spiece.model, "), "{error}");
        }
    }
}
