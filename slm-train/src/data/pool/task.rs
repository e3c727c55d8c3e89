//! A task of the pool: which rows it takes, and what it asks about them.

use serde::{Deserialize, Serialize};

use super::error::{Line, Misfit};
use super::fields::View;
use super::languages::{LANGUAGE, Languages, TARGET_LANGUAGE, is_same};
use super::phrasing::Phrasing;
use crate::data::manifest::Utterance;

/// What a task is about: the speech of a row, its text in the place of speech, or each once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// The speech.
    #[default]
    Speech,
    /// The text.
    Text,
    /// Either, an example each.
    Both,
}

/// What becomes of a row that does not fit a task: that lacks a field, or is too long for the language model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// It is an error; all such rows are told.
    #[default]
    Refuse,
    /// The task is not asked about it. Such rows are counted.
    Skip,
}

/// What the answers to a task are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Their wrong words, as of transcripts.
    Wer,
    /// Their letters, as of translations: chrF, and BLEU beside it.
    Chrf,
    /// Whether the whole is right, as of details and short answers.
    ExactMatch,
}

/// What stands in the place of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// Speech.
    Speech,
    /// The words that were said.
    Text,
}

/// A task of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolTask {
    /// Its name, which may have the places `{language}` and `{target_language}`.
    pub name: String,
    /// Where it stands.
    pub line: Line,
    /// How it is asked, the usual way first.
    pub phrasings: Vec<Phrasing>,
    /// What a bundle has in the place of [`Self::phrasings`].
    pub templates: Option<Vec<Phrasing>>,
    /// What it is about.
    pub from: Reads,
    /// Its examples have this share beside those of others.
    pub weight: f64,
    /// What becomes of rows that do not fit it.
    pub unfit: Unfit,
    /// What an evaluation judges its answers by, where the file says it.
    pub metric: Option<Metric>,
    pub(super) target: String,
    pub(super) each: Option<String>,
    pub(super) language: Vec<String>,
    pub(super) target_language: Vec<String>,
    pub(super) sources: Vec<String>,
}

/// The languages of a row, as far as the words of a task depend on them.
pub(super) type RowLanguages = [Option<String>; 2];

impl PoolTask {
    /// Whether it is asked about rows like this one, which is of the source `source`.
    pub(super) fn takes(&self, row: &Utterance, source: Option<&str>) -> bool {
        let is_of =
            self.sources.is_empty() || source.is_some_and(|name| self.sources.iter().any(|s| s == name));
        let speaks = |wanted: &[String], found: &Option<String>| {
            let matches = |code: &String| wanted.iter().any(|one| is_same(one, code));
            wanted.is_empty() || found.as_ref().is_some_and(matches)
        };
        is_of && speaks(&self.language, &row.language) && speaks(&self.target_language, &row.target_language)
    }

    /// What it is about, each time it is asked.
    pub(super) fn media(&self) -> &'static [Medium] {
        match self.from {
            Reads::Speech => &[Medium::Speech],
            Reads::Text => &[Medium::Text],
            Reads::Both => &[Medium::Speech, Medium::Text],
        }
    }

    /// Whether its words depend on the languages of a row.
    pub(super) fn tells_languages(&self) -> bool {
        self.tells(LANGUAGE) || self.tells(TARGET_LANGUAGE)
    }

    /// Whether its name or a phrasing tells a language, that of the row or that of the target.
    fn tells(&self, slot: &str) -> bool {
        let phrasings = self.phrasings.iter().chain(self.templates.iter().flatten());
        self.name.contains(&format!("{{{slot}}}"))
            || phrasings.flat_map(Phrasing::slots).any(|one| one == slot)
    }

    /// The languages of a row that it tells.
    ///
    /// # Errors
    ///
    /// [`Misfit`] where the row does not say one.
    pub(super) fn told(
        &self,
        row: &Utterance,
        view: View,
        languages: &Languages,
    ) -> Result<RowLanguages, Misfit> {
        let of = |slot: &str, found: &Option<String>| -> Result<Option<String>, Misfit> {
            if !self.tells(slot) {
                return Ok(None);
            }
            let code = found.as_deref().ok_or_else(|| view.absent(slot))?;
            Ok(Some(languages.name(code)))
        };
        Ok([of(LANGUAGE, &row.language)?, of(TARGET_LANGUAGE, &row.target_language)?])
    }
}
