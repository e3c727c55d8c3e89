//! Phrases that may be said, ready to be looked for in the sound.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ctc::{CtcPosteriors, FoundPhrase, PhraseBoost, PhraseSearch};
use crate::nn::Watch;

/// Phrases that an instruction names at most when nothing else is asked for: the reference model has learnt with one to
/// six.
pub const DEFAULT_TOP: usize = 5;

/// Phrases of which a search counts the letters, at most: the others fit the sound too badly.
const BOOSTED: usize = 32;

/// What is done with a phrase that was found and that the model did not write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Respelling {
    /// Nothing.
    Off,
    /// It takes the place of the words that were said at its time, where the sound supports it well.
    #[default]
    BySound,
}

/// Phrases that may be said, and what is done with those that the sound supports. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Phrases {
    search: Arc<PhraseSearch>,
    /// The most phrases that are put into the instruction. Default: 5.
    pub top: usize,
    /// What is done with a phrase that the model did not write. Default: [`Respelling::BySound`].
    pub respelling: Respelling,
}

impl Phrases {
    /// With [`DEFAULT_TOP`] phrases in an instruction, which are put into a transcript where the sound supports them.
    pub fn new(search: PhraseSearch) -> Self {
        Self { search: Arc::new(search), top: DEFAULT_TOP, respelling: Respelling::default() }
    }

    /// The phrases that the posteriors support, at most [`Self::top`] or 32, the best first; once `watch` stops, those
    /// that were found by then.
    pub fn search(&self, posteriors: &CtcPosteriors, watch: &Watch) -> Vec<FoundPhrase> {
        self.search.search(posteriors, self.top.max(BOOSTED), watch)
    }

    /// The best of `found`, as many as an instruction has.
    pub fn best<'a>(&self, found: &'a [FoundPhrase]) -> &'a [FoundPhrase] {
        &found[..found.len().min(self.top)]
    }

    /// Those of `found` that a model is told of: not a phrase that merely resembles what the sound is sure of, which a
    /// model might copy.
    pub fn offered(found: &[FoundPhrase], posteriors: &CtcPosteriors) -> Vec<FoundPhrase> {
        found.iter().filter(|one| !PhraseSearch::only_resembles(one, posteriors)).cloned().collect()
    }

    /// What the letters of `found` count while a text is searched.
    pub(crate) fn boost(&self, found: &[FoundPhrase]) -> PhraseBoost<'_> {
        PhraseBoost::new(&self.search, found)
    }

    /// What an instruction calls a phrase: the phrase, or where the language model's vocabulary does not `know` that, the
    /// first way to spell it that it knows.
    pub fn name(&self, phrase: &str, knows: impl Fn(&str) -> bool) -> String {
        let ways = if knows(phrase) { Vec::new() } else { self.search.ways(phrase) };
        ways.into_iter().find(|way| knows(way)).unwrap_or_else(|| phrase.to_owned())
    }

    /// How well `frames` support that `text` was said there, see [`PhraseSearch::support`].
    pub(super) fn support(&self, text: &str, posteriors: &CtcPosteriors, frames: Range<usize>) -> f32 {
        self.search.support(text, posteriors, frames)
    }

    /// Whether the labels spell both texts alike.
    pub(super) fn sounds_alike(&self, a: &str, b: &str) -> bool {
        self.search.sounds_alike(a, b)
    }

    /// The phrases that the model's labels cannot spell, which are never found: those in another script.
    pub fn unspellable(&self) -> &[String] {
        self.search.unspellable()
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.search.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.search.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::PhraseList;
    use crate::ctc::made_up::labels;

    #[test]
    fn an_instruction_has_letters_that_the_model_knows() {
        let list = PhraseList::new(["Fré-ya", "Фрея"]).unwrap();
        let search = PhraseSearch::new(&list, &labels(&["f", "r", "e", "é", "y", "a", "▁"])).unwrap();
        let phrases = Phrases::new(search);
        assert_eq!(phrases.name("Fré-ya", |_| true), "Fré-ya");
        assert_eq!(phrases.name("Fré-ya", str::is_ascii), "freya");
        assert_eq!(phrases.name("Fré-ya", |_| false), "Fré-ya");
        assert_eq!(phrases.unspellable(), ["Фрея"]);
    }
}
