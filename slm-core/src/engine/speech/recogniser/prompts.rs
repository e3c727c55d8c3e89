//! What a text begins with: ids that say language and task.

use super::languages::{code, name};
use crate::engine::speech::error::{LoadError, SpeechError};
use crate::prompt::Task;
use crate::text::TextTokenizer;

/// The language to and from which models translate.
const ENGLISH: &str = "en";

/// What a family's texts begin with.
pub trait Prompts: std::fmt::Debug + Send + Sync {
    /// The keys of the tasks.
    fn tasks(&self) -> Vec<String>;

    /// Whether it knows what to do for `task`, whatever language is spoken.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Recogniser`].
    fn knows(&self, task: &Task) -> Result<(), SpeechError>;

    /// What a text of a task begins with, where `language` is spoken. It has as many ids for every task and language.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] for a task or a language that it does not know, and where it must be told the language.
    fn begin(&self, task: &Task, language: Option<&str>) -> Result<Beginning, SpeechError>;
}

/// What a text begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The ids.
    pub ids: Vec<u32>,
    /// The code of the language that is spoken.
    pub language: &'static str,
}

/// The languages that a model knows, by their codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine::speech) struct KnownLanguages(Vec<&'static str>);

/// The piece that stands for a language.
pub(in crate::engine::speech) fn piece(code: &str) -> String {
    format!("<|{code}|>")
}

/// The pieces by which NeMo's models of several tasks are told that `source` is spoken and `target` is wanted, with
/// punctuation, and without times and speakers.
pub(in crate::engine::speech) fn pieces(source: &str, target: &str) -> [String; 9] {
    [
        "<|startofcontext|>".to_owned(),
        "<|startoftranscript|>".to_owned(),
        "<|emo:undefined|>".to_owned(),
        piece(source),
        piece(target),
        "<|pnc|>".to_owned(),
        "<|noitn|>".to_owned(),
        "<|notimestamp|>".to_owned(),
        "<|nodiarize|>".to_owned(),
    ]
}

impl KnownLanguages {
    /// Those of `codes` that a tokenizer has a piece for.
    pub(in crate::engine::speech) fn of(codes: &[&'static str], tokenizer: &TextTokenizer) -> Self {
        let has = |code: &&'static str| tokenizer.id_of(&piece(code)).is_some();
        Self(codes.iter().copied().filter(has).collect())
    }

    /// All of `codes`.
    pub(in crate::engine::speech) fn all(codes: &[&'static str]) -> Self {
        Self(codes.to_vec())
    }

    /// Refuses a model that knows no language.
    pub(in crate::engine::speech) fn check(&self) -> Result<(), LoadError> {
        if !self.0.is_empty() {
            return Ok(());
        }
        let problem = format!("the tokenizer has no piece for a language, such as `{}`", piece(ENGLISH));
        Err(LoadError::Mismatch { problems: vec![problem] })
    }

    /// Their codes.
    pub(in crate::engine::speech) fn codes(&self) -> &[&'static str] {
        &self.0
    }

    /// The code of one that is given by its code or its English name.
    pub(in crate::engine::speech) fn code(&self, language: &str) -> Result<&'static str, SpeechError> {
        code(language)
            .filter(|code| self.0.contains(code))
            .ok_or_else(|| SpeechError::Language { found: language.to_owned(), known: self.list() })
    }

    /// The code of the language that is spoken: the one that is named, or the only one that there is.
    pub(in crate::engine::speech) fn spoken(
        &self,
        language: Option<&str>,
    ) -> Result<&'static str, SpeechError> {
        match (language, self.0.as_slice()) {
            (Some(language), _) => self.code(language),
            (None, [only]) => Ok(only),
            (None, _) => Err(SpeechError::WhichLanguage { known: self.list() }),
        }
    }

    /// The keys of the tasks of a model that translates from English and into English.
    pub(in crate::engine::speech) fn translations(&self) -> Vec<String> {
        let others = self.0.len() > 1 && self.0.contains(&ENGLISH);
        let targets = self.0.iter().filter(|_| others).filter_map(|code| name(code));
        targets.map(|to| Task::Translate { to: to.to_owned() }.key()).collect()
    }

    /// The codes of what is spoken and of what is wanted, in a model that translates from English and into English.
    pub(in crate::engine::speech) fn translation(
        &self,
        language: Option<&str>,
        to: &str,
    ) -> Result<(&'static str, &'static str), SpeechError> {
        let target = self.code(to)?;
        let source = match language {
            // Into other languages it translates from one alone.
            None if target != ENGLISH => self.code(ENGLISH)?,
            _ => self.spoken(language)?,
        };
        if source == target || [source, target].contains(&ENGLISH) {
            return Ok((source, target));
        }
        Err(SpeechError::NoTranslation { from: source.to_owned(), to: target.to_owned() })
    }

    fn list(&self) -> String {
        self.0.join(", ")
    }
}

/// The error for a task that is none of `tasks`.
pub(in crate::engine::speech) fn unknown(task: &Task, tasks: Vec<String>) -> SpeechError {
    SpeechError::Recogniser { wanted: format!("do `{}`", task.key()), available: tasks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_named_or_the_only_one() {
        let several = KnownLanguages::all(&["de", "en", "fr"]);
        assert_eq!(several.spoken(Some("French")).unwrap(), "fr");
        let which = several.spoken(None).unwrap_err();
        assert!(matches!(&which, SpeechError::WhichLanguage { known } if known == "de, en, fr"), "{which}");
        assert_eq!(KnownLanguages::all(&["de"]).spoken(None).unwrap(), "de");
        assert!(KnownLanguages::all(&[]).check().is_err() && several.check().is_ok());
    }

    #[test]
    fn translations_are_from_english_or_into_it() {
        let known = KnownLanguages::all(&["de", "en", "fr"]);
        assert_eq!(known.translations(), ["translate.german", "translate.english", "translate.french"]);
        assert!(KnownLanguages::all(&["de", "fr"]).translations().is_empty());
        assert!(KnownLanguages::all(&["en"]).translations().is_empty());
        let of = |language, to| known.translation(language, to);
        assert_eq!(of(None, "german").unwrap(), ("en", "de"));
        assert_eq!(of(Some("fr"), "english").unwrap(), ("fr", "en"));
        assert_eq!(of(Some("de"), "german").unwrap(), ("de", "de"));
        assert!(matches!(of(None, "english"), Err(SpeechError::WhichLanguage { .. })));
        assert!(matches!(of(Some("de"), "french"), Err(SpeechError::NoTranslation { .. })));
        assert!(matches!(of(Some("de"), "klingon"), Err(SpeechError::Language { .. })));
    }
}
