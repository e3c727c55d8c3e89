//! Which texts of Whisper are doubted: those that repeat themselves, those that it is unsure of, and those that it wrote
//! where it hears no speech.
//!
//! Paper: arXiv 2212.04356, section 4.5, whose thresholds these are. Where every temperature gives a doubtful text, the
//! authors' code keeps the last one; here the one that can be trusted most stays.

use crate::ctc::{Agreement, Aligned};
use crate::engine::answer::Segment;
use crate::engine::speech::doubts::{Another, Doubts, Way};
use crate::engine::speech::writer::Written;

/// Above this ratio a text repeats itself.
const REPETITIVE: f64 = 2.4;
/// Below this mean log-probability of a token it is unsure of a text.
const UNSURE: f64 = -1.0;
/// From this probability of no speech on a text that it is unsure of was not said.
pub(super) const NO_SPEECH: f64 = 0.6;

/// Texts are drawn at one temperature after the other until one can be trusted.
pub(super) static DOUBTS: Doubts = Doubts {
    trust,
    // The mean probability of a token that `UNSURE` is the logarithm of.
    least: 1.0 / std::f64::consts::E,
    ways: &[drawn(0.2), drawn(0.4), drawn(0.6), drawn(0.8), drawn(1.0)],
};

const fn drawn(temperature: f64) -> Another {
    Another { way: Way::Drawn(temperature), least: 0.0 }
}

/// The mean probability of a token, none for a text that repeats itself.
fn trust(segment: &Segment) -> f64 {
    if segment.compression_ratio > REPETITIVE { 0.0 } else { segment.avg_logprob.exp().min(1.0) }
}

/// Takes back a text that was written where it heard no speech and that it is not sure of.
pub(super) fn take_back_unsaid(written: &mut Written) {
    let mean = written.log_prob / (written.tokens.len() + 1) as f64;
    if mean >= UNSURE || written.no_speech_prob.is_none_or(|probability| probability <= NO_SPEECH) {
        return;
    }
    let nothing = Aligned::new(Vec::new(), Vec::new(), Agreement::of(None));
    *written = Written {
        aligned: Some(nothing),
        no_speech_prob: written.no_speech_prob,
        language: written.language.take(),
        ..Written::default()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsure_text_where_there_is_no_speech_is_taken_back() {
        let taken = |log_prob: f64, no_speech: f64| {
            let mut written = Written {
                text: "thank you".to_owned(),
                tokens: vec![1, 2, 3],
                log_prob,
                no_speech_prob: Some(no_speech),
                ..Written::default()
            };
            take_back_unsaid(&mut written);
            (written.text.is_empty(), written.tokens.is_empty(), written.aligned.is_some())
        };
        assert_eq!(taken(-8.0, 0.9), (true, true, true));
        assert_eq!(taken(-2.0, 0.9), (false, false, false));
        assert_eq!(taken(-8.0, 0.5), (false, false, false));
    }

    #[test]
    fn texts_are_doubted_that_repeat_themselves_or_are_improbable() {
        let is_doubted = |avg_logprob: f64, compression_ratio: f64| {
            let segment = Segment { avg_logprob, compression_ratio, ..Segment::default() };
            (DOUBTS.trust)(&segment) < DOUBTS.least
        };
        assert!(is_doubted(-1.01, 1.0) && !is_doubted(-0.99, 1.0));
        assert!(is_doubted(-0.1, 2.41) && !is_doubted(-0.1, 2.4));
        // A text that was taken back.
        assert!(!is_doubted(0.0, 0.0));
    }
}
