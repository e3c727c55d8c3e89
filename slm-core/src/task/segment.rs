//! Segments: long audio is cut where it is quiet, so that memory stays bounded.

use std::ops::Range;

use crate::align::Aligned;
use crate::audio::SAMPLE_RATE;
use crate::context::Retrieved;

use super::request::Alternative;

/// A stretch of audio that went through the model at once, and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// What the model wrote for it.
    pub text: String,
    /// The text laid onto the sound: word times, support, speech left out. For transcripts, where the encoder has a
    /// CTC head and the bundle a tokenizer for its labels.
    pub alignment: Option<Aligned>,
    /// The phrases of the request's context that the sound supports, which the instruction had.
    pub phrases: Vec<Retrieved>,
    /// Further hypotheses, the best first.
    pub alternatives: Vec<Alternative>,
}

/// The longest segment, in seconds.
pub const MAX_SEGMENT_SECONDS: f64 = 30.0;

/// Samples of a window whose energy is measured: 0.1 s.
const WINDOW: usize = SAMPLE_RATE as usize / 10;
/// Samples of the longest segment.
const LONGEST: usize = (MAX_SEGMENT_SECONDS as usize) * SAMPLE_RATE as usize;
/// Samples of the shortest segment that a cut leaves before it.
const SHORTEST: usize = LONGEST / 3;

/// Ranges of at most [`MAX_SEGMENT_SECONDS`] that cover `samples` without overlap, cut in the middle of
/// the quietest window of their last two thirds. Shorter audio is one range; no samples are none.
pub fn segments(samples: &[f32]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    while samples.len() - start > LONGEST {
        let end = start + quietest(&samples[start..start + LONGEST]);
        ranges.push(start..end);
        start = end;
    }
    if start < samples.len() {
        ranges.push(start..samples.len());
    }
    ranges
}

/// Where to cut `samples`, from [`SHORTEST`] on.
fn quietest(samples: &[f32]) -> usize {
    let windows = samples[SHORTEST..].chunks_exact(WINDOW);
    let energy = |window: &[f32]| window.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let quietest =
        windows.map(energy).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index);
    SHORTEST + quietest * WINDOW + WINDOW / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_fall_into_pauses() {
        let rate = SAMPLE_RATE as usize;
        let mut samples = vec![0.5; 70 * rate];
        samples[25 * rate..26 * rate].fill(0.0);
        samples[44 * rate..45 * rate].fill(0.001);
        let ranges = segments(&samples);
        assert_eq!(ranges.len(), 3);
        assert_eq!(ranges.iter().map(ExactSizeIterator::len).sum::<usize>(), 70 * rate);
        assert!((25 * rate..26 * rate).contains(&ranges[0].end));
        assert!((44 * rate..45 * rate).contains(&ranges[1].end));
        assert!(ranges.iter().all(|range| range.len() <= LONGEST));
    }

    #[test]
    fn short_audio_is_one_range() {
        assert!(segments(&[]).is_empty());
        for length in [5, LONGEST] {
            let ranges = segments(&vec![0.1; length]);
            assert!(matches!(ranges.as_slice(), [range] if *range == (0..length)));
        }
    }
}
