//! Which files make a model what it is: its weights, what a bundle takes along, and one hash over all of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::names::in_base;
use super::nemo::{NemoArchive, NemoError};
use super::tensors::{WeightFiles, WeightsError};
use super::{
    ADAPTER_WEIGHTS_FILE, CHAT_TEMPLATE_FILE, CONFIG_FILE, Checkpoint, CheckpointError, GENERATION_FILE,
    Layout, PREPROCESSOR_FILE, PROCESSOR_FILE, PROCESSOR_TEMPLATE_FILE, SPECIAL_TOKENS_FILE, TOKENIZER_FILES,
    TOKENIZER_SETTINGS_FILE, hash,
};

impl Checkpoint {
    /// The archive, opened; `None` where the model is a folder.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when it cannot be read.
    pub fn nemo(&self) -> Result<Option<NemoArchive>, NemoError> {
        match self.layout() {
            Layout::Nemo => NemoArchive::open(self.place()).map(Some),
            Layout::HuggingFace | Layout::Gguf => Ok(None),
        }
    }

    /// What the weight files say of their tensors: `model.safetensors`, or the shards that its index names, or else
    /// `pytorch_model.bin`, or its shards; of an archive or a GGUF file, its weights.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is none of them, a file cannot be read or is not sound, or index and shards
    /// contradict each other.
    pub fn weights(&self) -> Result<WeightFiles, WeightsError> {
        match self.layout() {
            Layout::Nemo => WeightFiles::of_archive(self.place()),
            Layout::Gguf => WeightFiles::of_gguf(self.place()),
            Layout::HuggingFace => WeightFiles::among(self.place(), self.files()),
        }
    }

    /// What the file of a LoRA adapter, which may lie beside a model's own, says of its tensors.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is none, or it cannot be read or is not sound.
    pub fn adapter_weights(&self) -> Result<WeightFiles, WeightsError> {
        let path = self.path_of(ADAPTER_WEIGHTS_FILE);
        match self.existing(ADAPTER_WEIGHTS_FILE) {
            Ok(path) => WeightFiles::of_safetensors(path),
            Err(source) => Err(WeightsError::Io { path, source }),
        }
    }

    /// The names of the weight files, the index included.
    ///
    /// # Errors
    ///
    /// As [`Self::weights`].
    pub fn weight_names(&self) -> Result<Vec<String>, WeightsError> {
        let weights = self.weights()?;
        let index = Some(weights.path()).filter(|path| !weights.files().iter().any(|file| file == path));
        let paths = weights.files().iter().map(PathBuf::as_path).chain(index);
        Ok(paths.filter_map(Path::file_name).map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// The names of the files that make the model what it is, and that a bundle takes along: config, settings of
    /// features and of generation, tokenizer and weights, as far as they are there, and those of its [base](Self::base).
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the weight files cannot be told.
    pub fn model_files(&self) -> Result<Vec<String>, CheckpointError> {
        let small: &[&str] = match self.layout() {
            Layout::HuggingFace => &[CONFIG_FILE, PREPROCESSOR_FILE, PROCESSOR_FILE, GENERATION_FILE],
            // An archive holds these itself.
            Layout::Nemo => &[],
            Layout::Gguf => &[GENERATION_FILE],
        };
        let chat =
            [TOKENIZER_SETTINGS_FILE, SPECIAL_TOKENS_FILE, CHAT_TEMPLATE_FILE, PROCESSOR_TEMPLATE_FILE];
        let named = small.iter().chain(&TOKENIZER_FILES).chain(&chat);
        let named =
            named.filter(|name| self.has(name) && !self.is_within(name)).map(|name| (*name).to_owned());
        let mut names: Vec<String> = named.chain(self.weight_names()?).collect();
        if let Some(base) = self.base()? {
            names.extend(base.model_files()?.iter().map(|name| in_base(name)));
        }
        Ok(names)
    }

    /// One SHA-256 over name and content of every file that decides what the model computes. Settings of generation are
    /// not among them, nor is what people read.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] naming the file that cannot be read.
    pub fn content_hash(&self) -> Result<String, CheckpointError> {
        let mut files = self.model_files()?;
        files.retain(|name| name != GENERATION_FILE);
        files.sort();
        let mut listing = String::new();
        for name in files {
            let path = self.path_of(&name);
            let digest = hash::sha256_file(&path).map_err(|source| CheckpointError::Io { path, source })?;
            // Writing to a string cannot fail.
            let _ = writeln!(listing, "{digest} {name}");
        }
        Ok(hash::sha256(listing.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::checkpoint::WEIGHTS_FILE as WEIGHTS;

    #[test]
    fn a_model_is_what_it_computes_from() {
        let dir = tempfile::tempdir().unwrap();
        for name in [CONFIG_FILE, GENERATION_FILE, "tokenizer.json", "README.md", "picture.png"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        // A safetensors file without tensors.
        fs::write(dir.path().join(WEIGHTS), b"\x02\0\0\0\0\0\0\0{}").unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!(
            checkpoint.model_files().unwrap(),
            [CONFIG_FILE, GENERATION_FILE, "tokenizer.json", WEIGHTS]
        );
        assert_eq!(checkpoint.weight_names().unwrap(), [WEIGHTS]);
        let hash = || Checkpoint::open(dir.path()).unwrap().content_hash().unwrap();
        let before = hash();
        for (name, is_part) in
            [("README.md", false), ("new.png", false), (GENERATION_FILE, false), ("tokenizer.json", true)]
        {
            fs::write(dir.path().join(name), "changed").unwrap();
            assert_eq!(hash() != before, is_part, "{name}");
        }
        let before = hash();
        fs::write(dir.path().join(CONFIG_FILE), "changed").unwrap();
        assert_ne!(hash(), before);
        let before = hash();
        fs::rename(dir.path().join("tokenizer.json"), dir.path().join("spiece.model")).unwrap();
        assert_ne!(hash(), before);
    }
}
