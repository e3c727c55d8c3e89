//! Segments: long audio is cut where it is quiet, so that memory stays bounded.

use std::ops::Range;

use crate::audio::SAMPLE_RATE;

/// The longest segment, in seconds.
pub const MAX_SEGMENT_SECONDS: f64 = 30.0;

/// Samples of a window whose energy is measured: 0.1 s.
const WINDOW: usize = SAMPLE_RATE as usize / 10;
/// Samples of the longest segment.
const LONGEST: usize = (MAX_SEGMENT_SECONDS as usize) * SAMPLE_RATE as usize;
/// Samples of the shortest segment that a cut leaves before it.
const SHORTEST: usize = LONGEST / 3;

/// Cuts audio that comes piece by piece into segments of at most [`MAX_SEGMENT_SECONDS`], in the middle of the quietest
/// window of their last two thirds. Only what is not cut yet is held.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    /// The samples from `start` on.
    held: Vec<f32>,
    /// Samples that were cut off before.
    start: usize,
}

/// A segment that was cut off.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cut {
    /// The samples before it.
    pub(crate) start: usize,
    /// Its samples.
    pub(crate) samples: Vec<f32>,
}

impl Cutter {
    /// Takes the samples that follow.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.held.extend_from_slice(samples);
    }

    /// Samples that were pushed.
    pub(crate) fn len(&self) -> usize {
        self.start + self.held.len()
    }

    /// The next segment, where it is certain; all that is left counts as one when nothing follows.
    pub(crate) fn next(&mut self, is_last: bool) -> Option<Cut> {
        if self.held.len() > LONGEST {
            return Some(self.cut(quietest(&self.held[..LONGEST])));
        }
        (is_last && !self.held.is_empty()).then(|| self.cut(self.held.len()))
    }

    /// All samples as one segment, whatever their length; `None` where there are none.
    pub(crate) fn whole(&mut self) -> Option<Cut> {
        (!self.held.is_empty()).then(|| self.cut(self.held.len()))
    }

    fn cut(&mut self, length: usize) -> Cut {
        let rest = self.held.split_off(length);
        let samples = std::mem::replace(&mut self.held, rest);
        let start = self.start;
        self.start += length;
        Cut { start, samples }
    }
}

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

    #[test]
    fn audio_that_comes_in_pieces_is_cut_alike() {
        let rate = SAMPLE_RATE as usize;
        let samples: Vec<f32> =
            (0..97 * rate).map(|n| (n as f32 * 0.37).sin() * (n as f32 / 9e4).sin()).collect();
        let expected = segments(&samples);
        for piece in [1_600, 7 * rate, 200 * rate] {
            let mut cutter = Cutter::default();
            let mut cuts = Vec::new();
            for piece in samples.chunks(piece) {
                cutter.push(piece);
                cuts.extend(std::iter::from_fn(|| cutter.next(false)));
            }
            cuts.extend(std::iter::from_fn(|| cutter.next(true)));
            let ranges: Vec<Range<usize>> =
                cuts.iter().map(|cut| cut.start..cut.start + cut.samples.len()).collect();
            assert_eq!(ranges, expected);
            assert!(cuts.iter().all(|cut| cut.samples == samples[cut.start..cut.start + cut.samples.len()]));
        }
    }
}
