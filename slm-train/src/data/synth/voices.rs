//! The voices of the synthetic corpus, in two disjoint sets: one to train with, one that is heard in evaluation only.
//!
//! Neither program refuses an unknown voice: `espeak-ng` drops an unknown variant, `flite` falls back to its default,
//! both with exit code 0. So [`super::run`] checks the installed lists first. The base voice `en-gb` is not used, since
//! espeak-ng 1.51 silently ignores every variant of it; `en` is the same accent and takes variants.

use std::iter;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The program that speaks, with its own name of the voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `espeak-ng -v <voice>`: a formant synthesiser; the voice is `accent` or `accent+variant`.
    Espeak(&'static str),
    /// `flite -voice <voice>`: statistical voices of recorded speakers (`slt`, `awb`, `rms`), and diphones (`kal16`).
    Flite(&'static str),
}

/// A synthetic speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Name in manifests, as `espeak-en-us+m3` or `flite-slt`.
    pub name: &'static str,
    /// Program and voice behind the name.
    pub engine: Engine,
}

impl Voice {
    /// Whether it is a statistical voice of a recorded speaker: the kind that is hardest to recognise.
    pub fn is_recorded(&self) -> bool {
        matches!(self.engine, Engine::Flite("slt" | "awb" | "rms"))
    }
}

/// Which speakers to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceSet {
    /// The voices for training, each as often as the others.
    Known,
    /// The same, with the recorded speakers, two of fourteen, [`RECORDED_DRAWS`] times as often as each of the others.
    KnownRecorded,
    /// Voices of the same kinds that training never hears; no espeak variant (timbre) is shared with the known ones.
    Unseen,
}

/// How often [`VoiceSet::KnownRecorded`] draws a recorded speaker for each draw of another voice.
pub const RECORDED_DRAWS: usize = 4;

/// The voices of `set`. Known and unseen ones are disjoint.
pub fn voices(set: VoiceSet) -> &'static [Voice] {
    match set {
        VoiceSet::Known | VoiceSet::KnownRecorded => &KNOWN,
        VoiceSet::Unseen => &UNSEEN,
    }
}

impl VoiceSet {
    /// One of the voices.
    pub(super) fn draw(self, rng: &mut ChaCha8Rng) -> &'static Voice {
        let draws: Vec<_> =
            voices(self).iter().flat_map(|voice| iter::repeat_n(voice, self.draws(voice))).collect();
        draws[rng.random_range(0..draws.len() as u32) as usize]
    }

    /// How often `voice` is drawn for each draw of another one.
    fn draws(self, voice: &Voice) -> usize {
        match self {
            Self::KnownRecorded if voice.is_recorded() => RECORDED_DRAWS,
            Self::Known | Self::KnownRecorded | Self::Unseen => 1,
        }
    }
}

const KNOWN: [Voice; 14] = [
    espeak("espeak-en-us+m3", "en-us+m3"),
    espeak("espeak-en-us+f2", "en-us+f2"),
    espeak("espeak-en-us+klatt2", "en-us+klatt2"),
    espeak("espeak-en+m2", "en+m2"),
    espeak("espeak-en+f3", "en+f3"),
    espeak("espeak-en-gb-x-rp+m7", "en-gb-x-rp+m7"),
    espeak("espeak-en-gb-x-rp+f1", "en-gb-x-rp+f1"),
    espeak("espeak-en-gb-scotland+m5", "en-gb-scotland+m5"),
    espeak("espeak-en-gb-scotland+f4", "en-gb-scotland+f4"),
    espeak("espeak-en-029+m6", "en-029+m6"),
    espeak("espeak-en-us-nyc+m1", "en-us-nyc+m1"),
    flite("flite-slt", "slt"),
    flite("flite-awb", "awb"),
    flite("flite-kal16", "kal16"),
];

const UNSEEN: [Voice; 5] = [
    espeak("espeak-en-us+m8", "en-us+m8"),
    espeak("espeak-en-us+Annie", "en-us+Annie"),
    espeak("espeak-en+f5", "en+f5"),
    espeak("espeak-en-gb-x-gbcwmd+m4", "en-gb-x-gbcwmd+m4"),
    flite("flite-rms", "rms"),
];

const fn espeak(name: &'static str, voice: &'static str) -> Voice {
    Voice { name, engine: Engine::Espeak(voice) }
}

const fn flite(name: &'static str, voice: &'static str) -> Voice {
    Voice { name, engine: Engine::Flite(voice) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    #[test]
    fn sets_are_disjoint_in_name_and_timbre() {
        let known = voices(VoiceSet::Known);
        let names: BTreeSet<_> = known.iter().map(|voice| voice.name).collect();
        assert_eq!(names.len(), known.len());
        let timbre = |voice: &Voice| match voice.engine {
            Engine::Espeak(name) => name.split('+').nth(1).map(str::to_owned),
            Engine::Flite(name) => Some(name.to_owned()),
        };
        let timbres: BTreeSet<_> = known.iter().map(timbre).collect();
        for voice in voices(VoiceSet::Unseen) {
            assert!(!names.contains(voice.name));
            assert!(timbre(voice).is_some());
            assert!(!timbres.contains(&timbre(voice)));
        }
    }

    #[test]
    fn recorded_speakers_are_drawn_more_often_on_request() {
        let share = |set: VoiceSet| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            (0..20_000).filter(|_| set.draw(&mut rng).is_recorded()).count() as f64 / 20_000.0
        };
        assert!((share(VoiceSet::Known) - 2.0 / 14.0).abs() < 0.01);
        assert!((share(VoiceSet::KnownRecorded) - 8.0 / 20.0).abs() < 0.01);
    }

    #[test]
    fn names_tell_the_engine() {
        for voice in KNOWN.iter().chain(&UNSEEN) {
            let expected = match voice.engine {
                Engine::Espeak(name) => format!("espeak-{name}"),
                Engine::Flite(name) => format!("flite-{name}"),
            };
            assert_eq!(voice.name, expected);
        }
    }
}
