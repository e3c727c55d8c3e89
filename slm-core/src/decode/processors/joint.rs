//! What a CTC head says of the sound, beside what a language model says of the text.
//!
//! Paper: Watanabe et al. 2017, *Hybrid CTC/Attention Architecture for End-to-End Speech Recognition*, section III-D, joint
//! decoding: a text is scored by both, the head's prefix probability with a weight. As there, the model proposes: of the
//! ids it finds most probable the sound chooses. Those that spell what is heard next are proposed too, as else a text in which the
//! model finds none of them probable goes on with what nobody said.

use std::cell::RefCell;
use std::fmt;

use rustc_hash::FxHashMap;

use super::spelled_ids::SpelledIds;
use super::{StepProcessor, StepText};
use crate::ctc::{Boosted, CtcPosteriors, HeardText, PhraseBoost, Prefix, PrefixScores, SpelledLabels};

/// Ids that are proposed for a text.
const PROPOSED: usize = 32;

/// Adds what the sound says to what a model proposes.
pub struct JointCtc<'a> {
    rows: Vec<RefCell<Row<'a>>>,
    labels: &'a SpelledLabels,
    /// What each id adds to a text.
    spelled: &'a SpelledIds,
    /// The ids that end a text.
    ends: &'a [u32],
    weight: f64,
}

/// The sound of a row, and the texts that were scored.
struct Row<'a> {
    scores: PrefixScores<'a>,
    heard: HeardText,
    texts: FxHashMap<Vec<u32>, Prefix>,
    phrases: Option<BoostedPhrases<'a>>,
}

/// Phrases that a text of a row is to have.
#[derive(Debug, Clone)]
pub struct BoostedPhrases<'a> {
    /// The letters of them that a text has.
    pub boost: PhraseBoost<'a>,
    /// Their ids, which are proposed too, however improbable the model finds them.
    pub ids: Vec<Vec<u32>>,
    /// What a letter counts, as a log.
    pub weight: f64,
}

impl<'a> JointCtc<'a> {
    /// With the posteriors of each row, whose labels spell `labels`; the sound counts `weight` times what the model counts.
    /// The model's ids add `spelled` to a text, and `ends` end it.
    pub fn new<'p>(
        labels: &'a SpelledLabels,
        posteriors: impl IntoIterator<Item = &'p CtcPosteriors>,
        spelled: &'a SpelledIds,
        ends: &'a [u32],
        weight: f64,
    ) -> Self {
        let row = |posteriors| {
            let (scores, heard) = (PrefixScores::new(labels, posteriors), HeardText::new(labels, posteriors));
            RefCell::new(Row { scores, heard, texts: FxHashMap::default(), phrases: None })
        };
        Self { rows: posteriors.into_iter().map(row).collect(), labels, spelled, ends, weight }
    }

    /// The same with phrases for each row.
    #[must_use]
    pub fn with_phrases(self, phrases: impl IntoIterator<Item = BoostedPhrases<'a>>) -> Self {
        for (row, phrases) in self.rows.iter().zip(phrases) {
            row.borrow_mut().phrases = Some(phrases);
        }
        self
    }
}

impl BoostedPhrases<'_> {
    /// The ids that go on with a phrase behind `text`, or begin one.
    fn proposed(&self, text: &[u32]) -> impl Iterator<Item = u32> {
        self.ids.iter().flat_map(move |ids| {
            ids.iter().enumerate().filter(move |&(place, _)| text.ends_with(&ids[..place])).map(|(_, &id)| id)
        })
    }
}

impl Row<'_> {
    /// The ids that spell what is heard behind a text. The first word of an answer has no space before it, and no word has two.
    fn heard_behind(&self, prefix: Prefix, spelled: &SpelledIds) -> Vec<u32> {
        let text = self.scores.letters(prefix);
        let mut heard = self.heard.behind(&text);
        if text.last().is_none_or(|last| *last == ' ')
            && let Some((' ', word)) = heard.split_first()
        {
            heard = word;
        }
        spelled.beginning(heard).collect()
    }

    /// The text of `ids`, each of which adds `spelled`.
    fn prefix(&mut self, ids: &[u32], spelled: &SpelledIds) -> Prefix {
        let Some((last, before)) = ids.split_last() else { return self.scores.empty() };
        if let Some(&known) = self.texts.get(ids) {
            return known;
        }
        let before = self.prefix(before, spelled);
        // Ids that labels cannot spell are ruled out.
        let prefix = self.scores.extend(before, spelled.text(*last)).unwrap_or(before);
        self.texts.insert(ids.to_vec(), prefix);
        prefix
    }
}

impl StepProcessor for JointCtc<'_> {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        let Some(row) = self.rows.get(step.row) else { return };
        let mut row = row.borrow_mut();
        let prefix = row.prefix(step.ids(), self.spelled);
        let (known, so_far) = (row.scores.known(), row.scores.begins(prefix));
        let mut proposed = most_probable(logits, PROPOSED);
        // A sound whose labels have no marks cannot say where one is, and a model that likes them writes nothing else soon.
        proposed.retain(|&id| self.labels.have(self.spelled.text(id)));
        let of_phrases = row.phrases.iter().flat_map(|phrases| phrases.proposed(step.ids()));
        let heard = row.heard_behind(prefix, self.spelled);
        for id in of_phrases.chain(heard).chain(self.ends.iter().copied()) {
            if !proposed.contains(&id) {
                proposed.push(id);
            }
        }
        let phrases = row.phrases.take();
        let boosted = phrases.as_ref().map(|phrases| {
            let text = |text: Boosted, &id: &u32| phrases.boost.extend(&text, self.spelled.text(id));
            (phrases, step.ids().iter().fold(Boosted::EMPTY, text))
        });
        // What an id adds to the letters that count.
        let gains = |id: u32| {
            boosted.as_ref().map_or(0.0, |(phrases, text)| {
                let letters = if self.ends.contains(&id) {
                    phrases.boost.ended(text)
                } else {
                    phrases.boost.extend(text, self.spelled.text(id)).letters()
                };
                phrases.weight * (letters - text.letters())
            })
        };
        // Ids that add nothing cost the sound nothing, so that a model which likes a row of them would go on for ever.
        let before = step.ids().split_last().map(|(_, before)| before);
        let adds_nothing = before.is_some_and(|before| row.prefix(before, self.spelled) == prefix);
        let mut scored = Vec::with_capacity(proposed.len());
        for id in proposed {
            let Some(&logit) = logits.get(id as usize) else { continue };
            let says = if self.ends.contains(&id) {
                row.scores.ends(prefix)
            } else {
                let text = self.spelled.text(id);
                if !is_spoken(text, row.scores.ends_in_space(prefix)) {
                    continue;
                }
                match row.scores.extend(prefix, text) {
                    Some(longer) if longer != prefix || !adds_nothing => row.scores.begins(longer),
                    _ => continue,
                }
            };
            scored.push((id, f64::from(logit) + self.weight * (says - so_far) + gains(id)));
        }
        drop(boosted);
        row.phrases = phrases;
        // Few of them are followed.
        row.scores.truncate(known);
        logits.fill(f32::NEG_INFINITY);
        for (id, score) in scored {
            logits[id as usize] = score as f32;
        }
    }
}

impl fmt::Debug for JointCtc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, weight) = (self.rows.len(), self.weight);
        f.debug_struct("JointCtc").field("rows", &rows).field("weight", &weight).finish_non_exhaustive()
    }
}

/// Whether a text has no line ends and no spaces one after the other, which cost the sound nothing; `behind_space` says whether
/// it follows a space.
fn is_spoken(text: &str, behind_space: bool) -> bool {
    let mut is_space = behind_space;
    !text.chars().any(|c| {
        let twice = is_space && c.is_whitespace();
        is_space = c.is_whitespace();
        twice || c == '\n'
    })
}

/// The ids of the `count` largest logits that are not ruled out, in no order.
fn most_probable(logits: &[f32], count: usize) -> Vec<u32> {
    let mut ids: Vec<u32> =
        (0..).zip(logits).filter(|(_, logit)| **logit > f32::NEG_INFINITY).map(|(id, _)| id).collect();
    if ids.len() > count {
        let by_logit = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
        ids.select_nth_unstable_by(count, by_logit);
        ids.truncate(count);
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;
    use crate::ctc::made_up::{labels, sure};
    use crate::ctc::{FoundPhrase, PhraseList, PhraseSearch};

    const PIECES: [&str; 4] = ["▁call", "▁tall", "▁me", "▁us"];
    const END: u32 = 0;

    fn spelled() -> Vec<String> {
        ["", "tall", "call", " us", " me", "!", "9", "\n", "", " mé"].map(str::to_owned).to_vec()
    }

    /// What is left of logits behind the start token and `ids`.
    fn processed(ids: &[u32], logits: &[f32], weight: f64) -> Vec<f32> {
        with_phrase(ids, logits, weight, None)
    }

    /// The same with a phrase of these ids, each letter of which counts a tenth.
    fn with_phrase(ids: &[u32], logits: &[f32], weight: f64, phrase: Option<(&str, Vec<u32>)>) -> Vec<f32> {
        let named = labels(&PIECES);
        let labels = SpelledLabels::new(&named).unwrap();
        let given: Vec<&str> = phrase.iter().map(|(text, _)| *text).collect();
        let search = PhraseSearch::new(&PhraseList::new(given).unwrap(), &named).unwrap();
        let posteriors = sure(&PIECES, &["▁call", "", "▁me"], 0.9);
        let spelled = SpelledIds::new(spelled());
        let phrases = phrase.map(|(text, ids)| {
            let found = FoundPhrase { phrase: text.to_owned(), support: 0.0, frames: (0, 1) };
            BoostedPhrases { boost: PhraseBoost::new(&search, &[found]), ids: vec![ids], weight: 0.1 }
        });
        let joint = JointCtc::new(&labels, [&posteriors], &spelled, &[END], weight).with_phrases(phrases);
        let history = [&[9], ids].concat();
        let mut logits = logits.to_vec();
        joint.process(&text(&history, 0.0), &mut logits);
        logits
    }

    #[test]
    fn of_what_the_model_proposes_the_sound_chooses() {
        let model = [-3.0, -1.0, -1.5, -4.0, -4.5, f32::NEG_INFINITY, -5.0];
        let best = |logits: &[f32]| (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        assert_eq!(best(&processed(&[], &model, 0.0)), Some(1));
        assert_eq!(best(&processed(&[], &model, 0.3)), Some(2));
        // Behind "call" the text goes on, behind "call me" it ends.
        assert_eq!(best(&processed(&[2], &model, 1.0)), Some(4));
        assert_eq!(best(&processed(&[2, 4], &model, 1.0)), Some(END as usize));
        // What was ruled out stays so.
        assert!(processed(&[], &model, 1.0)[5].is_infinite());
    }

    #[test]
    fn a_weight_of_nothing_leaves_what_is_proposed_as_it_is() {
        let model = [-3.0, -1.0, -1.5, -4.0, -4.5, f32::NEG_INFINITY, f32::NEG_INFINITY];
        assert_eq!(processed(&[2], &model, 0.0), model);
    }

    #[test]
    fn letters_of_a_phrase_count() {
        let model = [-3.0, -1.0, -1.5, -4.0, -4.5, f32::NEG_INFINITY, -5.0];
        let plain = processed(&[2], &model, 1.0);
        let boosted = with_phrase(&[2], &model, 1.0, Some(("us", vec![3])));
        assert!((boosted[3] - plain[3] - 0.2).abs() < 1e-5 && (boosted[4] - plain[4]).abs() < 1e-6);
        // What counted is taken back where the phrase does not end.
        let plain = processed(&[2, 3], &model, 1.0);
        let begun = with_phrase(&[2, 3], &model, 1.0, Some(("us tall", vec![3, 1])));
        assert!((begun[0] - plain[0] + 0.2).abs() < 1e-5, "{begun:?} {plain:?}");
    }

    #[test]
    fn ids_of_a_phrase_are_proposed_where_it_begins_and_goes_on() {
        let search = PhraseSearch::new(&PhraseList::new(["us"]).unwrap(), &labels(&PIECES)).unwrap();
        let ids = vec![vec![3, 1, 4], vec![5]];
        let phrases = BoostedPhrases { boost: PhraseBoost::new(&search, &[]), ids, weight: 1.0 };
        let after = |text: &[u32]| phrases.proposed(text).collect::<Vec<_>>();
        assert_eq!(after(&[]), [3, 5]);
        assert_eq!(after(&[2, 3]), [3, 1, 5]);
        assert_eq!(after(&[3, 1]), [3, 4, 5]);
    }

    #[test]
    fn what_no_label_spells_is_ruled_out_and_nothing_is_not_added_twice() {
        let model = [-3.0, -1.0, -1.5, -4.0, -4.5, -0.1, -0.1, -0.1, -0.2];
        let once = processed(&[2], &model, 1.0);
        assert!(once[8].is_finite() && once[5..8].iter().all(|score| score.is_infinite()), "{once:?}");
        // Nor is a mark that no label has, but in a phrase.
        let model = [model.as_slice(), &[-0.1]].concat();
        assert!(processed(&[2], &model, 1.0)[9].is_infinite());
        assert!(with_phrase(&[2], &model, 1.0, Some(("mé", vec![9])))[9].is_finite());
        let twice = processed(&[2, 8], &model, 1.0);
        assert!(twice[8].is_infinite() && twice[4].is_finite() && twice[0].is_finite(), "{twice:?}");
    }

    #[test]
    fn a_transcript_is_one_line_with_single_spaces() {
        assert!(is_spoken(" call me", false) && is_spoken("call", true) && is_spoken(" ", false));
        for (text, behind_space) in [(" call", true), ("call  me", false), ("call\n", false), ("  ", false)] {
            assert!(!is_spoken(text, behind_space), "{text:?}");
        }
    }

    #[test]
    fn so_many_are_proposed_and_no_more() {
        let logits: Vec<f32> = (0..100).map(|i| ((i * 37) % 100) as f32).collect();
        let mut ids = most_probable(&logits, 3);
        ids.sort_unstable();
        assert!(ids.iter().all(|&id| logits[id as usize] >= 97.0) && ids.len() == 3, "{ids:?}");
        assert_eq!(most_probable(&[f32::NEG_INFINITY, 1.0], 3), [1]);
    }
}
