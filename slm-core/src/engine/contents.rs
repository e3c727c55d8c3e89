//! What lies at a path: the one place that decides it.

use std::path::{Path, PathBuf};

use super::error::Error;
use crate::checkpoint::bundle::{Bundle, MANIFEST_NAME};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::{encoder, llm};

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelKind {
    /// A speech encoder, an adapter and a language model, joined by `slm.json`. It answers.
    Bundle,
    /// A speech encoder alone.
    SpeechEncoder,
    /// A language model alone.
    LanguageModel,
}

/// A model of each kind, its files known and not loaded.
pub(super) enum Contents {
    Bundle(Box<Bundle>),
    SpeechEncoder(Checkpoint),
    LanguageModel(Checkpoint),
}

/// A `model_type` that nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("cannot load config `{}`: `model_type` is `{found}`, known are {}", path.display(), known.join(", "))]
pub(super) struct UnknownFamily {
    path: PathBuf,
    found: String,
    known: Vec<&'static str>,
}

impl Contents {
    /// Says what lies at `place`. The hashes of a bundle are compared, unless `keep_going` says no in between.
    pub(super) fn open(place: &Path, keep_going: &dyn Fn() -> bool) -> Result<Self, Error> {
        if place.join(MANIFEST_NAME).exists() {
            return Ok(Self::Bundle(Box::new(Bundle::open_watched(place, keep_going)?)));
        }
        let checkpoint = Checkpoint::open(place)?;
        let model_type = checkpoint.model_type()?;
        // A config without a family is T5's, where it looks like one.
        let found = model_type.as_deref().unwrap_or("absent");
        if encoder::family_of(found).is_some() {
            return Ok(Self::SpeechEncoder(checkpoint));
        }
        if llm::family_of(found).is_some() {
            return Ok(Self::LanguageModel(checkpoint));
        }
        let known = encoder::model_types().into_iter().chain(llm::model_types()).collect();
        let path = checkpoint.path_of(CONFIG_FILE);
        Err(Error::Unsupported(Box::new(UnknownFamily { path, found: found.to_owned(), known })))
    }

    pub(super) fn kind(&self) -> ModelKind {
        match self {
            Self::Bundle(_) => ModelKind::Bundle,
            Self::SpeechEncoder(_) => ModelKind::SpeechEncoder,
            Self::LanguageModel(_) => ModelKind::LanguageModel,
        }
    }
}
