//! Several channels to one.
//!
//! The mean of all is right for most recordings. It is wrong where a microphone lay on one of eight channels, as the
//! speech is then 18 dB too quiet, and where two channels are in opposite phase, as nothing is left. So channels are
//! watched in windows of two seconds: one that stays [`DEAD`] below the loudest is left out, and while the mean of the
//! others is far below what it would be for unrelated channels, the loudest alone is taken. From one choice to the
//! next it goes smoothly.

use super::error::AudioWarning;
use super::options::Channel;
use super::problem::AudioProblem;

/// Seconds that are judged together.
const WINDOW_SECONDS: u32 = 2;
/// Most samples of all channels in a window, so that many channels at high rates take no more memory.
const WINDOW_SAMPLES: usize = 1 << 20;
/// Part of a second below which a window says too little.
const SHORTEST: u32 = 10;
/// Energy of a channel without sound, relative to the loudest: -40 dB.
const DEAD: f64 = 1e-4;
/// Energy of a window that is a pause, relative to the loudest one so far: -30 dB.
const PAUSE: f64 = 1e-3;
/// Energy of the mean where channels cancel out, relative to the mean of unrelated ones: -10 dB.
const CANCELLED: f64 = 0.1;
/// Part of a second in which one choice passes into the next.
const FADE: u32 = 50;
/// Start of a sum: unlike 0.0 it keeps the sign of a lone -0.0, so that mono samples pass bit by bit.
const EMPTY_SUM: f64 = -0.0;

/// Makes one channel of several.
pub(super) enum Mixer {
    /// One of them, counted from 0.
    One {
        /// Its place in a frame.
        index: usize,
        /// Samples of a frame.
        channels: usize,
    },
    /// The mean of those that are worth it.
    Mean(Watched),
}

impl Mixer {
    pub(super) fn new(channel: Channel, channels: u16, rate: u32) -> Result<Self, AudioProblem> {
        let one = |index| Self::One { index, channels: channels.into() };
        match channel {
            Channel::Only(asked) if asked == 0 || asked > channels => {
                Err(AudioProblem::NoSuchChannel { asked, channels })
            }
            Channel::Only(asked) => Ok(one(usize::from(asked) - 1)),
            Channel::Mix if channels == 1 => Ok(one(0)),
            Channel::Mix => Ok(Self::Mean(Watched::new(channels.into(), rate))),
        }
    }

    /// Takes whole frames and adds what is settled to `mono`.
    pub(super) fn push(&mut self, frames: &[f64], mono: &mut Vec<f32>) {
        match self {
            Self::One { index, channels } => {
                mono.extend(
                    frames.chunks_exact(*channels).filter_map(|frame| frame.get(*index)).map(|&x| x as f32),
                );
            }
            Self::Mean(watched) => watched.push(frames, mono),
        }
    }

    /// Adds what is left to `mono`.
    pub(super) fn finish(&mut self, mono: &mut Vec<f32>) {
        if let Self::Mean(watched) = self {
            watched.settle(mono);
        }
    }

    /// What is odd about the channels; complete after [`finish`](Self::finish).
    pub(super) fn warnings(&self) -> Vec<AudioWarning> {
        match self {
            Self::One { .. } => Vec::new(),
            Self::Mean(watched) => watched.warnings(),
        }
    }
}

/// What is taken of each frame. Channels are bits, of which there are as many as [`MAX_CHANNELS`].
///
/// [`MAX_CHANNELS`]: super::limits::MAX_CHANNELS
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Mean(u64),
    One(usize),
}

impl Choice {
    fn of(self, frame: &[f64]) -> f64 {
        match self {
            Self::One(index) => frame.get(index).copied().unwrap_or_default(),
            Self::Mean(live) => {
                let (mut sum, mut count) = (EMPTY_SUM, 0.0);
                for (_, sample) in frame.iter().enumerate().filter(|(index, _)| live >> index & 1 == 1) {
                    sum += sample;
                    count += 1.0;
                }
                sum / count
            }
        }
    }
}

/// Channels under watch.
pub(super) struct Watched {
    channels: usize,
    rate: u32,
    /// Samples of a full window.
    window: usize,
    /// The window that is being filled.
    held: Vec<f64>,
    /// The loudest window of each channel so far, as energy of a sample.
    levels: Vec<f64>,
    choice: Choice,
    /// Whether anything was given by the present choice.
    begun: bool,
    cancels: bool,
    /// The channel that is taken where they cancel out.
    louder: Option<usize>,
}

impl Watched {
    fn new(channels: usize, rate: u32) -> Self {
        let frames = (rate * WINDOW_SECONDS) as usize;
        let window = frames.min(WINDOW_SAMPLES / channels).max(1) * channels;
        Self {
            channels,
            rate,
            window,
            held: Vec::new(),
            levels: vec![0.0; channels],
            choice: Choice::Mean(all(channels)),
            begun: false,
            cancels: false,
            louder: None,
        }
    }

    fn push(&mut self, mut frames: &[f64], mono: &mut Vec<f32>) {
        while !frames.is_empty() {
            let room = self.window.saturating_sub(self.held.len()).min(frames.len());
            let (now, later) = frames.split_at(room);
            self.held.extend_from_slice(now);
            frames = later;
            if self.held.len() >= self.window {
                self.settle(mono);
            }
        }
    }

    /// Chooses for the window and gives it away.
    fn settle(&mut self, mono: &mut Vec<f32>) {
        let held = std::mem::take(&mut self.held);
        let frames = held.len() / self.channels;
        if frames >= (self.rate / SHORTEST) as usize {
            self.judge(&held);
        }
        let next = self.next_choice();
        let fade = if self.begun && next != self.choice { (self.rate / FADE) as usize } else { 0 };
        for (index, frame) in held.chunks_exact(self.channels).enumerate() {
            let value = if index < fade {
                let part = index as f64 / fade as f64;
                self.choice.of(frame) * (1.0 - part) + next.of(frame) * part
            } else {
                next.of(frame)
            };
            mono.push(value as f32);
        }
        self.choice = next;
        self.begun |= frames > 0;
        self.held = held;
        self.held.clear();
    }

    fn judge(&mut self, window: &[f64]) {
        let energies: Vec<f64> = (0..self.channels)
            .map(|channel| {
                energy(window.chunks_exact(self.channels).filter_map(|frame| frame.get(channel).copied()))
            })
            .collect();
        for (level, energy) in self.levels.iter_mut().zip(&energies) {
            *level = level.max(*energy);
        }
        let live = self.live();
        let count = live.count_ones();
        let of_live = |(index, _): &(usize, &f64)| live >> index & 1 == 1;
        let apart = energies.iter().enumerate().filter(of_live).map(|(_, energy)| energy).sum::<f64>()
            / f64::from(count.max(1));
        if count < 2 {
            self.cancels = false;
        } else if apart > 0.0 && apart >= self.loudest() * PAUSE {
            let together =
                energy(window.chunks_exact(self.channels).map(|frame| Choice::Mean(live).of(frame)));
            self.cancels = together < apart * CANCELLED / f64::from(count);
        }
    }

    fn loudest(&self) -> f64 {
        self.levels.iter().copied().fold(0.0, f64::max)
    }

    /// The channels that have had sound; all of them where none has.
    fn live(&self) -> u64 {
        let loudest = self.loudest();
        let has_sound = |level: f64| loudest == 0.0 || level >= loudest * DEAD;
        self.levels
            .iter()
            .enumerate()
            .filter(|(_, level)| has_sound(**level))
            .fold(0, |bits, (index, _)| bits | 1 << index)
    }

    fn next_choice(&mut self) -> Choice {
        if !self.cancels {
            return Choice::Mean(self.live());
        }
        let loudest = self.loudest();
        let first = self.levels.iter().position(|level| *level >= loudest).unwrap_or(0);
        Choice::One(*self.louder.get_or_insert(first))
    }

    fn warnings(&self) -> Vec<AudioWarning> {
        let live = self.live();
        let number = |index: usize| index as u16 + 1;
        let dead = (live != all(self.channels)).then(|| AudioWarning::DeadChannels {
            live: (0..self.channels).filter(|index| live >> index & 1 == 1).map(number).collect(),
        });
        let cancelled = self.louder.map(|index| AudioWarning::ChannelsCancel { taken: number(index) });
        dead.into_iter().chain(cancelled).collect()
    }
}

/// A bit for each channel.
fn all(channels: usize) -> u64 {
    (0..channels).fold(0, |bits, index| bits | 1 << index)
}

/// Mean energy of samples without their offset.
fn energy(samples: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for sample in samples {
        sum += sample;
        squares += sample * sample;
        count += 1.0;
    }
    let energy: f64 = (squares - sum * sum / f64::max(count, 1.0)) / f64::max(count, 1.0);
    // What rounding leaves of an offset is no sound.
    if energy > squares * 1e-12 { energy } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 8_000;

    /// A sound of `seconds` that differs by `seed`.
    fn sound(seconds: u32, seed: u32) -> Vec<f64> {
        let mut state = seed;
        (0..seconds * RATE)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state) / f64::from(1_u32 << 31) - 1.0
            })
            .collect()
    }

    fn mixed(channel: Channel, channels: &[Vec<f64>]) -> (Vec<f64>, Vec<AudioWarning>) {
        let mut mixer = Mixer::new(channel, channels.len() as u16, RATE).unwrap();
        let frames: Vec<f64> =
            (0..channels[0].len()).flat_map(|n| channels.iter().map(move |samples| samples[n])).collect();
        let mut mono = Vec::new();
        for piece in frames.chunks(channels.len() * 777) {
            mixer.push(piece, &mut mono);
        }
        mixer.finish(&mut mono);
        assert_eq!(mono.len(), channels[0].len());
        (mono.into_iter().map(f64::from).collect(), mixer.warnings())
    }

    fn scaled(samples: &[f64], by: f64) -> Vec<f64> {
        samples.iter().map(|sample| sample * by).collect()
    }

    fn same(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn channels_with_sound_are_averaged() {
        let (left, right) = (sound(5, 1), scaled(&sound(5, 2), 0.02));
        let mean: Vec<f64> = left.iter().zip(&right).map(|(a, b)| (a + b) / 2.0).collect();
        let (found, warnings) = mixed(Channel::Mix, &[left.clone(), right]);
        assert!(same(&found, &mean) && warnings.is_empty(), "{warnings:?}");
        let (found, warnings) = mixed(Channel::Mix, &[left.clone(), left.clone()]);
        assert!(same(&found, &left) && warnings.is_empty());
    }

    #[test]
    fn one_channel_can_be_named() {
        let (left, right) = (sound(1, 1), sound(1, 2));
        let both = [left, right];
        assert!(same(&mixed(Channel::Only(1), &both).0, &both[0]));
        assert!(same(&mixed(Channel::Only(2), &both).0, &both[1]));
        for asked in [0, 3] {
            let refused = Mixer::new(Channel::Only(asked), 2, RATE);
            assert!(matches!(refused, Err(AudioProblem::NoSuchChannel { channels: 2, .. })));
        }
    }

    #[test]
    fn dead_channels_are_left_out() {
        let live = sound(5, 3);
        let mut channels = vec![vec![0.0; live.len()]; 8];
        channels[4] = live.clone();
        channels[6] = scaled(&sound(5, 4), 0.005);
        channels[7] = vec![0.3; live.len()];
        let (found, warnings) = mixed(Channel::Mix, &channels);
        assert!(same(&found, &live));
        assert_eq!(warnings, [AudioWarning::DeadChannels { live: vec![5] }]);
    }

    #[test]
    fn a_channel_that_comes_to_life_is_taken_in_smoothly() {
        let left = sound(8, 5);
        let mut right = sound(8, 6);
        right[..4 * RATE as usize].fill(0.0);
        let (found, warnings) = mixed(Channel::Mix, &[left.clone(), right.clone()]);
        let half = 4 * RATE as usize;
        assert!(same(&found[..half], &left[..half]) && warnings.is_empty());
        let mean: Vec<f64> = left.iter().zip(&right).map(|(a, b)| (a + b) / 2.0).collect();
        let after = half + (RATE / FADE) as usize;
        assert!(same(&found[after..], &mean[after..]));
        assert!((found[half] - left[half]).abs() < 1e-6, "the fade begins with the old choice");
    }

    #[test]
    fn of_channels_that_cancel_out_the_louder_is_taken() {
        let left = sound(5, 7);
        let (found, warnings) = mixed(Channel::Mix, &[scaled(&left, 0.9), scaled(&left, -1.0)]);
        assert!(same(&found, &scaled(&left, -1.0)));
        assert_eq!(warnings, [AudioWarning::ChannelsCancel { taken: 2 }]);
    }

    #[test]
    fn many_unrelated_channels_do_not_cancel_out() {
        let channels: Vec<Vec<f64>> = (0..64).map(|seed| sound(3, seed + 10)).collect();
        assert!(mixed(Channel::Mix, &channels).1.is_empty());
    }

    #[test]
    fn silence_and_shorter_clips_are_averaged() {
        let silent = vec![0.0; 5 * RATE as usize];
        let (found, warnings) = mixed(Channel::Mix, &[silent.clone(), silent.clone()]);
        assert!(same(&found, &silent) && warnings.is_empty());
        let (found, warnings) = mixed(Channel::Mix, &[vec![0.5, -0.5], vec![0.0, 0.0]]);
        assert!(same(&found, &[0.25, -0.25]) && warnings.is_empty());
    }
}
