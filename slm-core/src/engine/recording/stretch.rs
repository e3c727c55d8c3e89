//! Stretches of a recording, and joining them.

use crate::audio::SAMPLE_RATE;
use crate::engine::answer::Source;
use crate::engine::speech::{Cut, seconds};
use crate::engine::warning::AudioPart;

/// Samples of the silence that is put between two stretches: 0.3 s, so that the last word of one and the first of the
/// next are not heard as one.
const PAUSE: usize = SAMPLE_RATE as usize * 3 / 10;

/// A stretch of a recording.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Samples before it.
    pub(super) start: usize,
    /// Its samples.
    pub(super) samples: Vec<f32>,
    /// What is said in it, where that is known.
    pub(super) text: Option<String>,
}

/// The stretches that an answer is to rest on, in order.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) stretches: Vec<Stretch>,
    /// Which part of the recording they are; `None` where they are all that is said in it.
    pub(super) part: Option<AudioPart>,
}

/// Samples that a stretch takes among others.
pub(super) fn room_for(samples: usize) -> usize {
    samples + PAUSE
}

/// Joins stretches into one, with a pause where something lies between two; `None` where there are none. The stretches
/// are told as well, those that follow each other as one.
pub(super) fn join(stretches: Vec<Stretch>) -> (Option<Cut>, Vec<Source>) {
    let mut joined: Option<Cut> = None;
    let mut sources: Vec<Source> = Vec::new();
    let mut last_end = 0;
    for Stretch { start, samples, text } in stretches {
        let end = start + samples.len();
        let follows = joined.is_some() && start == last_end;
        last_end = end;
        match &mut joined {
            None => joined = Some(Cut { start, samples, own: start..end, parts: Vec::new() }),
            Some(cut) => {
                let pause = if follows { 0 } else { PAUSE };
                cut.samples.resize(cut.samples.len() + pause, 0.0);
                cut.samples.extend(samples);
                cut.own.end = end;
            }
        }
        match sources.last_mut().filter(|_| follows) {
            Some(source) => {
                source.end = seconds(end);
                source.text = match (source.text.take(), text) {
                    (Some(before), Some(text)) => Some(format!("{before} {text}").trim().to_owned()),
                    (one, other) => one.or(other),
                };
            }
            None => sources.push(Source { start: seconds(start), end: seconds(end), text }),
        }
    }
    (joined, sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_parted_by_a_pause_unless_they_follow_each_other() {
        let second = SAMPLE_RATE as usize;
        let stretch = |start: usize, text: &str| Stretch {
            start: start * second,
            samples: vec![0.5; second],
            text: Some(text.into()),
        };
        let (cut, sources) = join(vec![stretch(2, "one"), stretch(3, "two"), stretch(9, "three")]);
        let cut = cut.unwrap();
        assert_eq!((cut.start, cut.samples.len()), (2 * second, 3 * second + PAUSE));
        assert_eq!(cut.samples.iter().filter(|sample| **sample == 0.0).count(), PAUSE);
        let told: Vec<_> = sources.iter().map(|one| (one.start, one.end, one.text.as_deref())).collect();
        assert_eq!(told, [(2.0, 4.0, Some("one two")), (9.0, 10.0, Some("three"))]);
        let (none, sources) = join(Vec::new());
        assert!(none.is_none() && sources.is_empty());
    }
}
