//! Texts that are doubted are decoded again in other ways; the one that can be trusted most counts.
//!
//! What a text is judged by, and which ways there are, is the writer's to say: its [`Doubts`].

use super::doubts::{Another, Doubts};
use super::error::SpeechError;
use super::model::SpeechModel;
use super::piece::{Piece, Spoken, Work};
use super::segment::Cut;
use super::settle::Answered;

/// What became of a segment: its answers, more than one where it was cut.
pub(crate) type Outcome = Result<Vec<Answered>, SpeechError>;

impl SpeechModel {
    /// Answers each of `pieces`, which are the segments of recordings with their tasks, as one batch. Texts that are doubted
    /// are decoded again in other ways.
    ///
    /// # Errors
    ///
    /// Only when the work was cancelled.
    pub(crate) fn answer_verified(&self, pieces: &[Piece], work: &Work) -> Result<Vec<Outcome>, SpeechError> {
        let first = self.answer_each(pieces, work, None)?;
        let mut outcomes: Vec<Outcome> =
            first.into_iter().map(|result| result.map(|answered| vec![answered])).collect();
        let doubts = self.writes().doubts();
        for another in doubts.ways {
            self.again(*another, doubts, pieces, work, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    /// Decodes those again that are doubted.
    fn again(
        &self,
        Another { way, least }: Another,
        doubts: &Doubts,
        pieces: &[Piece],
        work: &Work,
        outcomes: &mut [Outcome],
    ) -> Result<(), SpeechError> {
        let Some(request) = way.request(work.request) else { return Ok(()) };
        let work = Work { request: &request, ..*work };
        let is_doubted =
            |outcome: &Outcome| outcome.as_ref().is_ok_and(|found| doubts.trust(found) < doubts.least);
        let doubted: Vec<usize> = (0..pieces.len()).filter(|&index| is_doubted(&outcomes[index])).collect();
        // The language that was found stays.
        let languages: Vec<Option<String>> =
            doubted.iter().map(|&index| language(&outcomes[index]).map(str::to_owned)).collect();
        let cuts: Vec<Vec<Cut>> = doubted.iter().map(|&index| way.parts(pieces[index].cut)).collect();
        let mut parts: Vec<Piece> = Vec::new();
        for ((&index, cuts), found) in doubted.iter().zip(&cuts).zip(&languages) {
            let Piece { task, language, .. } = pieces[index];
            let language = found.as_deref().map_or(language, Spoken::Found);
            parts.extend(cuts.iter().map(|cut| Piece { cut, task, language }));
        }
        let mut again = Vec::with_capacity(parts.len());
        for together in parts.chunks(way.rows()) {
            again.extend(self.answer_each(together, &work, None)?);
        }
        let mut again = again.into_iter();
        for (index, cuts) in doubted.into_iter().zip(cuts) {
            let other: Outcome = again.by_ref().take(cuts.len()).collect();
            if let (Ok(old), Ok(new)) = (&outcomes[index], &other)
                && doubts.trust(new) > doubts.trust(old)
                && doubts.trust(new) >= least
            {
                outcomes[index] = other;
            }
        }
        Ok(())
    }
}

/// The language that a segment was found to be in.
fn language(outcome: &Outcome) -> Option<&str> {
    outcome.as_ref().ok()?.iter().find_map(|(segment, _)| segment.language.as_deref())
}
