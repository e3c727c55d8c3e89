//! Texts that the sound does not support are decoded again: cut in two, without phrases, with beams.

use super::error::SpeechError;
use super::model::SpeechModel;
use super::respond::Work;
use super::segment::{Cut, halves};
use super::settle::Answered;
use crate::ctc::SUSPECT;
use crate::decode::Strategy;
use crate::engine::request::Request;
use crate::prompt::Task;

/// Beams of the search by which a text is decoded again.
const BEAMS: usize = 4;

/// What became of a segment: its answers, more than one where it was cut.
pub(crate) type Outcome = Result<Vec<Answered>, SpeechError>;

impl SpeechModel {
    /// Answers each of `cuts`, which are the segments of recordings with their tasks, as one batch. Texts of transcripts
    /// that the sound does not support are decoded again in other ways; the best of them counts.
    ///
    /// # Errors
    ///
    /// Only when the work was cancelled.
    pub(crate) fn answer_verified(
        &self,
        cuts: &[(&Cut, &Task)],
        work: &Work,
    ) -> Result<Vec<Outcome>, SpeechError> {
        let first = self.answer_each(cuts, work, None)?;
        let mut outcomes: Vec<Outcome> =
            first.into_iter().map(|result| result.map(|answered| vec![answered])).collect();
        for way in [Way::Halves, Way::NoPhrases, Way::Beams] {
            self.again(way, cuts, work, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    /// Decodes those again whose text the sound does not support.
    fn again(
        &self,
        way: Way,
        cuts: &[(&Cut, &Task)],
        work: &Work,
        outcomes: &mut [Outcome],
    ) -> Result<(), SpeechError> {
        let request = match way {
            Way::Halves => work.request.clone(),
            Way::NoPhrases => Request { phrases: None, ..work.request.clone() },
            Way::Beams => with_beams(work.request),
        };
        if way.is_vain(work.request) {
            return Ok(());
        }
        let mut pieces: Vec<(usize, Cut, &Task)> = Vec::new();
        for (index, (cut, task)) in cuts.iter().enumerate() {
            let is_wrong = outcomes[index].as_ref().is_ok_and(|answered| agreement(answered) < MIN_AGREEMENT);
            if is_wrong && task.is_transcript() {
                let parts = if way == Way::Halves { halves(cut) } else { vec![(*cut).clone()] };
                pieces.extend(parts.into_iter().map(|part| (index, part, *task)));
            }
        }
        if pieces.is_empty() {
            return Ok(());
        }
        let parts: Vec<(&Cut, &Task)> = pieces.iter().map(|(_, part, task)| (part, *task)).collect();
        let again = self.answer_each(&parts, &Work { request: &request, ..*work }, None)?;
        let mut others: Vec<(usize, Outcome)> = Vec::new();
        for ((index, ..), result) in pieces.iter().zip(again) {
            match (others.last_mut(), result) {
                (Some((last, outcome)), result) if last == index => match (outcome, result) {
                    (Ok(answered), Ok(one)) => answered.push(one),
                    (outcome, Err(error)) => *outcome = Err(error),
                    (Err(_), Ok(_)) => {}
                },
                (_, result) => others.push((*index, result.map(|one| vec![one]))),
            }
        }
        for (index, other) in others {
            if let (Ok(old), Ok(new)) = (&outcomes[index], &other)
                && agreement(new) > agreement(old)
                && agreement(new) >= way.min_agreement()
            {
                outcomes[index] = other;
            }
        }
        Ok(())
    }
}

/// Below this agreement a text is decoded again.
const MIN_AGREEMENT: f64 = SUSPECT;

/// From this agreement on a text is what was said, up to a word.
const CLEAR_AGREEMENT: f64 = 0.1;

/// How a text is decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The segment cut in two, as one of two sentences may have been lost.
    Halves,
    /// Without phrases, which may have misled it.
    NoPhrases,
    /// By a search for the most probable text.
    Beams,
}

impl Way {
    /// From which agreement on the other text counts. A sentence that is cut in two is misheard more often than a pair of
    /// sentences is, so that two texts have to fit clearly.
    fn min_agreement(self) -> f64 {
        match self {
            Self::Halves => CLEAR_AGREEMENT,
            Self::NoPhrases | Self::Beams => MIN_AGREEMENT,
        }
    }

    /// Whether it changes nothing about the request.
    fn is_vain(self, request: &Request) -> bool {
        match self {
            Self::Halves => false,
            Self::NoPhrases => request.phrases.is_none(),
            Self::Beams => !matches!(request.decode.strategy, Strategy::Greedy),
        }
    }
}

fn with_beams(request: &Request) -> Request {
    let mut request = request.clone();
    request.decode.strategy = request.decode.strategy.with_beams(BEAMS);
    request
}

/// How well the sound supports the worst of the texts; 1 where nothing can be said of it.
fn agreement(answered: &[Answered]) -> f64 {
    let values = answered.iter().filter_map(|(segment, _)| segment.alignment.as_ref());
    values.map(|aligned| aligned.agreement.value()).fold(1.0, f64::min)
}
