//! Moves the times of an answer, for audio that was not read from its start.

use std::borrow::Cow;

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
    for source in &mut answer.sources {
        source.start += seconds;
        source.end += seconds;
    }
    answer.warnings.iter_mut().for_each(|warning| shift_warning(warning, seconds));
}

/// The same segment with its times moved by `seconds`.
pub(crate) fn shifted(segment: &Segment, seconds: f64) -> Cow<'_, Segment> {
    if seconds == 0.0 {
        return Cow::Borrowed(segment);
    }
    let mut moved = segment.clone();
    shift_segment(&mut moved, seconds);
    Cow::Owned(moved)
}

fn shift_segment(segment: &mut Segment, seconds: f64) {
    segment.start += seconds;
    segment.end += seconds;
    for respelled in &mut segment.respelled {
        respelled.start += seconds;
        respelled.end += seconds;
    }
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
    fn segments_move_alike_alone_and_in_an_answer() {
        let mut segment = Segment::default();
        (segment.start, segment.end) = (1.0, 2.5);
        assert!(matches!(shifted(&segment, 0.0), Cow::Borrowed(_)));
        let moved = shifted(&segment, 60.0).into_owned();
        assert_eq!((moved.start, moved.end), (61.0, 62.5));
        let mut answer = Answer::default();
        answer.segments = vec![segment];
        shift(&mut answer, 60.0);
        assert_eq!(answer.segments, [moved]);
    }

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
