//! Keeps the list of places where audio was lost short.

use super::error::AudioWarning;

/// Places that are told one by one.
const TOLD: u64 = 20;

/// Counts what was lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    told: u64,
    places: u64,
    seconds: f64,
}

impl Losses {
    /// Passes a warning on, but for losses after the first ones, which are only counted.
    pub(super) fn sift(&mut self, warning: AudioWarning) -> Option<AudioWarning> {
        let AudioWarning::AudioLost { seconds, .. } = warning else {
            return Some(warning);
        };
        if self.told < TOLD {
            self.told += 1;
            return Some(warning);
        }
        self.places += 1;
        self.seconds += seconds;
        None
    }

    /// What was only counted.
    pub(super) fn rest(&mut self) -> Option<AudioWarning> {
        let Self { places, seconds, .. } = std::mem::take(self);
        (places > 0).then_some(AudioWarning::MoreAudioLost { places, seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_losses_are_summed_up() {
        let mut losses = Losses::default();
        let lost = |at| AudioWarning::AudioLost { at, seconds: 0.5 };
        let told = (0..30_u8).filter_map(|n| losses.sift(lost(n.into()))).count();
        assert_eq!(told, 20);
        assert_eq!(losses.sift(AudioWarning::NoSamples), Some(AudioWarning::NoSamples));
        assert_eq!(losses.rest(), Some(AudioWarning::MoreAudioLost { places: 10, seconds: 5.0 }));
        assert_eq!(losses.rest(), None);
    }
}
