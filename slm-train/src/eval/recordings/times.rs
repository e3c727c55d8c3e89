//! What the times of an answer tell: whether all of the audio is accounted for, and what was written where nobody speaks.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;
use slm_core::{Answer, Segment};

use crate::data::manifest::Stretch;

/// How far inside a stretch the middle of a word must lie to count as written there: times of words are off by as much.
const MARGIN: f64 = 0.1;

/// From when to when, in seconds.
pub type Span = (f64, f64);

/// How much of the audio is accounted for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Seconds in a segment, or listed as quiet.
    pub covered: f64,
    /// Seconds that are there more than once.
    pub twice: f64,
}

/// What was written in stretches without speech.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Written {
    /// Seconds of the stretches.
    pub seconds: f64,
    /// Words.
    pub words: usize,
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.words += other.words;
    }
}

/// How much of the audio an answer accounts for by its segments and by what it lists as quiet.
pub fn coverage(answer: &Answer) -> Coverage {
    let segments = answer.segments.iter().map(|segment| (segment.start, segment.end));
    let quiet = answer.quiet.iter().map(|quiet| (quiet.start, quiet.end));
    of_spans(segments.chain(quiet).collect(), answer.seconds)
}

fn of_spans(mut spans: Vec<Span>, seconds: f64) -> Coverage {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut coverage = Coverage::default();
    let mut reached = 0.0_f64;
    for (start, end) in spans {
        let (start, end) = (start.clamp(0.0, seconds), end.clamp(0.0, seconds));
        coverage.twice += (end.min(reached) - start).max(0.0);
        coverage.covered += (end - start.max(reached)).max(0.0);
        reached = reached.max(end);
    }
    coverage
}

/// When each word of an answer was said. Where the model gives no times of words, those of a segment lie evenly in it.
pub fn words(answer: &Answer) -> Vec<Span> {
    answer.segments.iter().flat_map(words_of).collect()
}

fn words_of(segment: &Segment) -> Vec<Span> {
    match &segment.alignment {
        Some(aligned) => aligned.words.iter().map(|word| (word.start, word.end)).collect(),
        None => evenly(segment.text.split_whitespace().count(), (segment.start, segment.end)),
    }
}

fn evenly(words: usize, (start, end): Span) -> Vec<Span> {
    let each = (end - start) / words.max(1) as f64;
    (0..words).map(|word| (start + each * word as f64, start + each * (word + 1) as f64)).collect()
}

/// What was written in each kind of stretch.
pub fn written(words: &[Span], stretches: &[Stretch]) -> BTreeMap<String, Written> {
    let mut found: BTreeMap<String, Written> = BTreeMap::new();
    for Stretch { start, end, sound } in stretches {
        let middles = words.iter().map(|(from, to)| f64::midpoint(*from, *to));
        let words = middles.filter(|middle| (start + MARGIN..end - MARGIN).contains(middle)).count();
        *found.entry(sound.clone()).or_default() += Written { seconds: end - start, words };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Coverage, covered: f64, twice: f64) {
        assert!((found.covered - covered).abs() < 1e-9 && (found.twice - twice).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn gaps_and_overlaps_are_seen() {
        close(of_spans(vec![(2.0, 5.0), (0.0, 2.0), (5.0, 9.0)], 9.0), 9.0, 0.0);
        close(of_spans(vec![(0.0, 2.0), (3.0, 5.0)], 9.0), 4.0, 0.0);
        close(of_spans(vec![(0.0, 4.0), (1.0, 2.0), (3.0, 5.0)], 9.0), 5.0, 2.0);
        // What lies beyond the end covers nothing.
        close(of_spans(vec![(8.0, 12.0), (10.0, 12.0)], 9.0), 1.0, 0.0);
        close(of_spans(Vec::new(), 9.0), 0.0, 0.0);
    }

    #[test]
    fn words_count_where_their_middle_is() {
        let stretch = |start, end, sound: &str| Stretch { start, end, sound: sound.into() };
        let stretches = [stretch(1.0, 3.0, "pink"), stretch(4.0, 4.15, "pause"), stretch(5.0, 7.0, "pink")];
        // The first is speech that ends late, the second lies in the noise, the third in a pause that is too short.
        let words = [(0.6, 1.5), (2.0, 2.4), (4.0, 4.1), (6.0, 6.2)];
        let found = written(&words, &stretches);
        assert_eq!(found["pink"], Written { seconds: 4.0, words: 2 });
        assert_eq!(found["pause"].words, 0);
        assert_eq!(evenly(2, (1.0, 2.0)), [(1.0, 1.5), (1.5, 2.0)]);
        assert!(evenly(0, (1.0, 2.0)).is_empty());
    }
}
