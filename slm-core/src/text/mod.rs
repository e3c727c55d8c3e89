//! Text to token ids and back, through the `tokenizers` crate.
//!
//! [`TextTokenizer`] is the tokenizer of a language model, or of the labels of a CTC head. It is read from a
//! `tokenizer.json`, from a SentencePiece model, from the labels in a `vocab.json`, or from a `.nemo` archive, whichever a
//! checkpoint has.
//!
//! A `tokenizer.json` is untrusted: its `padding` and `truncation` sections are dropped before loading
//! (batching is ours, and a huge fixed padding would abort the process), and a panic of the crate on a
//! crafted file is turned into an error.
//!
//! Ids may have gaps. What has a row or a place for every id, such as an embedding, goes by the largest one.

pub mod chat;
mod code_points;
mod ctc_vocabulary;
mod error;
pub(crate) mod letters;
mod nemo;
mod sentencepiece;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenizers::{AddedToken, Tokenizer};

pub use error::TokenizerError;

use crate::checkpoint::hash::sha256;
use crate::checkpoint::{CTC_VOCABULARY_FILE, Checkpoint, TOKENIZER_FILES, absent};

/// The largest `tokenizer.json` that is read; mT5's has 16 MB.
pub const MAX_TOKENIZER_BYTES: u64 = 64 << 20;
/// The largest id that is taken; the largest vocabularies have about 300 000. Work on all ids shall end.
const MAX_ID: u32 = (1 << 24) - 1;

/// A tokenizer without special tokens, padding or truncation: those are the model's business. Clones share it.
#[derive(Debug, Clone)]
pub struct TextTokenizer {
    inner: Arc<Tokenizer>,
    path: PathBuf,
    digest: String,
    /// The largest id and one.
    len: usize,
}

impl TextTokenizer {
    /// Loads the tokenizer of a checkpoint: `tokenizer.json`, or where there is none a SentencePiece model, the labels in
    /// `vocab.json`, or those in a `.nemo` archive.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] naming the file.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, TokenizerError> {
        let path = checkpoint.path_of(TOKENIZER_FILES[0]);
        Self::find(checkpoint)?.ok_or_else(|| TokenizerError::Io { path, source: absent() })
    }

    /// Loads the tokenizer of a checkpoint that need not have one.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] naming the file that is there and does not load.
    pub fn find(checkpoint: &Checkpoint) -> Result<Option<Self>, TokenizerError> {
        let Some(name) = checkpoint.first_of(&TOKENIZER_FILES) else {
            return checkpoint.nemo()?.map(|archive| nemo::tokenizer(&archive)).transpose();
        };
        let path = checkpoint.path_of(name);
        let content = checkpoint.read(name, MAX_TOKENIZER_BYTES)?;
        let found = if name == TOKENIZER_FILES[0] {
            Self::from_bytes(&content, &path)
        } else if name == CTC_VOCABULARY_FILE {
            let definition = ctc_vocabulary::of_checkpoint(&content, checkpoint)?;
            Self::from_bytes(definition.as_bytes(), &path)
        } else {
            Self::from_sentencepiece(&content, &path)
        };
        found.map(Some)
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
        let inner = match catch_unwind(AssertUnwindSafe(load)) {
            Ok(Ok(inner)) => inner,
            Ok(Err(reason)) => return Err(invalid(reason)),
            Err(_) => return Err(invalid("its rules contradict each other".into())),
        };
        let largest = largest_id(&inner);
        if let Some(id) = largest.filter(|&id| id > MAX_ID) {
            return Err(invalid(format!("the largest id is {id}, limit is {MAX_ID}")));
        }
        let len = largest.map_or(0, |id| id as usize + 1);
        Ok(Self { inner: Arc::new(inner), path: path.into(), digest: sha256(text.as_bytes()), len })
    }

    /// The same with `token` as a special token, which stands alone wherever a text has it, and its id: the one that it
    /// has, or the first free one.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Invalid`] where it cannot be added.
    pub fn with_special(&self, token: &str) -> Result<(Self, u32), TokenizerError> {
        let added = self.inner.get_added_tokens_decoder();
        if let Some((&id, _)) = added.iter().find(|(_, known)| known.content == token) {
            return Ok((self.clone(), id));
        }
        let invalid = |reason: String| TokenizerError::Invalid { path: self.path.clone(), reason };
        let mut inner = Tokenizer::clone(&self.inner);
        inner
            .add_special_tokens([AddedToken::from(token, true)])
            .map_err(|error| invalid(error.to_string()))?;
        let id = inner.token_to_id(token).ok_or_else(|| invalid(format!("`{token}` cannot be added")))?;
        let len = self.len.max(id as usize + 1);
        Ok((Self { inner: Arc::new(inner), len, ..self.clone() }, id))
    }

    /// SHA-256 of its definition.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Ids are below this: the largest one, added tokens among them, and one. Where ids have gaps, there are fewer tokens.
    pub fn len(&self) -> usize {
        self.len
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
            Err(error) => Err(not_encoded(text, &error.to_string())),
        }
    }

    /// The same, each id with the bytes of `text` that it stands for; none for a mark that the tokenizer adds.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    pub fn encode_with_places(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        let encoding =
            self.inner.encode(text, false).map_err(|error| not_encoded(text, &error.to_string()))?;
        let places = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        Ok(encoding.get_ids().iter().copied().zip(places).collect())
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
    /// such as special ones, and for those that are no token's.
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

/// The error of a text that cannot be encoded, of which it shows the beginning.
fn not_encoded(text: &str, reason: &str) -> TokenizerError {
    TokenizerError::Encode { text: text.chars().take(200).collect(), reason: reason.to_owned() }
}

/// The largest id of any token; `None` without tokens.
fn largest_id(tokenizer: &Tokenizer) -> Option<u32> {
    let own = tokenizer.get_vocab(true).into_values().max();
    own.max(tokenizer.get_added_tokens_decoder().keys().copied().max())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words with these ids, and a token that was added.
    fn words(vocabulary: &str, added: &str) -> Result<TextTokenizer, TokenizerError> {
        let definition = format!(
            r#"{{"version": "1.0", "added_tokens": [{added}], "normalizer": null,
                "pre_tokenizer": {{"type": "Whitespace"}}, "post_processor": null, "decoder": {{"type": "Fuse"}},
                "model": {{"type": "WordLevel", "vocab": {vocabulary}, "unk_token": "<unk>"}}}}"#
        );
        TextTokenizer::from_bytes(definition.as_bytes(), "t.json".as_ref())
    }

    const GAPS: &str = r#"{"<unk>": 0, "a": 2, "bc": 9}"#;

    #[test]
    fn ids_with_gaps_need_a_row_for_the_largest() {
        let tokenizer = words(GAPS, "").unwrap();
        assert_eq!((tokenizer.len(), tokenizer.is_empty()), (10, false));
        assert_eq!(tokenizer.encode("a bc x").unwrap(), [2, 9, 0]);
        assert!(tokenizer.encode("bc").unwrap().iter().all(|&id| (id as usize) < tokenizer.len()));
        tokenizer.check_rows(10).unwrap();
        // There are three tokens.
        for rows in [3, 9] {
            let error = tokenizer.check_rows(rows).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("cannot load tokenizer `t.json`: 10 tokens, embedding has {rows} rows")
            );
        }
        assert_eq!(tokenizer.decode(&[2, 5, 9]).unwrap(), "abc");
        assert_eq!((tokenizer.piece(5), tokenizer.id_of("bc")), (None, Some(9)));
    }

    #[test]
    fn added_tokens_count() {
        let added = r#"{"id": 3, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}"#;
        let tokenizer = words(r#"{"<unk>": 0, "a": 1, "b": 2}"#, added).unwrap();
        assert_eq!((tokenizer.len(), tokenizer.id_of("<x>")), (4, Some(3)));
        assert!(tokenizer.check_rows(3).is_err());
        // One that is a word already is no other token.
        let known = words(r#"{"<unk>": 0, "a": 1, "<x>": 2}"#, &added.replace('3', "2")).unwrap();
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn a_special_token_is_found_or_gets_the_first_free_id() {
        let added = r#"{"id": 3, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}"#;
        let tokenizer = words(r#"{"<unk>": 0, "a": 1, "b": 2}"#, added).unwrap();
        let (same, id) = tokenizer.with_special("<x>").unwrap();
        assert_eq!((id, same.len(), same.encode("a<x>b").unwrap()), (3, 4, vec![1, 3, 2]));
        let (more, id) = tokenizer.with_special("<|y|>").unwrap();
        assert_eq!((id, more.len(), more.encode("a<|y|><x>").unwrap()), (4, 5, vec![1, 4, 3]));
        assert!(!tokenizer.encode("a<|y|>").unwrap().contains(&4));
    }

    #[test]
    fn spellings_have_a_place_for_every_id() {
        let spellings = words(GAPS, "").unwrap().spellings().unwrap();
        assert_eq!(spellings.len(), 10);
        assert_eq!((spellings[2].as_str(), spellings[9].as_str()), ("a", "bc"));
        assert!([1, 3, 4, 5, 6, 7, 8].iter().all(|&gap| spellings[gap].is_empty()), "{spellings:?}");
    }

    #[test]
    fn an_id_beyond_all_models_is_refused() {
        let error = words(r#"{"<unk>": 0, "a": 4294967295}"#, "").unwrap_err().to_string();
        assert!(error.contains("the largest id is 4294967295, limit is 16777215"), "{error}");
    }

    #[test]
    fn clones_share_the_tokenizer() {
        let tokenizer = words(GAPS, "").unwrap();
        let clone = tokenizer.clone();
        assert!(Arc::ptr_eq(&tokenizer.inner, &clone.inner));
        assert_eq!(tokenizer.digest(), clone.digest());
    }

    #[test]
    fn only_files_of_the_model_are_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("vocab.json"), r#"{"<pad>": 0, "|": 1, "A": 2}"#).unwrap();
        for (name, text) in [("tokenizer.json", "broken"), ("tokenizer_config.json", "broken")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let listed = |names: &[&str]| Checkpoint::listed(dir.path(), names).unwrap();
        let labels = TextTokenizer::from_checkpoint(&listed(&["vocab.json"])).unwrap();
        assert_eq!(labels.encode("A").unwrap(), [2]);
        let error = TextTokenizer::find(&listed(&["vocab.json", "tokenizer_config.json"])).unwrap_err();
        assert!(error.to_string().contains("tokenizer_config.json"), "{error}");
        assert!(TextTokenizer::find(&Checkpoint::open(dir.path()).unwrap()).is_err());

        assert!(TextTokenizer::find(&listed(&[])).unwrap().is_none());
        let error = TextTokenizer::from_checkpoint(&listed(&[])).unwrap_err();
        assert!(matches!(&error, TokenizerError::Io { path, source }
            if path.ends_with("tokenizer.json") && source.kind() == std::io::ErrorKind::NotFound));
    }
}
