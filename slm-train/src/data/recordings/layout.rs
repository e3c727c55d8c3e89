//! How utterances lie in a recording.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::augment::Sound;
use crate::data::synth::SAMPLE_RATE;
use crate::random::rng_for;

/// The stream of random numbers that decides what lies where.
const STREAM: u64 = 0x6c61_796f;
/// The longest recording in seconds of speech: what it holds is a line of a manifest, which is limited.
const MAX_SECONDS: f64 = 1_200.0;
/// The longest stretch without speech.
const MAX_STRETCH: f64 = 600.0;

/// How utterances lie in a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layout {
    /// One utterance, with silence or a sound around.
    Padded(Padded),
    /// Two utterances, with silence between.
    Pairs(Pairs),
    /// Many utterances in random order, with pauses, and long stretches without speech between.
    Joined(Joined),
}

/// One utterance, with silence or a sound around.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Padded {
    /// Seconds before it.
    #[serde(default)]
    pub before: f64,
    /// Seconds after it.
    #[serde(default)]
    pub after: f64,
    /// What is there.
    #[serde(default = "silence")]
    pub sound: Sound,
    /// How loud that is, in dB below full scale.
    #[serde(default = "room_level")]
    pub level_db: f64,
}

/// Two utterances, with silence between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// Seconds between them.
    pub gap: f64,
}

/// Many utterances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joined {
    /// Seconds of utterances and pauses, at least; the stretches of `between` come on top.
    pub seconds: f64,
    /// The shortest and the longest pause after an utterance, in seconds.
    pub pauses: [f64; 2],
    /// Stretches without speech: they part the utterances into as many equal parts and one more.
    #[serde(default)]
    pub between: Vec<Sound>,
    /// Seconds of each stretch.
    #[serde(default = "minute")]
    pub between_seconds: f64,
    /// How loud they are, in dB below full scale.
    #[serde(default = "clear_level")]
    pub level_db: f64,
}

fn silence() -> Sound {
    Sound::Silence
}

fn room_level() -> f64 {
    -61.0
}

/// A little below speech, which is at -32 to -20.
fn clear_level() -> f64 {
    -30.0
}

fn minute() -> f64 {
    60.0
}

/// A part of a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    /// An utterance, by its index.
    Utterance(usize),
    /// So many samples of digital zero between two utterances.
    Pause(usize),
    /// A stretch without speech.
    Stretch {
        /// What is there.
        sound: Sound,
        /// Its samples.
        len: usize,
        /// How loud it is, in dB below full scale.
        level_db: f64,
    },
}

impl Layout {
    /// What cannot be made of it, one text each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut range = |name: &str, value: f64, limit: f64| {
            if !(0.0..=limit).contains(&value) {
                problems.push(format!("`{name}` is {value}, must be from 0 to {limit}"));
            }
        };
        match self {
            Self::Padded(padded) => {
                range("before", padded.before, MAX_STRETCH);
                range("after", padded.after, MAX_STRETCH);
            }
            Self::Pairs(pairs) => range("gap", pairs.gap, MAX_STRETCH),
            Self::Joined(joined) => {
                range("seconds", joined.seconds, MAX_SECONDS);
                range("between_seconds", joined.between_seconds, MAX_STRETCH);
                range("pauses", joined.pauses[0], joined.pauses[1]);
                range("pauses", joined.pauses[1], MAX_STRETCH);
            }
        }
        let level = match self {
            Self::Padded(Padded { level_db, .. }) | Self::Joined(Joined { level_db, .. }) => *level_db,
            Self::Pairs(_) => 0.0,
        };
        // -96 dB is the last bit of the file.
        if !(-96.0..=0.0).contains(&level) {
            problems.push(format!("`level_db` is {level}, must be from -96 to 0"));
        }
        problems
    }

    /// What recording `index` is made of, where the utterances have so many samples: a pure function of its arguments.
    ///
    /// With one seed, the recordings of every padding and of every gap are made of the same utterances.
    pub fn pieces(&self, lengths: &[usize], seed: u64, index: u64) -> Vec<Piece> {
        if lengths.is_empty() {
            return Vec::new();
        }
        let order = shuffled(lengths.len(), &mut rng_for(seed, STREAM, 0));
        let utterance = |number: u64| Piece::Utterance(order[(number % order.len() as u64) as usize]);
        match self {
            Self::Padded(Padded { before, after, sound, level_db }) => {
                let around = |seconds| stretch(*sound, seconds, *level_db);
                [around(*before), Some(utterance(index)), around(*after)].into_iter().flatten().collect()
            }
            Self::Pairs(Pairs { gap }) => {
                let (first, second) = (utterance(2 * index), utterance(2 * index + 1));
                [Some(first), pause(*gap), Some(second)].into_iter().flatten().collect()
            }
            Self::Joined(joined) => joined.pieces(lengths, &mut rng_for(seed, STREAM, index + 1)),
        }
    }
}

impl Joined {
    fn pieces(&self, lengths: &[usize], rng: &mut ChaCha8Rng) -> Vec<Piece> {
        let all = in_samples(self.seconds);
        let part = all.div_ceil(self.between.len() + 1);
        let mut between = self.between.iter().copied();
        let (mut pieces, mut next_stretch, mut done) = (Vec::new(), part, 0);
        let mut order = Vec::new();
        while done < all {
            // Every utterance comes once before one comes again. An empty list ends nothing: `lengths` has one.
            let index = order.pop().unwrap_or_else(|| {
                order = shuffled(lengths.len(), rng);
                order.pop().unwrap_or_default()
            });
            pieces.push(Piece::Utterance(index));
            let after = rng.random_range(self.pauses[0]..=self.pauses[1]);
            // Nothing that lasts no time may be repeated without an end.
            done += (lengths[index] + in_samples(after)).max(1);
            let stretches = if done >= next_stretch { between.next() } else { None };
            if let Some(sound) = stretches {
                pieces.extend(stretch(sound, self.between_seconds, self.level_db));
                next_stretch += part;
            } else if done < all {
                pieces.extend(pause(after));
            }
        }
        pieces
    }
}

/// A stretch that lasts a sample at least.
fn stretch(sound: Sound, seconds: f64, level_db: f64) -> Option<Piece> {
    let len = in_samples(seconds);
    (len > 0).then_some(Piece::Stretch { sound, len, level_db })
}

/// A pause that lasts a sample at least.
fn pause(seconds: f64) -> Option<Piece> {
    let len = in_samples(seconds);
    (len > 0).then_some(Piece::Pause(len))
}

/// The numbers below `count` in random order.
fn shuffled(count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, rng.random_range(0..=last as u64) as usize);
    }
    order
}

/// Samples of so many seconds.
fn in_samples(seconds: f64) -> usize {
    (seconds * f64::from(SAMPLE_RATE)).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = SAMPLE_RATE as usize;

    fn joined(between: Vec<Sound>) -> Joined {
        Joined { seconds: 60.0, pauses: [0.2, 2.0], between, between_seconds: 5.0, level_db: -30.0 }
    }

    fn utterances(pieces: &[Piece]) -> Vec<usize> {
        let index = |piece: &Piece| match piece {
            Piece::Utterance(index) => Some(*index),
            Piece::Pause(_) | Piece::Stretch { .. } => None,
        };
        pieces.iter().filter_map(index).collect()
    }

    #[test]
    fn joined_recordings_have_their_length_and_all_utterances_in_turn() {
        let lengths = vec![2 * SECOND; 12];
        let pieces = Layout::Joined(joined(Vec::new())).pieces(&lengths, 1, 0);
        let spoken = utterances(&pieces);
        assert!((15..=28).contains(&spoken.len()), "{}", spoken.len());
        let mut first = spoken[..12].to_vec();
        first.sort_unstable();
        assert_eq!(first, (0..12).collect::<Vec<_>>());
        for piece in &pieces {
            assert!(!matches!(piece, Piece::Stretch { .. }));
            if let Piece::Pause(len) = piece {
                assert!((SECOND / 5..=2 * SECOND).contains(len), "{len}");
            }
        }
        assert!(matches!(pieces.last(), Some(Piece::Utterance(_))));
        assert_eq!(pieces, Layout::Joined(joined(Vec::new())).pieces(&lengths, 1, 0));
        assert_ne!(pieces, Layout::Joined(joined(Vec::new())).pieces(&lengths, 1, 1));
    }

    #[test]
    fn stretches_part_the_utterances() {
        let sounds = vec![Sound::White, Sound::Silence, Sound::Music];
        let pieces = Layout::Joined(joined(sounds.clone())).pieces(&[2 * SECOND; 12], 1, 0);
        let long: Vec<usize> = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| matches!(piece, Piece::Stretch { .. }))
            .map(|(place, _)| place)
            .collect();
        assert_eq!(long.len(), 3);
        for (place, sound) in long.iter().zip(sounds) {
            assert!(matches!(pieces[*place], Piece::Stretch { sound: found, .. } if found == sound));
            assert!(matches!(pieces[place - 1], Piece::Utterance(_)));
            assert!(matches!(pieces[place + 1], Piece::Utterance(_)));
        }
        for part in pieces.split(|piece| matches!(piece, Piece::Stretch { .. })) {
            assert!((3..=8).contains(&utterances(part).len()), "{part:?}");
        }
    }

    #[test]
    fn paddings_and_gaps_of_one_seed_have_the_same_utterances() {
        let padded =
            |before, after| Layout::Padded(Padded { before, after, sound: Sound::Pink, level_db: -61.0 });
        let lengths = [SECOND; 7];
        let pieces = padded(0.0, 3.0).pieces(&lengths, 1, 2);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[1], Piece::Stretch { sound: Sound::Pink, len: 3 * SECOND, level_db: -61.0 });
        assert_eq!(utterances(&pieces), utterances(&padded(5.0, 5.0).pieces(&lengths, 1, 2)));
        let pairs = |gap| Layout::Pairs(Pairs { gap }).pieces(&lengths, 1, 2);
        assert_eq!(pairs(0.0).len(), 2);
        assert_eq!(utterances(&pairs(0.0)), utterances(&pairs(2.0)));
        assert!(padded(0.0, 1.0).pieces(&[], 1, 0).is_empty());
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        assert!(Layout::Joined(joined(vec![Sound::Babble])).problems().is_empty());
        let bad = Joined { seconds: 1e9, pauses: [2.0, 0.2], level_db: 3.0, ..joined(Vec::new()) };
        let text = Layout::Joined(bad).problems().join("\n");
        for part in ["`seconds` is 1000000000", "`pauses` is 2, must be from 0 to 0.2", "`level_db` is 3"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(Layout::Pairs(Pairs { gap: f64::NAN }).problems().len(), 1);
    }
}
