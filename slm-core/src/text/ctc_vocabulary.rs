//! A tokenizer from `vocab.json`, the labels of a CTC head: characters, with a mark between words.
//!
//! The format and its reading: transformers 5.23.0, `Wav2Vec2CTCTokenizer`, whose `decode` of labels without repeats this
//! gives; settings come from `tokenizer_config.json` beside it, where there is one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{MAX_TOKENIZER_BYTES, TokenizerError};
use crate::checkpoint::{CTC_VOCABULARY_FILE, Checkpoint, TOKENIZER_SETTINGS_FILE};

/// The most labels.
const MAX_LABELS: usize = 1_000_000;

/// What is read of the settings.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    word_delimiter_token: Option<Token>,
    replace_word_delimiter_char: String,
    pad_token: Option<Token>,
    unk_token: Option<Token>,
    do_lower_case: bool,
    target_lang: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let token = |text: &str| Some(Token::Text(text.to_owned()));
        Self {
            word_delimiter_token: token("|"),
            replace_word_delimiter_char: " ".to_owned(),
            pad_token: token("<pad>"),
            unk_token: token("<unk>"),
            do_lower_case: false,
            target_lang: None,
        }
    }
}

/// A token, as text or with how it is matched.
#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Added { content: text } => text,
        }
    }
}

/// Labels by name, or such for each of several languages.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vocabulary {
    One(BTreeMap<String, i64>),
    Languages(BTreeMap<String, BTreeMap<String, i64>>),
}

/// The definition of the tokenizer of labels that are characters, the space among them, as `tokenizer.json` would have
/// it.
pub(super) fn of_characters(characters: &[String]) -> Result<String, String> {
    let labels: BTreeMap<String, i64> =
        characters.iter().enumerate().map(|(id, name)| (name.clone(), id as i64)).collect();
    if labels.len() < characters.len() {
        return Err("two labels have one name".to_owned());
    }
    let none =
        Settings { word_delimiter_token: None, pad_token: None, unk_token: None, ..Settings::default() };
    definition(labels, &none)
}

/// The definition of the tokenizer of the labels `vocabulary` of `checkpoint`, as `tokenizer.json` would have it.
pub(super) fn of_checkpoint(vocabulary: &[u8], checkpoint: &Checkpoint) -> Result<String, TokenizerError> {
    let path = checkpoint.path_of(CTC_VOCABULARY_FILE);
    let invalid = |reason: String| TokenizerError::Invalid { path: path.clone(), reason };
    let settings: Settings = if checkpoint.has(TOKENIZER_SETTINGS_FILE) {
        let bytes = checkpoint.read(TOKENIZER_SETTINGS_FILE, MAX_TOKENIZER_BYTES)?;
        serde_json::from_slice(&bytes).map_err(|error| TokenizerError::Invalid {
            path: checkpoint.path_of(TOKENIZER_SETTINGS_FILE),
            reason: error.to_string(),
        })?
    } else {
        Settings::default()
    };
    let labels = match serde_json::from_slice(vocabulary).map_err(|error| invalid(error.to_string()))? {
        Vocabulary::One(labels) => labels,
        Vocabulary::Languages(mut languages) => {
            let known: Vec<String> = languages.keys().cloned().collect();
            let language = settings.target_lang.clone().unwrap_or_default();
            languages.remove(&language).ok_or_else(|| {
                invalid(format!("`target_lang` is `{language}`, languages are {}", known.join(", ")))
            })?
        }
    };
    definition(labels, &settings).map_err(invalid)
}

/// The definition of the tokenizer of these labels.
fn definition(labels: BTreeMap<String, i64>, settings: &Settings) -> Result<String, String> {
    check(&labels)?;
    // Such labels are capitals that are written and read in small letters.
    let labels: BTreeMap<String, i64> = if settings.do_lower_case {
        labels.into_iter().map(|(name, id)| (name.to_lowercase(), id)).collect()
    } else {
        labels
    };

    let known = |token: &Option<Token>| {
        let text = token.as_ref().map(|token| token.text().to_owned());
        text.filter(|text| labels.contains_key(text))
    };
    let unknown = known(&settings.unk_token);
    let mut normalizers = Vec::new();
    if settings.do_lower_case {
        normalizers.push(json!({"type": "Lowercase"}));
    }
    let mut decoders = Vec::new();
    if let Some(blank) = known(&settings.pad_token) {
        decoders.push(json!({"type": "Replace", "pattern": {"String": blank}, "content": ""}));
    }
    if let Some(delimiter) = known(&settings.word_delimiter_token) {
        normalizers.push(json!({"type": "Replace", "pattern": {"String": " "}, "content": delimiter}));
        let space = &settings.replace_word_delimiter_char;
        decoders.push(json!({"type": "Replace", "pattern": {"String": delimiter}, "content": space}));
    }
    decoders.push(json!({"type": "Fuse"}));
    decoders.push(json!({"type": "Replace", "pattern": {"Regex": "^ +| +$"}, "content": ""}));
    let definition = json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": {
            "type": "Split", "pattern": {"Regex": "(?m)[\\s\\S]"}, "behavior": "Isolated", "invert": false,
        },
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": decoders},
        // A name that is no label stands for an unknown one that is lacking: encoding it is then an error.
        "model": {"type": "WordLevel", "vocab": labels, "unk_token": unknown.unwrap_or_default()},
    });
    Ok(definition.to_string())
}

/// Every label from 0 on has one name.
fn check(labels: &BTreeMap<String, i64>) -> Result<(), String> {
    if labels.is_empty() || labels.len() > MAX_LABELS {
        return Err(format!("{} labels, allowed are 1 to {MAX_LABELS}", labels.len()));
    }
    let mut names: BTreeMap<i64, &str> = BTreeMap::new();
    for (name, &id) in labels {
        if id < 0 {
            return Err(format!("label `{}` has id {id}", name.escape_debug()));
        }
        if let Some(other) = names.insert(id, name) {
            return Err(format!(
                "labels `{}` and `{}` both have id {id}",
                other.escape_debug(),
                name.escape_debug()
            ));
        }
    }
    match names.keys().enumerate().find(|(index, id)| *index as i64 != **id) {
        Some((missing, _)) => Err(format!("no label has id {missing}, the largest is {}", labels.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::checkpoint::Checkpoint;
    use crate::text::TextTokenizer;

    fn load(vocabulary: &str, settings: Option<&str>) -> Result<TextTokenizer, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("vocab.json"), vocabulary).unwrap();
        if let Some(settings) = settings {
            std::fs::write(dir.path().join("tokenizer_config.json"), settings).unwrap();
        }
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        TextTokenizer::from_checkpoint(&checkpoint).map_err(|error| error.to_string())
    }

    const LETTERS: &str = r#"{"<pad>": 0, "|": 1, "A": 2, "B": 3, "'": 4, "<unk>": 5, "É": 6}"#;

    #[test]
    fn words_are_letters_between_marks() {
        let labels = load(LETTERS, None).unwrap();
        assert_eq!(labels.len(), 7);
        assert_eq!(labels.encode("AB 'É").unwrap(), [2, 3, 1, 4, 6]);
        assert_eq!(labels.encode("AX").unwrap(), [2, 5]);
        // As `Wav2Vec2CTCTokenizer.decode(ids, group_tokens=False)` of transformers 5.23.0 has them.
        assert_eq!(labels.decode(&[1, 2, 3, 0, 3, 1, 1, 4, 6, 1]).unwrap(), "ABB  'É");
        assert_eq!(labels.decode(&[]).unwrap(), "");
        let languages = r#"{"eng": {"<pad>": 0, "a": 1}, "fra": {"<pad>": 0, "b": 1}}"#;
        let labels = load(languages, Some(r#"{"target_lang": "fra"}"#)).unwrap();
        assert_eq!(labels.encode("b").unwrap(), [1]);
        let labels = load(LETTERS, Some(r#"{"do_lower_case": true}"#)).unwrap();
        assert_eq!(labels.encode("ab 'x").unwrap(), [2, 3, 1, 4, 5]);
        assert_eq!(labels.decode(&[2, 3, 1, 4]).unwrap(), "ab '");
        let error = load(languages, None).unwrap_err();
        assert!(error.contains("`target_lang` is ``, languages are eng, fra"), "{error}");
    }

    #[test]
    fn what_is_wrong_with_labels_is_named() {
        for (vocabulary, expected) in [
            ("{}", "0 labels"),
            (r#"{"a": 0, "b": 0}"#, "labels `a` and `b` both have id 0"),
            (r#"{"a": 0, "b": 2}"#, "no label has id 1"),
            (r#"{"a": -1}"#, "label `a` has id -1"),
            ("[1]", "vocab.json"),
        ] {
            let error = load(vocabulary, None).map(drop).unwrap_err();
            assert!(error.starts_with("cannot load tokenizer `") && error.contains(expected), "{error}");
        }
        assert!(load(r#"{"a": 0}"#, None).unwrap().encode("b").is_err());
    }
}
