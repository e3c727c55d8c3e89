//! What becomes of the answers to a segment: their place in the recording, their warnings, and whether they stay.

use super::error::SpeechError;
use super::seconds;
use super::segment::Cut;
use super::shared::drop_repeated;
use crate::ctc::Aligned;
use crate::engine::answer::{Answer, Quiet, QuietKind, Segment};
use crate::engine::request::{Delivery, Request, Segmentation, UnsupportedText};
use crate::engine::warning::Warning;
use crate::prompt::Respelled;

/// Shares of the threshold for no speech from which on a text is doubted: one that the sound hardly supports, and one of which
/// it supports nothing or that is too short for the time.
const DOUBT_OF_UNSUPPORTED: f64 = 0.8;
const DOUBT_OF_UNHEARD: f64 = 0.5;
/// What a doubted text is: below this agreement of its worst place and of its words in the mean, below this one of its words
/// alone, or with fewer tokens a second.
const UNSUPPORTED_PLACE: f64 = 0.25;
const UNSUPPORTED_WORDS: f64 = 0.75;
const UNHEARD_WORDS: f64 = 0.2;
const SPARSE_TOKENS: f64 = 1.0;
/// Texts that are much too short for the time are doubted earlier: so few tokens a second, from this share on.
const SPARSER_TOKENS: f64 = 0.5;
const DOUBT_OF_SPARSER: f64 = 0.2;
/// So are texts with fewer heard letters than these, whose words the sound supports less in the mean. Of 37 texts of real music and
/// signals (games, desktops, music on hold) 29 are none by these rules, and 3 of 314 of speech, which were wrong.
const FEW_LETTERS: usize = 8;
const UNSURE_WORDS: f64 = 0.8;
const DOUBT_OF_FEW: f64 = 0.36;
/// So many letters in words that the sound supports this well are speech, whatever the rest is, as where a clip ends inside a
/// word. Of 192 sounds without speech (noises, hum, clicks, sweeps, chords, music, drums, speech played backwards) none has more
/// than 10 that the threshold itself leaves.
const HEARD_WORD: f64 = 0.9;
const HEARD_LETTERS: usize = 12;

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
    if segmentation.keeps_every_sound() {
        return false;
    }
    let Some(aligned) = segment.alignment.as_ref().filter(|_| segment.ctc_text.is_some()) else {
        return false;
    };
    let doubt = segment.no_speech_prob / segmentation.no_speech_threshold;
    let heard = aligned.words.iter().filter(|word| word.agreement >= HEARD_WORD);
    let heard: usize = heard.map(|word| word.text.chars().count()).sum();
    if aligned.words.is_empty() || heard >= HEARD_LETTERS {
        return false;
    }
    let words = aligned.words.iter().map(|word| word.agreement).sum::<f64>() / aligned.words.len() as f64;
    let is_unsupported = aligned.agreement.value() < UNSUPPORTED_PLACE && words < UNSUPPORTED_WORDS;
    let tokens_a_second = segment.tokens.len() as f64 / (segment.end - segment.start);
    (is_unsupported && doubt >= DOUBT_OF_UNSUPPORTED)
        || ((tokens_a_second < SPARSE_TOKENS || words < UNHEARD_WORDS) && doubt >= DOUBT_OF_UNHEARD)
        || (tokens_a_second < SPARSER_TOKENS && doubt >= DOUBT_OF_SPARSER)
        || (heard < FEW_LETTERS && words < UNSURE_WORDS && doubt >= DOUBT_OF_FEW)
}

/// The warnings of a segment whose text was left out: none that are about the text.
fn without_text(warnings: Vec<Warning>) -> Vec<Warning> {
    let is_kept =
        |warning: &Warning| !matches!(warning, Warning::Unsupported { .. } | Warning::TextLimit { .. });
    warnings.into_iter().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::{Agreement, Word};

    /// A segment of such words; each has its text and how well the sound supports it.
    fn segment(no_speech_prob: f64, seconds: f64, tokens: usize, words: &[(&str, f64)]) -> Segment {
        let word = |(text, agreement): &(&str, f64)| Word {
            text: (*text).to_owned(),
            start: 0.0,
            end: 0.0,
            agreement: *agreement,
        };
        let wrong = words.iter().filter(|(_, agreement)| *agreement < HEARD_WORD).count();
        let aligned = Aligned {
            words: words.iter().map(word).collect(),
            skipped: Vec::new(),
            agreement: Agreement::of_words(usize::from(wrong > 0), 1),
        };
        Segment {
            end: seconds,
            tokens: vec![1; tokens],
            alignment: Some(aligned),
            ctc_text: Some(String::new()),
            no_speech_prob,
            ..Segment::default()
        }
    }

    /// Whether its text is doubted.
    fn doubted(no_speech_prob: f64, seconds: f64, tokens: usize, words: &[(&str, f64)]) -> bool {
        is_doubted(&segment(no_speech_prob, seconds, tokens, words), &Segmentation::default())
    }

    #[test]
    fn words_that_were_heard_are_speech() {
        // A clip that ends inside a word.
        let heard = [
            ("remind", 1.0),
            ("anita", 1.0),
            ("to", 1.0),
            ("call", 1.0),
            ("constrence", 0.0),
            ("conctor", 0.05),
        ];
        assert!(!doubted(0.23, 2.1, 13, &heard));
        // A tone, and speech that is played backwards.
        let tone = [("what", 1.0), ("is", 0.1), ("eighty", 1.0), ("an", 0.0), ("even", 0.5), ("number", 0.5)];
        assert!(doubted(0.229, 4.0, 6, &tone));
        assert!(doubted(0.24, 2.4, 8, &[("in", 1.0), ("in", 1.0), ("the", 0.0), ("garage", 0.0)]));
    }

    #[test]
    fn texts_of_which_little_is_heard_need_a_clear_sound() {
        // Music, and words that are cut off.
        assert!(doubted(0.13, 1.5, 3, &[("an", 1.0), ("an", 0.0)]));
        assert!(!doubted(0.04, 2.1, 4, &[("put", 0.9), ("can", 0.0)]));
        // Short answers.
        assert!(!doubted(0.13, 0.9, 1, &[("yes", 1.0)]));
        assert!(!doubted(0.07, 1.8, 1, &[("yes", 1.0)]));
        assert!(doubted(0.06, 3.9, 1, &[("i", 1.0)]));
    }

    #[test]
    fn no_text_is_doubted_where_every_sound_counts_as_speech() {
        let music = segment(0.9, 4.1, 1, &[("i", 0.0)]);
        assert!(is_doubted(&music, &Segmentation::default()));
        let all = Segmentation { no_speech_threshold: 1.0, ..Segmentation::default() };
        assert!(!is_doubted(&music, &all));
    }

    #[test]
    fn texts_of_which_nothing_is_heard_are_none() {
        let music =
            [("set", 0.0), ("the", 0.1), ("eight", 0.9), ("at", 0.1), ("eight", 0.0), ("o'clock", 0.0)];
        assert!(doubted(0.145, 4.1, 6, &music));
        // The head is sure of what it hears.
        assert!(!doubted(0.08, 4.1, 6, &music));
        assert!(doubted(0.13, 4.1, 2, &[("eight", 1.0)]));
        assert!(!doubted(0.13, 1.1, 2, &[("eight", 1.0)]));
    }
}
