//! What the small files of a model hold: bytes, settings in JSON, the family, the card.

use std::fs::File;
use std::io::Read;

use serde::de::DeserializeOwned;

use super::card::{CARD_FILE, ModelCard};
use super::json::{self, JsonError};
use super::nemo::{self, NemoError, NemoSource};
use super::{CONFIG_FILE, Checkpoint, CheckpointError, Layout};

/// The family that an archive of NeMo counts as.
const NEMO_TYPE: &str = "nemo";

impl Checkpoint {
    /// The content of the file `name`, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the model does not have it, it is larger, or it cannot be read.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, CheckpointError> {
        let path = self.path_of(name);
        if let Some(content) = self.within(name)? {
            let content = content.to_string().into_bytes();
            let bytes = content.len() as u64;
            return if bytes > limit {
                Err(CheckpointError::TooLarge { path, bytes, limit })
            } else {
                Ok(content)
            };
        }
        if !self.has(name) {
            return Err(CheckpointError::Missing { path });
        }
        let io = |source| CheckpointError::Io { path: path.clone(), source };
        let file = File::open(&path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        if bytes > limit {
            return Err(CheckpointError::TooLarge { path, bytes, limit });
        }
        let mut content = Vec::new();
        // A file may grow while it is read.
        file.take(limit).read_to_end(&mut content).map_err(io)?;
        Ok(content)
    }

    /// Reads the file `name` as JSON. A field that is `null` counts as absent.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when the model does not have it, or it is not what `T` expects.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, JsonError> {
        self.json_with_nulls(name, &[])
    }

    /// The same, where `null` in the fields named in `nulls` says something else than their absence.
    ///
    /// # Errors
    ///
    /// As [`Self::json`].
    pub fn json_with_nulls<T: DeserializeOwned>(&self, name: &str, nulls: &[&str]) -> Result<T, JsonError> {
        if let Some(content) = self.within(name)? {
            let path = self.path_of(name);
            return serde_json::from_value(content).map_err(|source| JsonError::Content { path, source });
        }
        let missing = |source| JsonError::Io { path: self.path_of(name), source };
        json::read_settings(&self.existing(name).map_err(missing)?, nulls)
    }

    /// Reads the file `name` as JSON whose `problems`, one text each, are none.
    ///
    /// # Errors
    ///
    /// As [`Self::json`], and [`JsonError::Invalid`] with all problems.
    pub fn json_checked<T: DeserializeOwned>(
        &self,
        name: &str,
        problems: impl FnOnce(&T) -> Vec<String>,
    ) -> Result<T, JsonError> {
        json::checked(self.json(name)?, &self.path_of(name), problems)
    }

    /// The family, as `config.json` names it: `None` where it names none. An archive's is `nemo`, that of a SALM of NeMo
    /// `nemo_salm`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when `config.json` cannot be read.
    pub fn model_type(&self) -> Result<Option<String>, JsonError> {
        match self.layout() {
            Layout::Nemo => Ok(Some(NEMO_TYPE.to_owned())),
            Layout::HuggingFace | Layout::Gguf => Ok(self.json::<nemo::Section>(CONFIG_FILE)?.family()),
        }
    }

    /// What NeMo says of an encoder and its features: the settings of an archive, or those in the `config.json` of a SALM.
    /// `None` for other models.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when they cannot be read, or a field is not of its type.
    pub fn nemo_source(&self) -> Result<Option<NemoSource>, NemoError> {
        if let Some(archive) = self.nemo()? {
            let (settings, path) = (archive.settings()?, archive.path().to_owned());
            return Ok(Some(NemoSource { settings, path, prefix: "" }));
        }
        if self.layout() != Layout::HuggingFace || !self.has(CONFIG_FILE) {
            return Ok(None);
        }
        let path = self.path_of(CONFIG_FILE);
        let section: nemo::Section = self.json_with_nulls(CONFIG_FILE, nemo::NULLS)?;
        let content = |source| JsonError::Content { path: path.clone(), source };
        let found = section.settings().map_err(content)?;
        Ok(found.map(|(settings, prefix)| NemoSource { settings, path, prefix }))
    }

    /// What `README.md` states, where there is one.
    pub fn card(&self) -> ModelCard {
        if self.has(CARD_FILE) { ModelCard::read(&self.path_of(CARD_FILE)) } else { ModelCard::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_read_up_to_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("abc"), "abc").unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!(checkpoint.read("abc", 3).unwrap(), b"abc");
        let error = checkpoint.read("abc", 2).unwrap_err().to_string();
        assert!(error.ends_with("abc`: 3 bytes, limit is 2"), "{error}");
    }

    #[test]
    fn a_family_may_be_absent() {
        let dir = tempfile::tempdir().unwrap();
        let found = |text: &str| {
            fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
            Checkpoint::open(dir.path()).unwrap().model_type()
        };
        assert_eq!(found(r#"{"model_type": "t5"}"#).unwrap().as_deref(), Some("t5"));
        assert_eq!(found("{}").unwrap(), None);
        assert_eq!(found(r#"{"model_type": null}"#).unwrap(), None);
        assert!(matches!(found(r#"{"model_type": 1}"#), Err(JsonError::Content { .. })));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(Checkpoint::open(empty.path()).unwrap().model_type(), Err(JsonError::Io { .. })));
    }
}
