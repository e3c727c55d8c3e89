//! The last stretches of a recording.

use std::collections::VecDeque;

use super::stretch::{Chosen, Stretch, room_for};
use crate::audio::SAMPLE_RATE;
use crate::engine::warning::AudioPart;

/// Samples of a window whose energy is measured: 0.1 s.
const WINDOW: usize = SAMPLE_RATE as usize / 10;
/// Samples that a stretch must have left to be worth beginning with: 1 s.
const SHORTEST: usize = SAMPLE_RATE as usize;

/// The last stretches that take at most `limit` samples together, of which the first may be cut.
#[derive(Debug)]
pub(super) struct LastStretches {
    stretches: VecDeque<Stretch>,
    /// Samples that they take among each other.
    held: usize,
    limit: usize,
    has_dropped: bool,
}

impl LastStretches {
    /// Without stretches.
    pub(super) fn new(limit: usize) -> Self {
        Self { stretches: VecDeque::new(), held: 0, limit, has_dropped: false }
    }

    /// Takes the stretch that follows, and drops the first ones that lie before the last `limit` samples.
    pub(super) fn add(&mut self, start: usize, samples: Vec<f32>) {
        self.held += room_for(samples.len());
        self.stretches.push_back(Stretch { start, samples, text: None });
        while let Some(first) = self.stretches.front()
            && self.held - room_for(first.samples.len()) >= self.limit
        {
            self.drop_first();
        }
    }

    /// The stretches to answer from. The first one begins in a pause.
    pub(super) fn choose(mut self) -> Chosen {
        let excess = self.held.saturating_sub(self.limit);
        if excess > 0 {
            let is_worth = |first: &Stretch| first.samples.len() > excess + SHORTEST;
            if self.stretches.len() > 1 && !self.stretches.front().is_some_and(is_worth) {
                self.drop_first();
            } else if let Some(first) = self.stretches.front_mut() {
                let begin = quietest(&first.samples, excess);
                first.samples.drain(..begin);
                first.start += begin;
                self.has_dropped = true;
            }
        }
        let part = self.has_dropped.then_some(AudioPart::End);
        Chosen { stretches: self.stretches.into(), part }
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.stretches.pop_front() {
            self.held -= room_for(first.samples.len());
            self.has_dropped = true;
        }
    }
}

/// The middle of the quietest window in the first half of what follows `from`.
fn quietest(samples: &[f32], from: usize) -> usize {
    let from = from.min(samples.len());
    let half = &samples[from..from + (samples.len() - from) / 2];
    let energy = |window: &[f32]| window.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let quietest = half.chunks_exact(WINDOW).map(energy).enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
    quietest.map_or(from, |(index, _)| from + index * WINDOW + WINDOW / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = SAMPLE_RATE as usize;

    fn total(chosen: &Chosen) -> usize {
        chosen.stretches.iter().map(|stretch| stretch.samples.len()).sum()
    }

    #[test]
    fn the_end_stays_and_begins_in_a_pause() {
        let mut last = LastStretches::new(20 * SECOND);
        for index in 0..100 {
            let mut samples = vec![0.5; 8 * SECOND];
            samples[5 * SECOND..5 * SECOND + WINDOW * 2].fill(0.0);
            last.add(index * 8 * SECOND, samples);
            assert!(last.held < 30 * SECOND, "{}", last.held);
        }
        let chosen = last.choose();
        assert_eq!(chosen.part, Some(AudioPart::End));
        let first = &chosen.stretches[0];
        let begin = first.start % (8 * SECOND);
        assert!((5 * SECOND..5 * SECOND + WINDOW * 2).contains(&begin), "{begin}");
        assert_eq!(first.start + first.samples.len(), 98 * 8 * SECOND);
        assert!(total(&chosen) <= 20 * SECOND && chosen.stretches.len() == 3);
    }

    #[test]
    fn little_speech_in_much_silence_stays_whole() {
        let mut last = LastStretches::new(20 * SECOND);
        last.add(0, vec![0.5; 5 * SECOND]);
        last.add(900 * SECOND, vec![0.5; 5 * SECOND]);
        let chosen = last.choose();
        assert_eq!((chosen.part, total(&chosen)), (None, 10 * SECOND));
    }

    #[test]
    fn one_long_stretch_is_cut() {
        let mut last = LastStretches::new(20 * SECOND);
        last.add(7, vec![0.5; 31 * SECOND]);
        let chosen = last.choose();
        assert_eq!(chosen.part, Some(AudioPart::End));
        assert!(total(&chosen) <= 20 * SECOND && total(&chosen) > 9 * SECOND);
    }
}
