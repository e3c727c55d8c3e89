//! Words of a text with their times and how well the sound supports each, and speech that the text leaves out.
//!
//! Times come from the path of the text through the posteriors ([`forced`]). Where there is none, they are those of the
//! words on the best path that the text's words are edits of.

use super::agreement::{Agreement, per_label};
use super::aligned::{Aligned, SkippedSpeech, Word};
use super::best_path;
use super::forced::{self, Emission, ForcedPath};
use super::posteriors::CtcPosteriors;
use super::word_edits::by_edits;
use crate::text::{TextTokenizer, TokenizerError};

/// What a letter takes in slow speech, in seconds: a label that stands alone reaches half of its letters to either side.
const LETTER_SECONDS: f64 = 0.1;
/// Labels that a stretch must hold to count as skipped speech: one alone is a label that the head mistook.
const SKIPPED_LABELS: usize = 3;

/// What a word is measured by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// How much less probable it is than the best path: for a text that something else wrote.
    #[default]
    BestPath,
    /// How probable it is: for a text that the labels themselves give, which is on the best path.
    Probability,
}

/// Lays texts onto CTC posteriors whose labels a tokenizer names.
#[derive(Debug, Clone, Copy)]
pub struct WordAligner<'a> {
    labels: &'a TextTokenizer,
    measure: Measure,
}

/// A text in labels, and the word that each belongs to.
struct Spelled {
    ids: Vec<u32>,
    words: Vec<Option<usize>>,
    /// Letters of each label.
    letters: Vec<usize>,
}

impl<'a> WordAligner<'a> {
    /// With the tokenizer of the CTC labels.
    pub fn new(labels: &'a TextTokenizer) -> Self {
        Self { labels, measure: Measure::default() }
    }

    /// The same with another measure of words and texts.
    #[must_use]
    pub fn with_measure(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// Lays `text` onto the posteriors, whose frames are `frame_seconds` apart.
    ///
    /// By forced alignment where the labels can spell the text, as it is or in one case of letters; else, or where the
    /// text has more labels than frames, by the fewest edits to the words on the best path.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] of a tokenizer that cannot decode its own labels.
    pub fn align(
        self,
        text: &str,
        posteriors: &CtcPosteriors,
        frame_seconds: f64,
    ) -> Result<Aligned, TokenizerError> {
        let time = |frame: usize| frame as f64 * frame_seconds;
        let Some(spelled) = self.spell(text)? else {
            return Ok(by_edits(text, &best_path::words(self.labels, posteriors)?, time));
        };
        self.lay(text, &spelled, posteriors, frame_seconds)
    }

    /// Lays the text of `labels` onto the posteriors, as these labels and in no other spelling.
    ///
    /// # Errors
    ///
    /// As [`Self::align`].
    pub fn align_labels(
        self,
        labels: &[u32],
        posteriors: &CtcPosteriors,
        frame_seconds: f64,
    ) -> Result<Aligned, TokenizerError> {
        let text = self.labels.decode(labels)?;
        self.lay(&text, &self.spelled(labels.to_vec())?, posteriors, frame_seconds)
    }

    fn lay(
        self,
        text: &str,
        spelled: &Spelled,
        posteriors: &CtcPosteriors,
        frame_seconds: f64,
    ) -> Result<Aligned, TokenizerError> {
        let time = |frame: usize| frame as f64 * frame_seconds;
        let Some(path) = forced::align(posteriors, &spelled.ids) else {
            let by_edits = by_edits(text, &best_path::words(self.labels, posteriors)?, time);
            return Ok(Aligned { agreement: Agreement::of(None), ..by_edits });
        };
        let (agreement, log_probs) = match self.measure {
            Measure::BestPath => (Agreement::of(Some(&path)), None),
            Measure::Probability => {
                let log_probs = log_probs(&spelled.ids, &path, posteriors);
                (Agreement::of_labels(&log_probs), Some(log_probs))
            }
        };
        let log_probs = log_probs.as_deref();
        let words = by_path(text, spelled, &path, log_probs, posteriors.frames() as f64 * frame_seconds);
        let skipped = self.skipped(&path, posteriors, time)?;
        Ok(Aligned::new(words, skipped, agreement))
    }

    /// The text in labels that give the same words again, in one of the cases of letters.
    fn spell(self, text: &str) -> Result<Option<Spelled>, TokenizerError> {
        for form in [text.to_owned(), text.to_lowercase(), text.to_uppercase()] {
            let Ok(ids) = self.labels.encode(&form) else { continue };
            let again = self.labels.decode(&ids)?;
            if again.split_whitespace().eq(form.split_whitespace())
                && form.split_whitespace().count() == text.split_whitespace().count()
            {
                return Ok(Some(self.spelled(ids)?));
            }
        }
        Ok(None)
    }

    fn spelled(self, ids: Vec<u32>) -> Result<Spelled, TokenizerError> {
        let words = best_path::word_of_each(self.labels, &ids)?;
        let letters = ids
            .iter()
            .map(|&id| Ok(self.labels.decode(&[id])?.trim().chars().count()))
            .collect::<Result<Vec<_>, TokenizerError>>()?;
        Ok(Spelled { ids, words, letters })
    }

    /// Stretches of frames at which the best path has labels and the text's path has blanks.
    fn skipped(
        self,
        path: &ForcedPath,
        posteriors: &CtcPosteriors,
        time: impl Fn(usize) -> f64,
    ) -> Result<Vec<SkippedSpeech>, TokenizerError> {
        let mut edges: Vec<usize> = path.emissions.iter().map(|emission| emission.first).collect();
        edges.push(posteriors.frames());
        let mut skipped = Vec::new();
        let mut from = 0;
        for (index, &edge) in edges.iter().enumerate() {
            let (mut ids, mut first, mut last, mut before) = (Vec::new(), None, 0, posteriors.blank());
            for t in from..edge {
                let (label, _) = posteriors.best(t);
                if label != posteriors.blank() {
                    if label != before {
                        ids.push(label);
                    }
                    first = first.or(Some(t));
                    last = t;
                }
                before = label;
            }
            if let Some(first) = first.filter(|_| ids.len() >= SKIPPED_LABELS) {
                let text = self.labels.decode(&ids)?.trim().to_owned();
                skipped.push(SkippedSpeech::new(text, time(first), time(last + 1)));
            }
            from = path.emissions.get(index).map_or(edge, |emission| emission.last + 1);
        }
        Ok(skipped)
    }
}

/// The log of the probability of each of `labels` at the best of its frames.
fn log_probs(labels: &[u32], path: &ForcedPath, posteriors: &CtcPosteriors) -> Vec<f32> {
    let best = |(&label, emission): (&u32, &Emission)| {
        let frames = emission.first..=emission.last;
        frames.map(|t| posteriors.frame(t)[label as usize]).fold(f32::NEG_INFINITY, f32::max)
    };
    labels.iter().zip(&path.emissions).map(best).collect()
}

/// Words by a forced path through `seconds` of sound, measured by the `log_probs` of their labels where these are given.
///
/// A CTC head emits a label somewhere within its sound. Two words meet between their labels, in proportion to the
/// letters of these, unless a pause lies between.
fn by_path(
    text: &str,
    spelled: &Spelled,
    path: &ForcedPath,
    log_probs: Option<&[f32]>,
    seconds: f64,
) -> Vec<Word> {
    let frame_seconds = seconds / path.support.len().max(1) as f64;
    let centre = |label: usize| (path.emissions[label].first as f64 + 0.5) * frame_seconds;
    let letters = |label: usize| spelled.letters[label].max(1) as f64;
    // How far a label reaches towards its neighbour, where it has one.
    let reach = |label: usize, neighbour: Option<usize>| {
        let alone = letters(label) / 2.0 * LETTER_SECONDS;
        let distance = |other: usize| (centre(other) - centre(label)).abs();
        let shared = |other: usize| distance(other) * letters(label) / (letters(label) + letters(other));
        neighbour.map_or(alone, |other| shared(other).min(alone))
    };
    let own: Vec<usize> = (0..spelled.ids.len()).filter(|&label| spelled.words[label].is_some()).collect();
    let mut words = Vec::new();
    for (index, text) in text.split_whitespace().enumerate() {
        let of_word = |&&label: &&usize| spelled.words[label] == Some(index);
        let (Some(from), Some(to)) =
            (own.iter().position(|label| of_word(&label)), own.iter().rposition(|label| of_word(&label)))
        else {
            continue;
        };
        let (first, last) = (own[from], own[to]);
        let before = from.checked_sub(1).map(|place| own[place]);
        let after = own.get(to + 1).copied();
        let (begin, end) = (path.emissions[first].first, path.emissions[last].last);
        let support: f64 = match log_probs {
            Some(log_probs) => own[from..=to].iter().map(|&label| f64::from(log_probs[label])).sum(),
            None => path.support[begin..=end].iter().map(|&ratio| f64::from(ratio)).sum(),
        };
        words.push(Word {
            text: text.to_owned(),
            start: (centre(first) - reach(first, before)).max(0.0),
            end: (centre(last) + reach(last, after)).min(seconds),
            agreement: per_label(support, to + 1 - from),
        });
    }
    words
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Labels `a` to `d` and a mark between words, the blank last.
    fn labels() -> TextTokenizer {
        let definition = r#"{"version": "1.0", "added_tokens": [],
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "|"},
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "|"}, "content": " "}, {"type": "Fuse"}]},
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "|": 4}, "merges": []}}"#;
        TextTokenizer::from_bytes(definition.as_bytes(), Path::new("labels")).unwrap()
    }

    /// Frames that are sure of the labels of `path`, where `-` is the blank.
    fn posteriors(path: &str) -> CtcPosteriors {
        let rows = path.chars().flat_map(|c| {
            let best = "abcd|-".find(c).unwrap();
            (0..6).map(move |label| if label == best { 0.95_f32 } else { 0.01 }.ln())
        });
        CtcPosteriors::new(rows.collect(), 6, 5)
    }

    fn times(aligned: &Aligned) -> Vec<(&str, f64, f64)> {
        aligned.words.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect()
    }

    #[test]
    fn words_lie_where_their_labels_are() {
        let tokenizer = labels();
        let aligner = WordAligner::new(&tokenizer);
        let sound = posteriors("--ab-b|-cc-d--");
        for text in ["abb cd", "ABB CD"] {
            // Frames so short that no letter reaches its neighbour.
            let aligned = aligner.align(text, &sound, 1.0).unwrap();
            let [first, second] = [text[..3].to_owned(), text[4..].to_owned()];
            let expected = [(first.as_str(), 2.45, 5.55), (second.as_str(), 8.45, 11.55)];
            for (found, expected) in times(&aligned).into_iter().zip(expected) {
                assert_eq!(found.0, expected.0);
                assert!(
                    (found.1 - expected.1).abs() < 1e-9 && (found.2 - expected.2).abs() < 1e-9,
                    "{found:?}"
                );
            }
            assert!(aligned.agreement.value() > 0.999 && aligned.skipped.is_empty());
            assert!(aligned.words.iter().all(|word| word.agreement > 0.999));
        }
        // And so short that the words meet: `b` and `c` are three frames apart.
        let aligned = aligner.align("abb cd", &sound, 0.01).unwrap();
        let (first, second) = (&aligned.words[0], &aligned.words[1]);
        assert!((first.end - second.start).abs() < 1e-9 && (first.end - 0.07).abs() < 1e-9, "{first:?}");
    }

    #[test]
    fn labels_that_the_head_gave_are_as_sure_as_it_is() {
        let tokenizer = labels();
        let aligner = WordAligner::new(&tokenizer).with_measure(Measure::Probability);
        // Every frame has 0.95 for its label; `b` twice in a row is said once.
        let sound = posteriors("-abb-|-cd-----");
        let ids = [0, 1, 4, 2, 3];
        let aligned = aligner.align_labels(&ids, &sound, 0.1).unwrap();
        let texts: Vec<&str> = aligned.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["ab", "cd"]);
        assert!(aligned.words.iter().all(|word| (word.agreement - 0.95).abs() < 1e-6), "{aligned:?}");
        assert!((aligned.agreement.value() - 0.95_f64.powf(0.5)).abs() < 1e-6, "{aligned:?}");
        // The times do not depend on the measure.
        let other = WordAligner::new(&tokenizer).align("ab cd", &sound, 0.1).unwrap();
        assert_eq!(times(&other), times(&aligned));
        assert!(other.words.iter().all(|word| word.agreement > 0.999));
        // A label that the sound does not have counts against its word alone.
        let wrong = aligner.align_labels(&[0, 3, 4, 2, 3], &sound, 0.1).unwrap();
        assert!(wrong.words[0].agreement < 0.2 && wrong.words[1].agreement > 0.9, "{wrong:?}");
    }

    #[test]
    fn what_nobody_said_is_not_supported_and_what_is_left_out_is_told() {
        let tokenizer = labels();
        let aligner = WordAligner::new(&tokenizer);
        let sound = posteriors("-ab-|-cdc-----");
        let invented = aligner.align("ab cdc abd", &sound, 1.0).unwrap();
        assert!(invented.words[2].agreement < 0.1 && invented.words[0].agreement > 0.9);
        // Three labels of 4.55 each, of eight in a window.
        assert!(invented.agreement.value() < 0.25, "{invented:?}");
        let short = aligner.align("ab", &sound, 1.0).unwrap();
        assert!(short.agreement.value() < invented.agreement.value());
        let [stretch] = short.skipped.as_slice() else { panic!("{short:?}") };
        assert_eq!((stretch.text.as_str(), stretch.start, stretch.end), ("cdc", 4.0, 9.0));
    }

    #[test]
    fn a_text_in_other_letters_is_laid_by_edits() {
        let tokenizer = labels();
        let aligner = WordAligner::new(&tokenizer);
        let sound = posteriors("-ab-|-cd-|-ca-");
        let aligned = aligner.align("Ab, xyz ca.", &sound, 0.5).unwrap();
        assert_eq!(times(&aligned), [("Ab,", 0.5, 1.5), ("xyz", 3.0, 4.0), ("ca.", 5.5, 6.5)]);
        assert!((aligned.agreement.value() - 2.0 / 3.0).abs() < 1e-9);
        let aligned = aligner.align("Äb é ö", &sound, 0.5).unwrap();
        assert_eq!(aligned.words.len(), 3);
        let aligned = aligner.align("é", &sound, 0.5).unwrap();
        assert_eq!((aligned.skipped[0].text.as_str(), aligned.words.len()), ("cd ca", 1));
    }
}
