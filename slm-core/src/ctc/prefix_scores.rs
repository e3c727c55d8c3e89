//! How probable it is by the sound that what was said begins with a text, or is that text.
//!
//! Paper: Watanabe et al. 2017, *Hybrid CTC/Attention Architecture for End-to-End Speech Recognition*, section II-D, the
//! CTC prefix probability. There the text is in the head's own labels. Here it is in letters, so that a writer with other
//! tokens can be scored: the sum is over all labels that spell it, one that reaches over its end included.
//! Shapes: `T` frames, `V` labels.

use super::posteriors::CtcPosteriors;
use super::spelling::LabelSpelling;
use crate::text::{TextTokenizer, TokenizerError};

/// What the labels of a head spell, in the order of the alphabet.
#[derive(Debug, Clone)]
pub struct SpelledLabels {
    sorted: Vec<(Vec<char>, u32)>,
    letters: LabelSpelling,
    /// Letters of the longest.
    longest: usize,
}

/// A text among [`PrefixScores`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix(u32);

/// Scores the beginnings of texts against the posteriors of one sound.
#[derive(Debug)]
pub struct PrefixScores<'a> {
    labels: &'a SpelledLabels,
    /// `[T, V]`, of each frame in units of the most probable label, so that no product becomes too small for a float.
    probabilities: Vec<f32>,
    width: usize,
    blank: usize,
    /// The log of what all paths of the frames behind each one come to in these units, `[T]`.
    rest: Vec<f64>,
    /// The same of the first frame alone.
    first_frame: f64,
    /// A text is that of its parent and a letter; the first has none.
    nodes: Vec<Node>,
}

/// Paths that spell a text.
#[derive(Debug)]
struct Node {
    parent: u32,
    letter: char,
    children: Vec<u32>,
    /// Their probability after each frame, `[T + 1]`, the first before all frames.
    all: Vec<f64>,
    /// Those of them that end in a label at that frame, label by label.
    ending: Vec<(u32, Vec<f64>)>,
}

/// What stands for a probability of 0: below all others.
const IMPOSSIBLE: f64 = -745.0;
/// The first text.
const EMPTY: u32 = 0;

impl SpelledLabels {
    /// Of the labels that `tokenizer` names.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] of labels that cannot be decoded.
    pub fn new(tokenizer: &TextTokenizer) -> Result<Self, TokenizerError> {
        let letters = LabelSpelling::new(tokenizer)?;
        let mut sorted: Vec<_> = letters.all().map(|(label, spelled)| (spelled.to_vec(), label)).collect();
        sorted.sort_unstable();
        let longest = sorted.iter().map(|(spelled, _)| spelled.len()).max().unwrap_or(0);
        Ok(Self { sorted, letters, longest })
    }

    /// What a label spells, in lower case.
    pub(super) fn of(&self, label: u32) -> &[char] {
        self.letters.of(label)
    }

    /// Whether labels have all letters of `text` as they are, with their marks.
    pub fn have(&self, text: &str) -> bool {
        let mut letters = text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase);
        text.is_ascii() || letters.all(|letter| self.letters.has(letter))
    }

    /// The labels that begin with `letters`, those that are nothing more first.
    fn beginning_with<'a>(&'a self, letters: &'a [char]) -> impl Iterator<Item = (usize, u32)> + 'a {
        let first = self.sorted.partition_point(|(spelled, _)| spelled.as_slice() < letters);
        self.sorted[first..]
            .iter()
            .take_while(|(spelled, _)| spelled.starts_with(letters))
            .map(|(spelled, label)| (spelled.len(), *label))
    }
}

impl<'a> PrefixScores<'a> {
    /// Of the sound with these posteriors.
    pub fn new(labels: &'a SpelledLabels, posteriors: &CtcPosteriors) -> Self {
        let (frames, blank) = (posteriors.frames(), posteriors.blank() as usize);
        let mut probabilities = Vec::with_capacity(frames * posteriors.labels());
        for t in 0..frames {
            let (_, best) = posteriors.best(t);
            probabilities.extend(posteriors.frame(t).iter().map(|p| (p - best).exp()));
        }
        let mut rest = vec![0.0; frames];
        for t in (1..frames).rev() {
            rest[t - 1] = rest[t] - f64::from(posteriors.best(t).1);
        }
        let width = posteriors.labels();
        let first_frame = if frames > 0 { -f64::from(posteriors.best(0).1) } else { 0.0 };
        let mut scores = Self { labels, probabilities, width, blank, rest, first_frame, nodes: Vec::new() };
        let mut all = vec![1.0; frames + 1];
        scores.blanks(&mut all, &[]);
        let letter = '\0';
        scores.nodes.push(Node { parent: EMPTY, letter, children: Vec::new(), all, ending: Vec::new() });
        scores
    }

    /// The text without a letter.
    pub fn empty(&self) -> Prefix {
        Prefix(EMPTY)
    }

    /// `prefix` with `text` after it, in lower case with single spaces, each word with one before it; `None` for what labels
    /// cannot spell, most signs among it.
    pub fn extend(&mut self, prefix: Prefix, text: &str) -> Option<Prefix> {
        let mut node = prefix.0;
        for letter in text.chars().flat_map(char::to_lowercase) {
            if letter.is_whitespace() {
                if node != EMPTY {
                    node = self.space(node);
                }
                continue;
            }
            for letter in self.labels.letters.letters(letter)?.chars() {
                if node == EMPTY {
                    node = self.space(node);
                }
                node = self.child(node, letter);
            }
        }
        Some(Prefix(node))
    }

    /// The log of the probability that what was said begins with `prefix`, in units that differ from text to text of one
    /// sound in nothing.
    pub fn begins(&self, prefix: Prefix) -> f64 {
        if prefix.0 == EMPTY || self.is_first_space(prefix.0) {
            // All paths do.
            return self.everything();
        }
        let letters = self.last_letters(prefix.0, self.labels.longest);
        // Of the paths that reach the end of the text at each frame.
        let mut reach = vec![0.0; self.frames()];
        let mut node = prefix.0;
        for start in (0..letters.len()).rev() {
            node = self.nodes[node as usize].parent;
            let before = &self.nodes[node as usize];
            for (_, label) in self.labels.beginning_with(&letters[start..]) {
                let own = before.ending_in(label);
                for (t, reach) in reach.iter_mut().enumerate() {
                    let so_far = before.all[t] - own.map_or(0.0, |own| own[t]);
                    *reach += so_far * self.probability(t, label);
                }
            }
        }
        let logs = || reach.iter().zip(&self.rest).map(|(reach, rest)| reach.ln() + rest);
        let largest = logs().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs().map(|log| (log - largest).exp()).sum();
        if largest.is_finite() { largest + sum.ln() } else { self.everything() + IMPOSSIBLE }
    }

    /// The log of the probability of all paths.
    fn everything(&self) -> f64 {
        self.rest.first().map_or(0.0, |rest| rest + self.first_frame)
    }

    /// The log of the probability that what was said is `prefix`, in the same units.
    pub fn ends(&self, prefix: Prefix) -> f64 {
        let node = &self.nodes[prefix.0 as usize];
        log(node.all.last().copied().unwrap_or(0.0))
    }

    /// The letters of a text, with a space before each word.
    pub fn letters(&self, prefix: Prefix) -> Vec<char> {
        self.last_letters(prefix.0, usize::MAX)
    }

    /// Whether a text ends in a space.
    pub fn ends_in_space(&self, prefix: Prefix) -> bool {
        self.nodes[prefix.0 as usize].letter == ' '
    }

    /// How many texts are known.
    pub fn known(&self) -> usize {
        self.nodes.len()
    }

    /// Forgets all texts but the `known` first ones.
    pub fn truncate(&mut self, known: usize) {
        while self.nodes.len() > known.max(1) {
            let Some(node) = self.nodes.pop() else { break };
            // Children are in the order in which they were made.
            self.nodes[node.parent as usize].children.pop();
        }
    }

    fn frames(&self) -> usize {
        self.probabilities.len() / self.width
    }

    fn probability(&self, frame: usize, label: u32) -> f64 {
        f64::from(self.probabilities[frame * self.width + label as usize])
    }

    fn is_first_space(&self, node: u32) -> bool {
        let node = &self.nodes[node as usize];
        node.parent == EMPTY && node.letter == ' '
    }

    /// A text and a space, or the text where it ends in one.
    fn space(&mut self, node: u32) -> u32 {
        if self.nodes[node as usize].letter == ' ' { node } else { self.child(node, ' ') }
    }

    /// The last letters of a text, `count` at most.
    fn last_letters(&self, mut node: u32, count: usize) -> Vec<char> {
        let mut letters = Vec::with_capacity(count.min(self.nodes.len()));
        while node != EMPTY && letters.len() < count {
            let place = &self.nodes[node as usize];
            letters.push(place.letter);
            node = place.parent;
        }
        letters.reverse();
        letters
    }

    fn child(&mut self, parent: u32, letter: char) -> u32 {
        let known = &self.nodes[parent as usize].children;
        if let Some(&child) = known.iter().find(|&&child| self.nodes[child as usize].letter == letter) {
            return child;
        }
        let mut letters = self.last_letters(parent, self.labels.longest.saturating_sub(1));
        letters.push(letter);
        let mut ending = Vec::new();
        let mut node = parent;
        for start in (0..letters.len()).rev() {
            let length = letters.len() - start;
            let spelling = self.labels.beginning_with(&letters[start..]);
            let before = &self.nodes[node as usize];
            ending.extend(
                spelling
                    .take_while(|&(own, _)| own == length)
                    .map(|(_, label)| (label, self.ending(label, before))),
            );
            node = before.parent;
        }
        let mut all = vec![0.0; self.frames() + 1];
        // Labels need not spell the space before the first word.
        all[0] = if parent == EMPTY && letter == ' ' { 1.0 } else { 0.0 };
        self.blanks(&mut all, &ending);
        let child = self.nodes.len() as u32;
        self.nodes.push(Node { parent, letter, children: Vec::new(), all, ending });
        self.nodes[parent as usize].children.push(child);
        child
    }

    /// The probability after each frame of the paths that end in `label` there, which follows the text `before`.
    fn ending(&self, label: u32, before: &Node) -> Vec<f64> {
        let own = before.ending_in(label);
        let mut ending = vec![0.0; self.frames() + 1];
        for t in 0..self.frames() {
            // The same label is another one only behind a blank.
            let so_far = before.all[t] - own.map_or(0.0, |own| own[t]);
            ending[t + 1] = (ending[t] + so_far) * self.probability(t, label);
        }
        ending
    }

    /// Adds the paths that end in a blank to those that end in a label, from what there is before all frames.
    fn blanks(&self, all: &mut [f64], ending: &[(u32, Vec<f64>)]) {
        for t in 0..self.frames() {
            let labels: f64 = ending.iter().map(|(_, ending)| ending[t + 1]).sum();
            all[t + 1] = all[t] * f64::from(self.probabilities[t * self.width + self.blank]) + labels;
        }
    }
}

impl Node {
    /// Its paths that end in `label`.
    fn ending_in(&self, label: u32) -> Option<&[f64]> {
        self.ending.iter().find(|(own, _)| *own == label).map(|(_, ending)| ending.as_slice())
    }
}

fn log(probability: f64) -> f64 {
    probability.ln().max(IMPOSSIBLE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ctc::best_path::collapse;
    use crate::ctc::made_up::labels;

    const PIECES: [&str; 6] = ["▁a", "a", "b", "ab", "▁", "ba"];
    const BLANK: u32 = 6;

    /// Probabilities that look random.
    fn rows(frames: usize) -> Vec<Vec<f64>> {
        let value = |i: usize| ((i * 7919 + 104_729) % 1009) as f64 + 1.0;
        (0..frames)
            .map(|t| {
                let row: Vec<f64> = (0..7).map(|label| value(t * 7 + label)).collect();
                let sum: f64 = row.iter().sum();
                row.into_iter().map(|p| p / sum).collect()
            })
            .collect()
    }

    fn posteriors(rows: &[Vec<f64>]) -> CtcPosteriors {
        CtcPosteriors::new(rows.iter().flatten().map(|p| p.ln() as f32).collect(), 7, BLANK)
    }

    /// The probability of every text, by going through all paths; a text begins with a space whether a label says so or not.
    fn all(rows: &[Vec<f64>]) -> BTreeMap<String, f64> {
        let mut found = BTreeMap::new();
        for path in 0..7_usize.pow(rows.len() as u32) {
            let labels: Vec<u32> =
                (0..rows.len() as u32).map(|t| (path / 7_usize.pow(t) % 7) as u32).collect();
            let p: f64 = labels.iter().zip(rows).map(|(&label, row)| row[label as usize]).product();
            let text: String =
                collapse(labels, BLANK).into_iter().map(|label| PIECES[label as usize]).collect();
            *found.entry(text.replace('▁', " ")).or_insert(0.0) += p;
        }
        found
    }

    /// The factor that the scores of a sound have.
    fn unit(rows: &[Vec<f64>]) -> f64 {
        rows.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).product()
    }

    #[test]
    fn beginnings_and_ends_are_sums_over_all_paths() {
        let labels = SpelledLabels::new(&labels(&PIECES)).unwrap();
        let rows = rows(5);
        let (texts, unit) = (all(&rows), unit(&rows));
        let mut scores = PrefixScores::new(&labels, &posteriors(&rows));
        for text in ["a", "ab", "aba", "ab a", "abba", "aab", "b", "ba", "bab"] {
            let empty = scores.empty();
            let prefix = scores.extend(empty, text).unwrap();
            let spaced = format!(" {text}");
            let sum = |is: &dyn Fn(&str) -> bool| -> f64 {
                texts.iter().filter(|(found, _)| is(found)).map(|(_, p)| p).sum()
            };
            let ends = sum(&|found| found == text || found == spaced);
            let begins = sum(&|found| found.starts_with(text) || found.starts_with(&spaced));
            assert!((scores.ends(prefix).exp() * unit - ends).abs() < 1e-6, "{text}: {ends}");
            assert!((scores.begins(prefix).exp() * unit - begins).abs() < 1e-6, "{text}: {begins}");
        }
    }

    #[test]
    fn texts_grow_by_pieces_and_are_forgotten() {
        let labels = SpelledLabels::new(&labels(&PIECES)).unwrap();
        let mut scores = PrefixScores::new(&labels, &posteriors(&rows(8)));
        let empty = scores.empty();
        let a = scores.extend(empty, "A").unwrap();
        let whole = scores.extend(empty, "a  b a").unwrap();
        let (known, found) = (scores.known(), scores.begins(whole));
        // Capitals, marks of letters and spaces twice make no difference.
        let b = scores.extend(a, " B").unwrap();
        assert_eq!(scores.extend(b, " á"), Some(whole));
        assert!(scores.labels.have(" B a!") && !scores.labels.have("á"));
        // What labels cannot spell is no text.
        assert_eq!(
            (scores.extend(b, "z a"), scores.extend(b, "!"), scores.extend(b, "2")),
            (None, None, None)
        );
        assert_eq!(scores.known(), known);
        scores.truncate(1);
        let again = scores.extend(empty, "a b a").unwrap();
        assert!((scores.begins(again) - found).abs() < 1e-12);
        assert_eq!(scores.known(), known);
    }

    #[test]
    fn a_long_sound_keeps_its_digits() {
        let pieces = ["▁a", "b"];
        let rows = [0.4_f32, 0.3, 0.3].map(f32::ln).repeat(4000);
        let labels = SpelledLabels::new(&labels(&pieces)).unwrap();
        let mut scores = PrefixScores::new(&labels, &CtcPosteriors::new(rows, 3, 2));
        let empty = scores.empty();
        let text = scores.extend(empty, "ab").unwrap();
        // Only "▁a" again and again, or with a "b" at the end, is worth a number beside all that follows.
        assert!(scores.begins(text).is_finite() && scores.ends(text).is_finite());
        assert!(scores.ends(text) < scores.begins(text), "{} {}", scores.ends(text), scores.begins(text));
    }
}
