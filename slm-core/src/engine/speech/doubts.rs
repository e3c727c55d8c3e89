//! Which texts are doubted, and in which ways they are decoded again.

use super::segment::{Cut, halves};
use super::settle::Answered;
use crate::ctc::SUSPECT;
use crate::decode::Strategy;
use crate::engine::answer::Segment;
use crate::engine::request::Request;

/// Beams of the search by which a text is decoded again.
const BEAMS: usize = 4;
/// Where the random numbers of a drawn text start.
const SEED: u64 = 0;
/// From this agreement on a text is what was said, up to a word.
const CLEAR_AGREEMENT: f64 = 0.1;

/// Which texts are doubted, and how they are decoded again.
#[derive(Debug)]
pub(super) struct Doubts {
    /// How far a text can be trusted, from 0 to 1.
    pub(super) trust: fn(&Segment) -> f64,
    /// A text that can be trusted less than this is decoded again.
    pub(super) least: f64,
    /// The ways to do so, each taken where those before gave no text that can be trusted.
    pub(super) ways: &'static [Another],
}

/// A way to decode a text again, and how far its text has to be trusted at least to count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Another {
    pub(super) way: Way,
    pub(super) least: f64,
}

/// How a text is decoded again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// The segment cut in two, as one of two sentences may have been lost.
    Halves,
    /// Without phrases, which may have misled it.
    NoPhrases,
    /// By a search for the most probable text.
    Beams,
    /// Drawn at this temperature, which leads out of repetition.
    Drawn(f64),
}

impl Doubts {
    /// Texts that the sound does not support. A sentence that is cut in two is misheard more often than a pair of
    /// sentences is, so that two texts have to fit clearly.
    pub(super) const OF_SOUND: Self = Self {
        trust: |segment| segment.alignment.as_ref().map_or(1.0, |aligned| aligned.agreement.value()),
        least: SUSPECT,
        ways: &[
            Another { way: Way::Halves, least: CLEAR_AGREEMENT },
            Another { way: Way::NoPhrases, least: SUSPECT },
            Another { way: Way::Beams, least: SUSPECT },
        ],
    };

    /// How far the worst of the texts can be trusted.
    pub(super) fn trust(&self, answered: &[Answered]) -> f64 {
        answered.iter().map(|(segment, _)| (self.trust)(segment)).fold(1.0, f64::min)
    }
}

impl Way {
    /// The request that it makes of another; `None` where it changes nothing about it.
    pub(super) fn request(self, request: &Request) -> Option<Request> {
        let mut changed = request.clone();
        match self {
            Self::Halves => {}
            Self::NoPhrases => drop(changed.phrases.take()?),
            Self::Beams => {
                changed.decode.strategy = match request.decode.strategy {
                    Strategy::Greedy => request.decode.strategy.with_beams(BEAMS),
                    Strategy::Beam { .. } | Strategy::Sample { .. } => return None,
                }
            }
            Self::Drawn(temperature) => {
                changed.decode.strategy = match request.decode.strategy {
                    Strategy::Greedy | Strategy::Beam { .. } => {
                        Strategy::Sample { temperature, top_k: None, top_p: None, seed: SEED }
                    }
                    Strategy::Sample { .. } => return None,
                }
            }
        }
        Some(changed)
    }

    /// What it makes of a segment.
    pub(super) fn parts(self, cut: &Cut) -> Vec<Cut> {
        if self == Self::Halves { halves(cut) } else { vec![cut.clone()] }
    }

    /// How many pieces go through the model together. What is drawn for a row depends on its place among them, and shall not
    /// depend on what else is doubted.
    pub(super) fn rows(self) -> usize {
        if matches!(self, Self::Drawn(_)) { 1 } else { usize::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Task;

    #[test]
    fn ways_that_change_nothing_are_not_taken() {
        let greedy = Request::new(Task::Transcribe);
        let mut beams = greedy.clone();
        beams.decode.strategy = beams.decode.strategy.with_beams(2);
        let mut drawn = greedy.clone();
        drawn.decode.strategy = Strategy::Sample { temperature: 0.7, top_k: None, top_p: None, seed: 3 };
        let takes = |request: &Request| {
            [Way::Halves, Way::NoPhrases, Way::Beams, Way::Drawn(0.2)]
                .map(|way| way.request(request).is_some())
        };
        assert_eq!(takes(&greedy), [true, false, true, true]);
        assert_eq!(takes(&beams), [true, false, false, true]);
        assert_eq!(takes(&drawn), [true, false, false, false]);
        let temperature =
            Way::Drawn(0.4).request(&beams).map(|request| request.decode.strategy.temperature());
        assert_eq!(temperature, Some(0.4));
    }
}
