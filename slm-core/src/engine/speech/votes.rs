//! The language of a recording, as its segments are heard one after the other.
//!
//! A short segment is easily misheard. So each segment with speech adds how probable each language is in it, and is written
//! in the one with the largest sum up to then. A segment that is sure of another language is written in that one: so a
//! recording of several languages stays one. What a segment is written in does not depend on how many of them go through
//! the model together.

use std::cell::RefCell;
use std::ops::Range;

/// From this probability on a segment is written in the language that it is heard in, whatever the others are in.
const SURE: f64 = 0.9;

/// What the segments of a recording are heard to be in.
#[derive(Debug, Default)]
pub(crate) struct Votes(RefCell<Tally>);

#[derive(Debug, Default)]
struct Tally {
    /// The probabilities of each language, summed up.
    sums: Vec<f64>,
    /// The sample up to which all segments have voted: one that is heard again votes once.
    until: usize,
}

/// How a piece is heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeardLanguages {
    /// How probable each language is, in an order that is the same for all pieces.
    pub(super) probabilities: Vec<f64>,
    /// Whether it holds speech: what does not says nothing about the language.
    pub(super) has_speech: bool,
}

impl Votes {
    /// The number of the language that the piece with the samples `own` is written in; `None` where there are none.
    pub(super) fn decide(&self, own: &Range<usize>, heard: &HeardLanguages) -> Option<usize> {
        let mut tally = self.0.borrow_mut();
        if heard.has_speech && own.start >= tally.until {
            tally.sums.resize(heard.probabilities.len(), 0.0);
            for (sum, probability) in tally.sums.iter_mut().zip(&heard.probabilities) {
                *sum += probability;
            }
            tally.until = own.end;
        }
        let voted = best(&tally.sums);
        let alone = best(&heard.probabilities);
        let is_sure = alone.is_some_and(|at| heard.has_speech && heard.probabilities[at] >= SURE);
        if is_sure { alone } else { voted.or(alone) }
    }
}

/// The number of the largest value, the first of several.
fn best(values: &[f64]) -> Option<usize> {
    (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(probabilities: [f64; 3]) -> HeardLanguages {
        HeardLanguages { probabilities: probabilities.to_vec(), has_speech: true }
    }

    #[test]
    fn a_segment_that_is_unsure_is_in_the_language_of_those_before() {
        let votes = Votes::default();
        let decide =
            |second: usize, probabilities| votes.decide(&(second..second + 1), &heard(probabilities));
        assert_eq!(decide(0, [0.6, 0.4, 0.0]), Some(0));
        assert_eq!(decide(1, [0.3, 0.4, 0.3]), Some(0));
        // The sums turn.
        assert_eq!(decide(2, [0.1, 0.8, 0.1]), Some(1));
    }

    #[test]
    fn a_segment_in_another_language_is_in_that_one_and_the_next_is_not() {
        let votes = Votes::default();
        let decide =
            |second: usize, probabilities| votes.decide(&(second..second + 1), &heard(probabilities));
        assert_eq!(decide(0, [0.9, 0.1, 0.0]), Some(0));
        assert_eq!(decide(1, [0.7, 0.1, 0.2]), Some(0));
        assert_eq!(decide(2, [0.02, 0.0, 0.98]), Some(2));
        assert_eq!(decide(3, [0.3, 0.3, 0.4]), Some(0));
    }

    #[test]
    fn what_holds_no_speech_has_no_vote_and_nothing_votes_twice() {
        let votes = Votes::default();
        let noise = HeardLanguages { has_speech: false, ..heard([0.0, 0.0, 1.0]) };
        // Alone it is in what it is heard in.
        assert_eq!(votes.decide(&(0..1), &noise), Some(2));
        assert_eq!(votes.decide(&(1..2), &heard([0.5, 0.4, 0.1])), Some(0));
        assert_eq!(votes.decide(&(2..3), &noise), Some(0));
        for _ in 0..3 {
            assert_eq!(votes.decide(&(3..4), &heard([0.3, 0.35, 0.35])), Some(0));
        }
        assert_eq!(votes.decide(&(4..5), &heard([0.3, 0.35, 0.35])), Some(0));
        assert_eq!(
            Votes::default().decide(&(0..1), &HeardLanguages { probabilities: Vec::new(), has_speech: true }),
            None
        );
    }
}
