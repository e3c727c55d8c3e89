//! Corpus-level text metrics: word and character error rate, chrF, BLEU, exact match and token F1.
//!
//! The error rates equal those of jiwer 4.0.0, chrF and BLEU those of sacrebleu 2.6.0 with its default settings;
//! `tests/fixtures/metrics.json` holds the scores they are compared with. As in those libraries, **the texts of
//! [`wer`], [`cer`], [`chrf`] and [`bleu`] are taken as they are**: call
//! [`normalise`](super::normalise::normalise) on both sides first where case and punctuation are not to count.
//! [`exact_match`] and [`f1`] normalise by themselves.
//!
//! References and hypotheses are paired by index. Where one list is shorter, the texts it lacks count as empty,
//! so that a missing hypothesis is an error and never goes unnoticed. An empty corpus scores 0 in every metric.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::normalise::normalise;

/// Longest character n-gram of chrF.
const CHRF_ORDER: usize = 6;
/// Weight of recall over precision in chrF.
const CHRF_BETA: f64 = 2.0;
/// Longest word n-gram of BLEU.
const BLEU_ORDER: usize = 4;

/// The word errors of one utterance or of a whole corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCounts {
    /// Reference words replaced by another word.
    pub substitutions: usize,
    /// Hypothesis words with no counterpart in the reference.
    pub insertions: usize,
    /// Reference words with no counterpart in the hypothesis.
    pub deletions: usize,
    /// Words in the reference.
    pub reference_words: usize,
}

impl ErrorCounts {
    /// Counts the word errors of one hypothesis; words are what white space separates.
    ///
    /// Their sum is the edit distance. Where several alignments are equally short, the one jiwer picks is
    /// counted.
    pub fn of(reference: &str, hypothesis: &str) -> Self {
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        align(&reference, &hypothesis)
    }

    /// Counts the word errors of a corpus.
    pub fn of_corpus<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> Self {
        let mut total = Self::default();
        for (reference, hypothesis) in pairs(references, hypotheses) {
            total += Self::of(reference, hypothesis);
        }
        total
    }

    /// Substitutions, insertions and deletions together.
    pub fn errors(&self) -> usize {
        self.substitutions + self.insertions + self.deletions
    }

    /// Errors per reference word; for a reference without words the number of errors, as in jiwer.
    pub fn rate(&self) -> f64 {
        rate(self.errors(), self.reference_words)
    }
}

impl AddAssign for ErrorCounts {
    fn add_assign(&mut self, other: Self) {
        self.substitutions += other.substitutions;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
        self.reference_words += other.reference_words;
    }
}

/// Word error rate: word edits summed over the corpus, per reference word (1.0 = as many errors as words).
///
/// An empty reference adds the words of its hypothesis to the errors and nothing to the reference length. If no
/// reference has a word, the result is the number of insertions, as in jiwer: 0 where nothing was said and
/// nothing was heard.
pub fn wer<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    ErrorCounts::of_corpus(references, hypotheses).rate()
}

/// Character error rate: character edits summed over the corpus, per reference character.
///
/// Characters are Unicode scalar values; white space at both ends is dropped, white space inside counts. Empty
/// references are treated as in [`wer`].
pub fn cer<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    let (mut errors, mut length) = (0, 0);
    for (reference, hypothesis) in pairs(references, hypotheses) {
        let reference: Vec<char> = reference.trim().chars().collect();
        let hypothesis: Vec<char> = hypothesis.trim().chars().collect();
        errors += edit_distance(&reference, &hypothesis);
        length += reference.len();
    }
    rate(errors, length)
}

/// Corpus-level chrF in 0..=100: character n-grams of order 1 to 6, beta 2, no word n-grams, white space
/// ignored, case kept.
pub fn chrf<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    let mut totals = [Overlap::default(); CHRF_ORDER];
    for (reference, hypothesis) in pairs(references, hypotheses) {
        let reference: Vec<char> = reference.chars().filter(|c| !c.is_whitespace()).collect();
        let hypothesis: Vec<char> = hypothesis.chars().filter(|c| !c.is_whitespace()).collect();
        for (order, total) in (1..).zip(&mut totals) {
            // n-grams of a hypothesis whose reference has none do not count
            if reference.len() >= order {
                total.add(&reference, &hypothesis, order);
            }
        }
    }
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0_usize);
    for total in totals.iter().filter(|t| t.hypothesis > 0 && t.reference > 0) {
        precision += total.matched as f64 / total.hypothesis as f64;
        recall += total.matched as f64 / total.reference as f64;
        orders += 1;
    }
    if orders == 0 || precision + recall <= 0.0 {
        return 0.0;
    }
    let (precision, recall) = (precision / orders as f64, recall / orders as f64);
    let weight = CHRF_BETA * CHRF_BETA;
    100.0 * (1.0 + weight) * precision * recall / (weight * precision + recall)
}

/// Corpus-level BLEU in 0..=100: up to 4-grams, tokeniser 13a, case kept, exponential smoothing, one reference.
///
/// 0 where the whole corpus has no matching word or no hypothesis of four tokens.
pub fn bleu<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    let mut totals = [Overlap::default(); BLEU_ORDER];
    let (mut reference_length, mut hypothesis_length) = (0_usize, 0_usize);
    for (reference, hypothesis) in pairs(references, hypotheses) {
        let (reference, hypothesis) = (tokenise_13a(reference), tokenise_13a(hypothesis));
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        reference_length += reference.len();
        hypothesis_length += hypothesis.len();
        for (order, total) in (1..).zip(&mut totals) {
            total.add(&reference, &hypothesis, order);
        }
    }
    if totals.iter().all(|t| t.matched == 0) || totals.iter().any(|t| t.hypothesis == 0) {
        return 0.0;
    }
    let (mut log_sum, mut smoothing) = (0.0, 1.0);
    for total in &totals {
        let matched = if total.matched == 0 {
            smoothing *= 2.0;
            1.0 / smoothing
        } else {
            total.matched as f64
        };
        log_sum += (matched / total.hypothesis as f64).ln();
    }
    let log_penalty = (1.0 - reference_length as f64 / hypothesis_length as f64).min(0.0);
    100.0 * (log_penalty + log_sum / BLEU_ORDER as f64).exp()
}

/// Share of hypotheses that equal their reference once both are normalised, 0..=1.
pub fn exact_match<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    mean(
        pairs(references, hypotheses).map(|(reference, hypothesis)| {
            f64::from(u8::from(normalise(reference) == normalise(hypothesis)))
        }),
    )
}

/// Mean token F1 of the answers, 0..=1, as in SQuAD but with the normaliser `basic`: English articles stay.
///
/// Tokens are words after normalisation, counted with multiplicity. Where one side has no tokens, the pair
/// scores 1 if the other has none either, otherwise 0.
pub fn f1<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    mean(pairs(references, hypotheses).map(|(reference, hypothesis)| {
        let (reference, hypothesis) = (normalise(reference), normalise(hypothesis));
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        let tokens = reference.len() + hypothesis.len();
        if tokens == 0 {
            return 1.0;
        }
        let mut overlap = Overlap::default();
        overlap.add(&reference, &hypothesis, 1);
        2.0 * overlap.matched as f64 / tokens as f64
    }))
}

/// Pairs texts by index; the shorter list is filled up with empty texts.
fn pairs<'a, R: AsRef<str>, H: AsRef<str>>(
    references: &'a [R],
    hypotheses: &'a [H],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    (0..references.len().max(hypotheses.len()))
        .map(move |index| (text_at(references, index), text_at(hypotheses, index)))
}

/// The text at `index`, empty past the end.
fn text_at<S: AsRef<str>>(texts: &[S], index: usize) -> &str {
    texts.get(index).map_or("", AsRef::as_ref)
}

/// Errors per unit of reference; the number of errors where there is no reference.
fn rate(errors: usize, length: usize) -> f64 {
    errors as f64 / length.max(1) as f64
}

/// The mean of the values, 0 for none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

/// Both sequences without what they share at the start and, after that, at the end.
fn without_shared_ends<'a, T: PartialEq>(mut a: &'a [T], mut b: &'a [T]) -> (&'a [T], &'a [T]) {
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b)
        && first_a == first_b
    {
        (a, b) = (rest_a, rest_b);
    }
    while let ([rest_a @ .., last_a], [rest_b @ .., last_b]) = (a, b)
        && last_a == last_b
    {
        (a, b) = (rest_a, rest_b);
    }
    (a, b)
}

/// The Levenshtein distance, in memory proportional to the shorter text.
fn edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let (a, b) = without_shared_ends(a, b);
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut row: Vec<usize> = (0..=short.len()).collect();
    for (i, from) in long.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in short.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[short.len()]
}

/// Aligns two word sequences and counts the edits along the path that rapidfuzz, and so jiwer, reports: traced
/// from the end, a deletion wherever one fits, then an insertion where it is cheaper, else a pair of words.
fn align(reference: &[&str], hypothesis: &[&str]) -> ErrorCounts {
    let mut counts = ErrorCounts { reference_words: reference.len(), ..ErrorCounts::default() };
    let (reference, hypothesis) = without_shared_ends(reference, hypothesis);
    let width = hypothesis.len() + 1;
    let mut cost: Vec<usize> = (0..width).collect();
    cost.reserve_exact(reference.len() * width);
    for (i, from) in reference.iter().enumerate() {
        let above = i * width;
        cost.push(i + 1);
        for (j, to) in hypothesis.iter().enumerate() {
            let replaced = cost[above + j] + usize::from(from != to);
            let deleted = cost[above + j + 1] + 1;
            let inserted = cost[above + width + j] + 1;
            cost.push(replaced.min(deleted).min(inserted));
        }
    }
    let at = |i: usize, j: usize| cost[i * width + j];
    let (mut i, mut j) = (reference.len(), hypothesis.len());
    while i > 0 && j > 0 {
        if at(i, j) == at(i - 1, j) + 1 {
            counts.deletions += 1;
            i -= 1;
        } else if at(i - 1, j - 1) == at(i, j - 1) + 1 {
            counts.insertions += 1;
            j -= 1;
        } else {
            counts.substitutions += usize::from(reference[i - 1] != hypothesis[j - 1]);
            i -= 1;
            j -= 1;
        }
    }
    counts.deletions += i;
    counts.insertions += j;
    counts
}

/// Numbers of n-grams of one order, summed over a corpus.
#[derive(Clone, Copy, Default)]
struct Overlap {
    reference: usize,
    hypothesis: usize,
    matched: usize,
}

impl Overlap {
    /// Adds the n-grams of one pair; a hypothesis n-gram matches as often as the reference holds it.
    fn add<T: Hash + Eq>(&mut self, reference: &[T], hypothesis: &[T], order: usize) {
        let mut available: HashMap<&[T], usize> = HashMap::new();
        for gram in reference.windows(order) {
            self.reference += 1;
            *available.entry(gram).or_default() += 1;
        }
        for gram in hypothesis.windows(order) {
            self.hypothesis += 1;
            if let Some(left) = available.get_mut(gram).filter(|left| **left > 0) {
                *left -= 1;
                self.matched += 1;
            }
        }
    }
}

/// Separates tokens by white space as mteval-v13a does; the caller splits.
fn tokenise_13a(text: &str) -> String {
    let text = text
        .trim_end()
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let mut spaced = String::with_capacity(text.len() + 16);
    spaced.push(' ');
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '\'' | ',' | '-' | '.') {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    spaced.push(' ');
    let is_stop = |c: char| matches!(c, '.' | ',');
    // a full stop or comma not after a digit, then one not before a digit, then a dash after a digit
    let spaced = rewrite_pairs(&spaced, |first, second| {
        (!first.is_ascii_digit() && is_stop(second)).then(|| format!("{first} {second} "))
    });
    let spaced = rewrite_pairs(&spaced, |first, second| {
        (is_stop(first) && !second.is_ascii_digit()).then(|| format!(" {first} {second}"))
    });
    rewrite_pairs(&spaced, |first, second| {
        (first.is_ascii_digit() && second == '-').then(|| format!("{first} {second} "))
    })
}

/// Replaces neighbouring characters from left to right, without overlap, as a regular expression would.
fn rewrite_pairs(text: &str, rule: impl Fn(char, char) -> Option<String>) -> String {
    let mut rewritten = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        if let Some(replacement) = rest.peek().and_then(|&second| rule(first, second)) {
            rewritten.push_str(&replacement);
            rest.next();
        } else {
            rewritten.push(first);
        }
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use super::{ErrorCounts, bleu, cer, chrf, exact_match, f1, wer};

    #[test]
    fn empty_corpora_and_missing_texts() {
        let none: [&str; 0] = [];
        for metric in [wer, cer, chrf, bleu, exact_match, f1] {
            assert!(metric(&none, &none).abs() < 1e-12);
        }
        assert!((wer(&["a b", "c d"], &["a b"]) - 0.5).abs() < 1e-12);
        assert!((wer(&["a b"], &["a b", "c"]) - 0.5).abs() < 1e-12);
        assert!((wer(&[""], &["a b c"]) - 3.0).abs() < 1e-12);
        assert!((f1(&["", "a"], &["...", ""]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn counts_add_up() {
        let counts = ErrorCounts::of("the cat sat on the mat", "a cat sat the mat now");
        assert_eq!(counts.errors(), 3);
        assert_eq!(counts.reference_words, 6);
    }
}
