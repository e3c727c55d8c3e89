//! Looks for all phrases at once in CTC posteriors.
//!
//! Paper: Young et al. 1989, *Token Passing: a Simple Conceptual Model for Connected Speech Recognition Systems*, over
//! the prefix tree of the phrases. A token enters at every frame and moves on by labels, each of which is a step of its
//! characters; blanks and repeated labels leave it where it is. A token's score is the log of its path's probability
//! over that of the best path through the same frames, so that a phrase on the best path itself scores 0 wherever it
//! stands, and tokens that fall behind are dropped early. A phrase begins and ends where a word does.

use std::ops::Range;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::best_path;
use super::phrases::PhraseList;
use super::posteriors::CtcPosteriors;
use super::prefix_tree::{PrefixTree, ROOT};
use super::spelling::LabelSpelling;
use super::support::support;
use crate::nn::Watch;
use crate::text::{TextTokenizer, TokenizerError};

/// How far a label may fall behind the best of its frame.
const LABEL_BEAM: f32 = 11.0;
/// How far a token may fall behind the best path.
const TOKEN_BEAM: f32 = 20.0;
/// The most tokens between two frames.
const MAX_TOKENS: usize = 4000;
/// What a character of a phrase is worth: a long phrase that is not there costs more than a short one.
const CHARACTER_WORTH: f32 = 1.5;
/// The least worth of a phrase that is given.
const LEAST_WORTH: f32 = 0.0;
/// Where each label on the best path has at least this probability, the sound is sure of what was said.
const SURE: f32 = 0.9;
/// How far a phrase may fall behind the best path where the sound is sure of that: less than one label takes that is not
/// there.
const SURE_BEAM: f32 = 2.0;

/// A phrase that the sound supports.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FoundPhrase {
    /// As it was given.
    pub phrase: String,
    /// The log of its probability over that of the best path through the same frames, 0 or less.
    pub support: f32,
    /// Its first frame and the one after its last.
    pub frames: (usize, usize),
}

/// Phrases that can be looked for: their prefix tree, and what each CTC label spells.
#[derive(Debug, Clone)]
pub struct PhraseSearch {
    phrases: Vec<String>,
    unspellable: Vec<String>,
    tree: PrefixTree,
    spelling: LabelSpelling,
}

/// A path into the tree.
#[derive(Debug, Clone, Copy)]
struct Token {
    score: f32,
    /// The frame it entered at.
    start: usize,
    /// The frame after its last label.
    end: usize,
}

/// Where a token is: a node, and the label of the last frame.
type Place = (u32, u32);

impl PhraseSearch {
    /// For `phrases`, and the CTC labels that `labels` names.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] of a tokenizer that cannot decode its own labels.
    pub fn new(phrases: &PhraseList, labels: &TextTokenizer) -> Result<Self, TokenizerError> {
        let phrases = phrases.phrases().to_vec();
        let spelling = LabelSpelling::new(labels)?;
        let ways: Vec<Vec<String>> = phrases.iter().map(|phrase| spelling.ways(phrase)).collect();
        let unspellable =
            phrases.iter().zip(&ways).filter(|(_, ways)| ways.is_empty()).map(|(phrase, _)| phrase.clone());
        let unspellable = unspellable.collect();
        // The closest spelling of each comes before the others of all, so that a phrase is found as it was given.
        let closest = (0..).zip(&ways).filter_map(|(index, ways)| ways.first().map(|way| (index, way)));
        let others =
            (0..).zip(&ways).flat_map(|(index, ways)| ways.iter().skip(1).map(move |way| (index, way)));
        let tree = PrefixTree::new(closest.chain(others));
        Ok(Self { phrases, unspellable, tree, spelling })
    }

    /// The phrases that the labels cannot spell, which are never found.
    pub fn unspellable(&self) -> &[String] {
        &self.unspellable
    }

    /// Whether a phrase merely resembles what the sound is sure of.
    pub fn only_resembles(found: &FoundPhrase, posteriors: &CtcPosteriors) -> bool {
        let (first, end) = found.frames;
        found.support < -SURE_BEAM && best_path::sureness(posteriors, first..end) >= SURE
    }

    /// How well `frames` support that `text` was said there and nothing else, spelled in the best way: the log of its
    /// probability over that of the best path, 0 or less. Negative infinity where labels cannot spell it.
    pub fn support(&self, text: &str, posteriors: &CtcPosteriors, frames: Range<usize>) -> f32 {
        let ways = self.spelling.ways(text);
        let supports = ways.iter().map(|way| support(&self.spelling, way, posteriors, frames.clone()));
        supports.fold(f32::NEG_INFINITY, f32::max)
    }

    /// The ways in which the labels can spell `text`, in lower case, the closest first.
    pub fn ways(&self, text: &str) -> Vec<String> {
        self.spelling.ways(text)
    }

    /// What the labels spell.
    pub(super) fn spelling(&self) -> &LabelSpelling {
        &self.spelling
    }

    /// Whether both texts have a spelling in common.
    pub fn sounds_alike(&self, a: &str, b: &str) -> bool {
        let ways = self.spelling.ways(b);
        self.spelling.ways(a).iter().any(|way| ways.contains(way))
    }

    /// The number of phrases.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// The phrases that the posteriors support, at most `top`, the best first; once `watch` stops, those that were
    /// found by then.
    pub fn search(&self, posteriors: &CtcPosteriors, top: usize, watch: &Watch) -> Vec<FoundPhrase> {
        let worth = |found: &Found| found.support + CHARACTER_WORTH * f32::from(found.length);
        let mut found: Vec<Found> = self.all(posteriors, watch).into_values().collect();
        found.retain(|found| worth(found) >= LEAST_WORTH);
        found.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.phrase.cmp(&b.phrase)));
        found.truncate(top);
        found
            .into_iter()
            .map(|found| FoundPhrase {
                phrase: self.phrases[found.phrase as usize].clone(),
                support: found.support,
                frames: found.frames,
            })
            .collect()
    }

    /// The best occurrence of every phrase that stays within the beam, by phrase.
    fn all(&self, posteriors: &CtcPosteriors, watch: &Watch) -> FxHashMap<u32, Found> {
        let blank = posteriors.blank();
        let mut found: FxHashMap<u32, Found> = FxHashMap::default();
        let mut tokens: FxHashMap<Place, Token> = FxHashMap::default();
        // Where a word's first label has no space in it, as at the start of speech.
        let first_word = self.tree.walk(ROOT, &[' ']);
        let mut silent_so_far = true;
        for t in 0..posteriors.frames() {
            if watch.is_stopped() {
                return found;
            }
            let frame = posteriors.frame(t);
            let (best_label, best) = posteriors.best(t);
            let behind = |label: u32| frame[label as usize] - best;
            let near = self.near(posteriors, t);
            // What it costs that a word begins here.
            let word_begins =
                near.iter().filter(|one| self.spelling.of(one.0).first() == Some(&' ')).map(|one| one.1);
            let boundary = word_begins.fold(f32::NEG_INFINITY, f32::max);

            let mut next: FxHashMap<Place, Token> =
                FxHashMap::with_capacity_and_hasher(tokens.len(), FxBuildHasher);
            let mut pass = |place: Place, token: Token| {
                // No phrase through here can be worth enough any more.
                let hopeless = LEAST_WORTH - CHARACTER_WORTH * f32::from(self.tree.longest(place.0));
                if token.score >= hopeless.max(-TOKEN_BEAM) {
                    let kept = next.entry(place).or_insert(token);
                    if token.score > kept.score {
                        *kept = token;
                    }
                }
            };
            for (&(node, last), token) in &tokens {
                self.end(&mut found, node, token, boundary);
                pass((node, blank), Token { score: token.score + behind(blank), ..*token });
                if last != blank {
                    pass((node, last), Token { score: token.score + behind(last), end: t + 1, ..*token });
                }
                for &(label, lag) in near.iter().filter(|one| one.0 != last) {
                    if let Some(node) = self.tree.walk(node, self.spelling.of(label)) {
                        pass((node, label), Token { score: token.score + lag, end: t + 1, ..*token });
                    }
                }
            }
            let entries = std::iter::once(ROOT).chain(first_word.filter(|_| silent_so_far));
            for entry in entries {
                for &(label, lag) in &near {
                    if let Some(node) = self.tree.walk(entry, self.spelling.of(label)) {
                        pass((node, label), Token { score: lag, start: t, end: t + 1 });
                    }
                }
            }
            silent_so_far &= best_label == blank;
            tokens = next;
            prune(&mut tokens);
        }
        for (&(node, _), token) in &tokens {
            self.end(&mut found, node, token, 0.0);
        }
        found
    }

    /// The labels near the best one of frame `t` that spell something, with how far each falls behind it.
    fn near(&self, posteriors: &CtcPosteriors, t: usize) -> Vec<(u32, f32)> {
        let (_, best) = posteriors.best(t);
        (0..)
            .zip(posteriors.frame(t))
            .map(|(label, &p)| (label, p - best))
            .filter(|&(label, lag)| {
                lag >= -LABEL_BEAM && label != posteriors.blank() && !self.spelling.of(label).is_empty()
            })
            .collect()
    }

    /// Notes the phrase that ends at `node`, where a word ends at the cost of `boundary`.
    fn end(&self, found: &mut FxHashMap<u32, Found>, node: u32, token: &Token, boundary: f32) {
        let Some((phrase, length)) = self.tree.end(node) else { return };
        let support = token.score + boundary;
        if support < -TOKEN_BEAM {
            return;
        }
        let one = Found { phrase, support, length, frames: (token.start, token.end) };
        let kept = found.entry(phrase).or_insert(one);
        if support > kept.support {
            *kept = one;
        }
    }
}

/// Drops the worst of more than [`MAX_TOKENS`] tokens.
fn prune(tokens: &mut FxHashMap<Place, Token>) {
    if tokens.len() > MAX_TOKENS {
        let mut scores: Vec<f32> = tokens.values().map(|token| token.score).collect();
        let (_, least, _) = scores.select_nth_unstable_by(MAX_TOKENS, |a, b| b.total_cmp(a));
        let least = *least;
        tokens.retain(|_, token| token.score > least);
    }
}

/// An occurrence of a phrase.
#[derive(Debug, Clone, Copy)]
struct Found {
    phrase: u32,
    support: f32,
    length: u16,
    frames: (usize, usize),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::ctc::made_up::{self, labels, sure};

    /// Pieces with a mark at the start of a word; the blank is the last label.
    const PIECES: [&str; 9] = ["a", "n", "b", "▁", "▁an", "na", "▁b", "ob", "o"];

    fn prepared(phrases: &[&str]) -> PhraseSearch {
        PhraseSearch::new(&PhraseList::new(phrases).unwrap(), &labels(&PIECES)).unwrap()
    }

    fn search(phrases: &[&str], pieces: &[&str]) -> Vec<(String, f32, (usize, usize))> {
        let found = prepared(phrases).search(&sure(&PIECES, pieces, 0.91), 9, &Watch::default());
        found.into_iter().map(|one| (one.phrase, one.support, one.frames)).collect()
    }

    #[test]
    fn labels_spell_their_pieces() {
        let spelled = labels(&PIECES).spellings().unwrap();
        assert_eq!(spelled, ["a", "n", "b", " ", " an", "na", " b", "ob", "o"]);
    }

    #[test]
    fn what_is_on_the_best_path_scores_nothing_less() {
        let spoken = ["-", "▁an", "-", "na", "na", "-", "▁b", "ob", "-"];
        let found = search(&["Anna", "bob", "anna bob", "boa"], &spoken);
        let of = |phrase: &str| found.iter().find(|one| one.0 == phrase).cloned();
        let (_, support, frames) = of("Anna").unwrap();
        assert!(support.abs() < 1e-6 && frames == (1, 5), "{found:?}");
        assert_eq!(of("anna bob").unwrap().2, (1, 8));
        assert_eq!(of("bob").unwrap().2, (6, 8));
        assert_eq!(found[0].0, "anna bob");
        assert!(of("boa").is_none_or(|one| one.1 < -4.0));
    }

    #[test]
    fn every_spelling_counts_and_words_are_whole() {
        let found =
            search(&["anna", "ann", "na", "bo"], &["▁", "a", "n", "-", "n", "a", "-", "▁b", "o", "b"]);
        assert_eq!(found[0].0, "anna");
        assert!(found[0].1.abs() < 1e-6);
        // In the midst of a word nothing begins or ends.
        assert!(found[1..].iter().all(|one| one.1 < -4.0), "{found:?}");
    }

    #[test]
    fn a_watch_that_stops_ends_the_search() {
        let search = prepared(&["anna"]);
        let sound = sure(&PIECES, &["▁an", "na", "-"], 0.91);
        assert_eq!(search.search(&sound, 9, &Watch::default()).len(), 1);
        let stopped = Watch::new(Arc::new(AtomicBool::new(true)));
        assert!(search.search(&sound, 9, &stopped).is_empty());
    }

    #[test]
    fn a_phrase_is_found_as_it_was_given_however_it_is_spelled() {
        let spoken = ["▁b", "ob", "-", "▁an", "na", "-"];
        let found = search(&["Bob-Anna", "Ánna", "O'Bob", "anna"], &spoken);
        let names: Vec<&str> = found.iter().filter(|one| one.1 > -1e-6).map(|one| one.0.as_str()).collect();
        // Of those that are spelled alike the first.
        assert_eq!(names, ["Bob-Anna", "Ánna"]);
        let list = ["anna", "Анна", "Bob", "安娜", "Zoë"];
        assert_eq!(prepared(&list).unspellable(), ["Анна", "安娜", "Zoë"]);
        assert_eq!(prepared(&list).len(), 5);
        assert!(prepared(&["Bob-Ann"]).sounds_alike("bob ann", "Bob-Ann"));
        assert!(!prepared(&["Bob-Ann"]).sounds_alike("bob", "Bob-Ann"));
    }

    #[test]
    fn what_resembles_a_sure_sound_is_not_that() {
        let resembles = |phrase: &str, frames: &[&[(&str, f32)]]| {
            let sound = made_up::posteriors(&PIECES, frames);
            let found = prepared(&[phrase]).search(&sound, 9, &Watch::default());
            PhraseSearch::only_resembles(&found[0], &sound)
        };
        let bob: &[&[(&str, f32)]] = &[&[("▁b", 0.98)], &[("ob", 0.98)], &[("-", 0.97), ("a", 0.02)]];
        assert!(!resembles("bob", bob) && resembles("boba", bob));
        // There is a label, or there is none: the sound does not know.
        let unsure: &[&[(&str, f32)]] = &[&[("▁b", 0.98)], &[("ob", 0.98)], &[("-", 0.6), ("a", 0.3)]];
        assert!(!resembles("boba", unsure));
        let unsure: &[&[(&str, f32)]] =
            &[&[("▁b", 0.98)], &[("ob", 0.6), ("na", 0.1)], &[("-", 0.97), ("a", 0.02)]];
        assert!(!resembles("boba", unsure));
    }
}
