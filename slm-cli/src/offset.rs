//! Moves the times of an answer, for audio that was not read from its start.

use slm_core::{Answer, Segment, Warning};

/// Moves all times of `answer` by `seconds`. Its duration stays that of the audio that was read.
pub(crate) fn shift(answer: &mut Answer, seconds: f64) {
    if seconds == 0.0 {
        return;
    }
    answer.segments.iter_mut().for_each(|segment| shift_segment(segment, seconds));
    for quiet in &mut answer.quiet {
        quiet.start += seconds;
        quiet.end += seconds;
    }
    answer.warnings.iter_mut().for_each(|warning| shift_warning(warning, seconds));
}

fn shift_segment(segment: &mut Segment, seconds: f64) {
    segment.start += seconds;
    segment.end += seconds;
    let Some(aligned) = &mut segment.alignment else { return };
    for word in &mut aligned.words {
        word.start += seconds;
        word.end += seconds;
    }
    for skipped in &mut aligned.skipped {
        skipped.start += seconds;
        skipped.end += seconds;
    }
}

fn shift_warning(warning: &mut Warning, seconds: f64) {
    match warning {
        Warning::TextLimit { start, end, .. }
        | Warning::Unsupported { start, end, .. }
        | Warning::SegmentFailed { start, end, .. } => {
            *start += seconds;
            *end += seconds;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_move_with_the_audio() {
        let mut answer = Answer::default();
        answer.seconds = 3.0;
        answer.warnings = vec![Warning::NoSpeech, Warning::TextLimit { start: 1.0, end: 2.0, tokens: 3 }];
        shift(&mut answer, 60.0);
        assert_eq!(
            answer.warnings,
            [Warning::NoSpeech, Warning::TextLimit { start: 61.0, end: 62.0, tokens: 3 }]
        );
        assert!((answer.seconds - 3.0).abs() < 1e-9);
    }
}
