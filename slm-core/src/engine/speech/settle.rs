//! What becomes of the answers to a segment: their place in the recording, their warnings, and whether they stay.

use super::error::SpeechError;
use super::seconds;
use super::segment::Cut;
use super::shared::drop_repeated;
use crate::ctc::{Aligned, CtcPosteriors};
use crate::engine::answer::{Answer, Quiet, QuietKind, Segment};
use crate::engine::request::{Delivery, Request, Segmentation, UnsupportedText};
use crate::engine::warning::Warning;
use crate::prompt::Respelled;

/// Shares of the threshold for no speech from which on a text is doubted: one that the sound hardly supports, and one that
/// is too short for the time.
const DOUBT_OF_UNSUPPORTED: f64 = 0.8;
const DOUBT_OF_SPARSE: f64 = 0.5;
/// A doubted text counts as none below this agreement of its worst place and of its words in the mean, or with fewer tokens a
/// second. Of 320 utterances of the reference model's test sets none is lost by these; what it hears in music and in speech
/// that is played backwards is.
const UNSUPPORTED_PLACE: f64 = 0.25;
const UNSUPPORTED_WORDS: f64 = 0.75;
const SPARSE_TOKENS: f64 = 1.0;

/// The answer to a piece, and what a reader should know of it.
pub(crate) type Answered = (Segment, Vec<Warning>);

/// What a reader should know of a segment, whose text may have been stopped at a number of tokens.
pub(super) fn warnings(segment: &Segment, stopped_at: Option<usize>) -> Vec<Warning> {
    let Segment { start, end, .. } = *segment;
    let mut warnings = Vec::new();
    if let Some(tokens) = stopped_at {
        warnings.push(Warning::TextLimit { start, end, tokens });
    }
    if let Some(aligned) = segment.alignment.as_ref().filter(|aligned| aligned.agreement.is_suspect()) {
        warnings.push(Warning::Unsupported {
            start,
            end,
            agreement: aligned.agreement.value(),
            skipped: aligned.skipped.iter().map(|stretch| stretch.text.clone()).collect(),
        });
    }
    warnings
}

/// A segment without an answer.
pub(crate) fn failed(cut: &Cut, error: &SpeechError) -> Warning {
    let (start, end) = (seconds(cut.own.start), seconds(cut.own.end));
    Warning::SegmentFailed { start, end, kind: error.kind(), reason: error.to_string() }
}

/// What of the answers to a cut joins `answer`: all but those of stretches without speech, which are noted as quiet.
pub(crate) fn settled(
    answered: Vec<Answered>,
    cut: &Cut,
    answer: &mut Answer,
    request: &Request,
) -> Vec<Answered> {
    let mut kept: Vec<Answered> = Vec::new();
    // What was told piece by piece stays, whatever the sound supports.
    let is_told = request.delivery == Delivery::Text;
    for (mut segment, warnings) in answered {
        let is_sound = is_no_speech(&segment) || (!is_told && is_doubted(&segment, &request.segmentation));
        let kind = if is_sound {
            Some(QuietKind::Sound)
        } else if !is_told && !segment.is_supported && request.unsupported == UnsupportedText::LeftOut {
            Some(QuietKind::Unsupported)
        } else {
            None
        };
        if let Some(kind) = kind {
            answer.push_quiet(Quiet { start: segment.start, end: segment.end, kind });
            answer.warnings.extend(without_text(warnings));
            continue;
        }
        if cut.own.start > cut.start && segment.alignment.is_none() && kept.is_empty() {
            drop_repeated(&answer.text, &mut segment.text);
        }
        kept.push((segment, warnings));
    }
    kept
}

/// How likely it is that a sound is no speech: how unsure the CTC head is of the labels on its best path.
pub(super) fn no_speech_probability(posteriors: &CtcPosteriors) -> f64 {
    let best = (0..posteriors.frames()).map(|frame| posteriors.best(frame));
    let labels: Vec<f64> =
        best.filter(|(label, _)| *label != posteriors.blank()).map(|(_, p)| f64::from(p).exp()).collect();
    if labels.is_empty() { 1.0 } else { 1.0 - labels.iter().sum::<f64>() / labels.len() as f64 }
}

/// The same in a longer audio, whose part from `start` on it is.
pub(super) fn later(mut aligned: Aligned, start: f64) -> Aligned {
    for word in &mut aligned.words {
        word.start += start;
        word.end += start;
    }
    for stretch in &mut aligned.skipped {
        stretch.start += start;
        stretch.end += start;
    }
    aligned
}

/// The same, in the whole audio.
pub(super) fn respelled_later(one: Respelled, start: f64) -> Respelled {
    Respelled { start: one.start + start, end: one.end + start, ..one }
}

/// The segment of a cut that holds no speech.
pub(super) fn without_speech(cut: &Cut, no_speech_prob: f64) -> Segment {
    Segment { start: seconds(cut.own.start), end: seconds(cut.own.end), no_speech_prob, ..Segment::default() }
}

/// Whether a segment is one that the language model was not asked about.
fn is_no_speech(segment: &Segment) -> bool {
    segment.tokens.is_empty() && segment.text.is_empty() && !segment.is_supported
}

/// Whether the sound is hardly speech and the text hardly fits it, as far as a CTC head can say it.
fn is_doubted(segment: &Segment, segmentation: &Segmentation) -> bool {
    let doubt = segment.no_speech_prob / segmentation.no_speech_threshold;
    let Some(aligned) =
        segment.alignment.as_ref().filter(|_| segmentation.finds_speech && segment.ctc_text.is_some())
    else {
        return false;
    };
    let words: f64 = aligned.words.iter().map(|word| word.agreement).sum();
    let is_unsupported = aligned.agreement.value() < UNSUPPORTED_PLACE
        && words < UNSUPPORTED_WORDS * aligned.words.len() as f64;
    let is_sparse = (segment.tokens.len() as f64) < SPARSE_TOKENS * (segment.end - segment.start);
    (is_unsupported && doubt >= DOUBT_OF_UNSUPPORTED) || (is_sparse && doubt >= DOUBT_OF_SPARSE)
}

/// The warnings of a segment whose text was left out: none that are about the text.
fn without_text(warnings: Vec<Warning>) -> Vec<Warning> {
    let is_kept =
        |warning: &Warning| !matches!(warning, Warning::Unsupported { .. } | Warning::TextLimit { .. });
    warnings.into_iter().filter(is_kept).collect()
}
