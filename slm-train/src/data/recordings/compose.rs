//! Pieces to samples, and to what the manifest says of them.

use rand_chacha::ChaCha8Rng;

use super::layout::Piece;
use crate::data::manifest::{Spoken, Stretch};
use crate::data::synth::SAMPLE_RATE;

/// What a pause is called in the manifest and in reports.
const PAUSE: &str = "pause";

/// What lies where in a recording, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// The utterances, in order.
    pub utterances: Vec<Spoken>,
    /// The stretches without speech, in order.
    pub stretches: Vec<Stretch>,
    /// The end.
    pub seconds: f64,
}

impl Timeline {
    /// That of `pieces` of utterances with these samples and texts.
    pub fn of(pieces: &[Piece], speech: &[impl AsRef<[f32]>], texts: &[&str]) -> Self {
        let mut timeline = Self::default();
        let mut at = 0;
        for piece in pieces {
            let start = seconds(at);
            at += len(piece, speech);
            let end = seconds(at);
            match *piece {
                Piece::Utterance(index) => {
                    timeline.utterances.push(Spoken { start, end, text: texts[index].to_owned() });
                }
                Piece::Pause(_) => timeline.stretches.push(Stretch { start, end, sound: PAUSE.to_owned() }),
                Piece::Stretch { sound, .. } => {
                    timeline.stretches.push(Stretch { start, end, sound: sound.name().to_owned() });
                }
            }
        }
        timeline.seconds = seconds(at);
        timeline
    }

    /// All that is said.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.utterances.iter().map(|spoken| spoken.text.as_str()).collect();
        texts.join(" ")
    }
}

/// The samples of `pieces`.
pub fn render(pieces: &[Piece], speech: &[impl AsRef<[f32]>], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut samples = Vec::with_capacity(pieces.iter().map(|piece| len(piece, speech)).sum());
    for piece in pieces {
        match *piece {
            Piece::Utterance(index) => samples.extend_from_slice(speech[index].as_ref()),
            Piece::Pause(len) => samples.resize(samples.len() + len, 0.0),
            Piece::Stretch { sound, len, level_db } => {
                samples.extend(sound.samples(len, level_db, speech, rng));
            }
        }
    }
    samples
}

fn len(piece: &Piece, speech: &[impl AsRef<[f32]>]) -> usize {
    match *piece {
        Piece::Utterance(index) => speech[index].as_ref().len(),
        Piece::Pause(len) | Piece::Stretch { len, .. } => len,
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::recordings::Sound;
    use crate::random::rng_for;

    #[test]
    fn times_are_those_of_the_samples() {
        let speech = [vec![0.5; 16_000], vec![-0.5; 8_000]];
        let pieces = [
            Piece::Stretch { sound: Sound::White, len: 4_000, level_db: -20.0 },
            Piece::Utterance(1),
            Piece::Pause(1_600),
            Piece::Utterance(0),
        ];
        let timeline = Timeline::of(&pieces, &speech, &["one", "two"]);
        assert_eq!(timeline.text(), "two one");
        let spoken = |start, end, text: &str| Spoken { start, end, text: text.into() };
        assert_eq!(timeline.utterances, [spoken(0.25, 0.75, "two"), spoken(0.85, 1.85, "one")]);
        let stretch = |start, end, sound: &str| Stretch { start, end, sound: sound.into() };
        assert_eq!(timeline.stretches, [stretch(0.0, 0.25, "white"), stretch(0.75, 0.85, "pause")]);
        let samples = render(&pieces, &speech, &mut rng_for(1, 2, 3));
        assert_eq!(samples.len(), (timeline.seconds * 16_000.0) as usize);
        assert!(samples[4_000..12_000].iter().all(|sample| sample + 0.5 == 0.0));
        assert!(samples[12_000..13_600].iter().all(|sample| *sample == 0.0));
        assert!(samples[13_600..].iter().all(|sample| sample - 0.5 == 0.0));
    }
}
