//! Text to token ids and back, through the `tokenizers` crate.
//!
//! A `tokenizer.json` is untrusted: its `padding` and `truncation` sections are dropped before loading
//! (batching is ours, and a huge fixed padding would abort the process), and a panic of the crate on a
//! crafted file is turned into an error.

mod ctc_vocabulary;
mod sentencepiece;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use crate::hash::sha256;
use crate::nemo::{self, Labels, NemoArchive, NemoError, NemoModel};

/// The file name in a model folder.
pub const FILE_NAME: &str = "tokenizer.json";
/// The files that a tokenizer is read from; the first that a folder has counts.
pub const FILE_NAMES: [&str; 5] =
    [FILE_NAME, "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", ctc_vocabulary::FILE_NAME];

/// The largest `tokenizer.json` that is read; mT5's has 16 MB.
pub const MAX_TOKENIZER_BYTES: u64 = 64 << 20;

/// Why a tokenizer could not be loaded or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The system refused.
    #[error("cannot load tokenizer `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_TOKENIZER_BYTES`].
    #[error("cannot load tokenizer `{}`: {bytes} bytes, limit is {MAX_TOKENIZER_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The content is not a tokenizer.
    #[error("cannot load tokenizer `{}`: tokenizer definition is invalid: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the crate said.
        reason: String,
    },
    /// The tokenizer has more ids than the model has rows.
    #[error("cannot load tokenizer `{}`: {tokens} tokens, embedding has {rows} rows", path.display())]
    TooManyTokens {
        /// The file.
        path: PathBuf,
        /// Ids of the tokenizer.
        tokens: usize,
        /// Rows of the embedding.
        rows: usize,
    },
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// A text has no encoding.
    #[error("cannot encode text `{text}`: {reason}")]
    Encode {
        /// The text, cut to 200 characters.
        text: String,
        /// What the crate said.
        reason: String,
    },
    /// Ids have no text.
    #[error("cannot decode token ids: {reason}")]
    Decode {
        /// What the crate said.
        reason: String,
    },
}

/// The bytes of a tokenizer's file.
fn read(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    let io = |source| TokenizerError::Io { path: path.into(), source };
    let bytes = fs::metadata(path).map_err(io)?.len();
    if bytes > MAX_TOKENIZER_BYTES {
        return Err(TokenizerError::TooLarge { path: path.into(), bytes });
    }
    fs::read(path).map_err(io)
}

/// A tokenizer without special tokens, padding or truncation: those are the model's business.
#[derive(Debug, Clone)]
pub struct TextTokenizer {
    inner: Tokenizer,
    path: PathBuf,
    digest: String,
}

impl TextTokenizer {
    /// Loads `tokenizer.json` from `dir`; where there is none, a SentencePiece model, the labels in `vocab.json`, or
    /// those of the [`nemo`] archive that `dir` is or holds.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] naming the file.
    pub fn from_dir(dir: &Path) -> Result<Self, TokenizerError> {
        let name = FILE_NAMES.into_iter().find(|name| dir.join(name).exists());
        if let (None, Some(archive)) = (name, nemo::find(dir)) {
            return Self::from_nemo(&archive);
        }
        let name = name.unwrap_or(FILE_NAME);
        let path = dir.join(name);
        let content = read(&path)?;
        match name {
            FILE_NAME => Self::from_bytes(&content, &path),
            ctc_vocabulary::FILE_NAME => {
                Self::from_bytes(ctc_vocabulary::from_folder(&content, dir)?.as_bytes(), &path)
            }
            _ => Self::from_sentencepiece(&content, &path),
        }
    }

    /// Loads the tokenizer of a folder that need not have one.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] naming the file that is there and does not load.
    pub fn find(dir: &Path) -> Result<Option<Self>, TokenizerError> {
        let is_there = FILE_NAMES.iter().any(|name| dir.join(name).exists()) || nemo::find(dir).is_some();
        is_there.then(|| Self::from_dir(dir)).transpose()
    }

    /// The tokenizer of the labels in the archive at `path`.
    fn from_nemo(path: &Path) -> Result<Self, TokenizerError> {
        let invalid = |reason| TokenizerError::Invalid { path: path.into(), reason };
        let archive = NemoArchive::open(path)?;
        match NemoModel::read(&archive)?.labels {
            Labels::Pieces(member) => {
                Self::from_sentencepiece(&archive.read(&member, MAX_TOKENIZER_BYTES)?, path)
            }
            Labels::Characters(characters) => {
                let definition = ctc_vocabulary::of_characters(&characters).map_err(invalid)?;
                Self::from_bytes(definition.as_bytes(), path)
            }
            Labels::Other(reason) => Err(invalid(reason)),
        }
    }

    /// Builds the tokenizer of a SentencePiece model; `path` is for messages.
    fn from_sentencepiece(model: &[u8], path: &Path) -> Result<Self, TokenizerError> {
        let invalid = |reason: String| TokenizerError::Invalid { path: path.into(), reason };
        let build = || {
            let tokenizer = sentencepiece::tokenizer(model)?;
            tokenizer.to_string(false).map_err(|error| error.to_string())
        };
        match catch_unwind(AssertUnwindSafe(build)) {
            Ok(Ok(json)) => Self::from_bytes(json.as_bytes(), path),
            Ok(Err(reason)) => Err(invalid(reason)),
            Err(_) => Err(invalid("its rules contradict each other".into())),
        }
    }

    /// Loads a tokenizer from JSON; `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Invalid`].
    pub fn from_bytes(json: &[u8], path: &Path) -> Result<Self, TokenizerError> {
        let invalid = |reason: String| TokenizerError::Invalid { path: path.into(), reason };
        let mut value: serde_json::Value =
            serde_json::from_slice(json).map_err(|error| invalid(error.to_string()))?;
        if let Some(object) = value.as_object_mut() {
            object.remove("padding");
            object.remove("truncation");
        }
        let text = value.to_string();
        let load = || {
            let inner = Tokenizer::from_bytes(text.as_bytes()).map_err(|error| error.to_string())?;
            // Some crafted definitions only panic when first used. That these letters are no tokens is no fault.
            if let Ok(probe) = inner.encode_fast("a b", true) {
                inner.decode(probe.get_ids(), true).map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(inner)
        };
        match catch_unwind(AssertUnwindSafe(load)) {
            Ok(Ok(inner)) => Ok(Self { inner, path: path.into(), digest: sha256(text.as_bytes()) }),
            Ok(Err(reason)) => Err(invalid(reason)),
            Err(_) => Err(invalid("its rules contradict each other".into())),
        }
    }

    /// SHA-256 of its definition.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Whether it has no ids.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that every id has a row in an embedding of `rows` rows.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::TooManyTokens`].
    pub fn check_rows(&self, rows: usize) -> Result<(), TokenizerError> {
        let tokens = self.len();
        if tokens > rows {
            return Err(TokenizerError::TooManyTokens { path: self.path.clone(), tokens, rows });
        }
        Ok(())
    }

    /// Ids of `text`, without special tokens.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Encode`], when the text has a character that the vocabulary lacks.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(error) => Err(TokenizerError::Encode {
                text: text.chars().take(200).collect(),
                reason: error.to_string(),
            }),
        }
    }

    /// The piece with this id, with its marks (`▁` for the start of a word), or `None`.
    pub fn piece(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of a piece, as [`Self::piece`] spells it.
    pub fn id_of(&self, piece: &str) -> Option<u32> {
        self.inner.token_to_id(piece)
    }

    /// What each id adds to a text within a sentence, a space before a new word included; empty for ids that add nothing,
    /// such as special ones.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Decode`].
    pub fn spellings(&self) -> Result<Vec<String>, TokenizerError> {
        let count = self.len() as u32;
        // Between two letters every id shows what it is, whatever the decoder does at the ends of a text.
        let mut frame = None;
        for id in 0..count {
            let pair = self.decode(&[id, id])?;
            let mut letters = pair.chars();
            if let (Some(a), Some(b), None) = (letters.next(), letters.next(), letters.next())
                && a == b
                && a.is_alphabetic()
            {
                frame = Some((id, a));
                break;
            }
        }
        (0..count)
            .map(|id| match frame {
                Some((letter, c)) => {
                    let text = self.decode(&[letter, id, letter])?;
                    let inner = text.strip_prefix(c).and_then(|text| text.strip_suffix(c));
                    Ok(inner.unwrap_or_default().to_owned())
                }
                None => Ok(self.piece(id).unwrap_or_default().replace('▁', " ")),
            })
            .collect()
    }

    /// Text of `ids`; special tokens are left out.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Decode`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.inner.decode(ids, true).map_err(|error| TokenizerError::Decode { reason: error.to_string() })
    }
}
