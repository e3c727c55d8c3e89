//! Makes a speech corpus from text with the programs `espeak-ng` and `flite` (`apt-get install espeak-ng flite`).
//!
//! Each line of text gets a [`Take`]: a voice, a rate, a pitch, pauses, noise, a room and a level, all drawn from the
//! seed and the line's number alone, so that the corpus does not depend on threads or on which lines are made. Both
//! programs give the same samples in each run, so a corpus is reproducible where their versions are the same.
//!
//! Cost of one utterance of 16 words: espeak-ng 25 ms, flite 15 ms (`kal16`) to 60 ms (`slt`, `awb`, `rms`).

mod engine;
mod error;
mod store;
mod voices;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::augment::acoustics::{amplify, power};

pub use super::augment::{Colour, Noise, Room};
pub use engine::MAX_TEXT_BYTES;
pub use error::SynthError;
pub use slm_core::audio::SAMPLE_RATE;
pub use store::write_wav;
pub(crate) use store::{intact_duration, prepare};
pub use voices::{Engine, RECORDED_DRAWS, Voice, VoiceSet, voices};

/// Samples in the frames by which silence is found: 10 ms.
const SILENCE_FRAME: usize = 160;
/// A frame is silent when its power is this part of the loudest frame's, -40 dB: above the noise floor of flite's
/// recorded voices (below -45 dB), below final consonants.
const SILENCE_RATIO: f64 = 1e-4;
/// Silence of the synthesiser that is kept at each end, in samples: 0.1 s.
const KEPT_SILENCE: usize = 1600;
/// Level of every voice before its gain, as root mean square: -26 dBFS.
const SPEECH_RMS: f64 = 0.05;
/// Largest magnitude of a sample in the result.
const PEAK: f32 = 0.95;

/// How one utterance is spoken and recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// The speaker.
    pub voice: &'static Voice,
    /// Speed in words a minute, 135 to 190; flite maps it to duration factors 1.2 to 0.9.
    pub rate_wpm: u32,
    /// Factor on the voice's own pitch, 0.85 to 1.15. `flite-rms` has a fixed pitch and ignores it.
    pub pitch: f32,
    /// Silence put before the speech, in seconds.
    pub lead_s: f32,
    /// Silence put after the speech, in seconds.
    pub trail_s: f32,
    /// The room, if any; applied before the noise.
    pub room: Option<Room>,
    /// The background noise, if any.
    pub noise: Option<Noise>,
    /// Level relative to -26 dBFS, in dB; reduced where the peak would clip.
    pub gain_db: f32,
    /// Seed of the noise's and the room's random samples.
    pub seed: u64,
}

impl Take {
    /// The same take without noise and room.
    #[must_use]
    pub fn clean(self) -> Self {
        Self { noise: None, room: None, ..self }
    }
}

/// One utterance to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number in the corpus: decides the take and the file name. Unique in a run.
    pub id: u64,
    /// Text to speak, English, up to [`MAX_TEXT_BYTES`] bytes.
    pub text: String,
}

/// Settings of [`run`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthConfig {
    /// Folder of the corpus; the audio goes to `wav/` in it.
    pub out_dir: PathBuf,
    /// Seed of all takes.
    pub seed: u64,
    /// Speakers to draw from.
    pub voices: VoiceSet,
    /// Whether takes have noise and rooms: the usual choice to train with, and to test robustness.
    pub augment: bool,
}

/// One utterance of the corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The WAV file: [`SynthConfig::out_dir`], then `wav/<id>-<hash of text and take>.wav`.
    pub path: PathBuf,
    /// Length in seconds.
    pub duration: f64,
    /// Name of the voice.
    pub voice: String,
}

/// The take of utterance `index`, a pure function of its arguments.
///
/// 40 % of the takes are clean, 40 % have noise at 12 to 30 dB, 30 % have a room with a decay time of 0.1 to 0.4 s
/// (10 % have both).
pub fn plan(seed: u64, index: u64, set: VoiceSet) -> Take {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    let voice = set.draw(&mut rng);
    // Everything is drawn, used or not, so that one choice does not move the others.
    let condition: f32 = rng.random();
    let noise = Noise {
        snr_db: rng.random_range(12.0..=30.0),
        colour: match rng.random_range(0..3u32) {
            0 => Colour::White,
            1 => Colour::Pink,
            _ => Colour::Babble,
        },
    };
    let room = Room { rt60_s: rng.random_range(0.1..=0.4), direct_db: rng.random_range(3.0..=12.0) };
    Take {
        voice,
        rate_wpm: rng.random_range(135..=190),
        pitch: rng.random_range(0.85..=1.15),
        lead_s: rng.random_range(0.05..=0.3),
        trail_s: rng.random_range(0.05..=0.3),
        room: (condition >= 0.7).then_some(room),
        noise: (0.4..0.8).contains(&condition).then_some(noise),
        gain_db: rng.random_range(-6.0..=6.0),
        seed: rng.random(),
    }
}

/// Speaks `text`: 16 kHz mono samples, magnitude at most 0.95.
///
/// # Errors
///
/// [`SynthError`] when the program is missing or fails, and when the text holds nothing to say.
pub fn speak(text: &str, take: &Take) -> Result<Vec<f32>, SynthError> {
    let dry = engine::synthesise(text, take)?;
    let speech = trim(&dry);
    let loudness = power(speech);
    if loudness <= 0.0 {
        return Err(SynthError::Silent { program: engine::program(take.voice) });
    }
    let level = (SPEECH_RMS / loudness.sqrt()) as f32;
    let [lead, trail] = [take.lead_s, take.trail_s].map(|s| (s * SAMPLE_RATE as f32) as usize);
    let mut samples = vec![0f32; lead];
    samples.extend(speech.iter().map(|sample| level * sample));
    samples.resize(lead + speech.len() + trail, 0.0);

    let mut rng = ChaCha8Rng::seed_from_u64(take.seed);
    if let Some(room) = take.room {
        samples = room.apply(&samples, &mut rng);
    }
    if let Some(noise) = take.noise {
        noise.add_to(&mut samples, &mut rng);
    }
    amplify(&mut samples, take.gain_db, PEAK);
    Ok(samples)
}

/// Speaks all `lines` in parallel and returns what came of each, in the same order: a line that fails does not end the
/// others.
///
/// Files that are there, whole, and of the same text and take are kept, so an interrupted run can be repeated. A file
/// appears under its name only when it is complete. Only one run at a time may use the folder. `progress` gets the
/// number of lines done so far, from any thread.
///
/// # Errors
///
/// [`SynthError`] before the first line when a program or a voice is missing or two ids are equal. A line that fails
/// has [`SynthError::Line`] in its place.
pub fn run(
    lines: &[Line],
    config: &SynthConfig,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Result<Recording, SynthError>>, SynthError> {
    let mut ids = HashSet::new();
    if let Some(line) = lines.iter().find(|line| !ids.insert(line.id)) {
        return Err(SynthError::DuplicateId { id: line.id });
    }
    engine::check(voices(config.voices))?;
    let folder = config.out_dir.join("wav");
    store::prepare(&folder)?;
    let done = AtomicUsize::new(0);
    let speak = |line: &Line| {
        let recording = record(line, config, &folder)
            .map_err(|source| SynthError::Line { id: line.id, source: Box::new(source) });
        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        recording
    };
    Ok(lines.par_iter().map(speak).collect())
}

/// Speaks one line into its file, unless the file is there.
fn record(line: &Line, config: &SynthConfig, folder: &Path) -> Result<Recording, SynthError> {
    let planned = plan(config.seed, line.id, config.voices);
    let take = if config.augment { planned } else { planned.clean() };
    let path = folder.join(store::file_name(line, &take));
    let duration = if let Some(duration) = store::intact_duration(&path) {
        duration
    } else {
        let samples = speak(&line.text, &take)?;
        write_wav(&path, &samples)?;
        samples.len() as f64 / f64::from(SAMPLE_RATE)
    };
    Ok(Recording { path, duration, voice: take.voice.name.to_owned() })
}

/// `samples` without the silence at both ends beyond 0.1 s; empty when all is silent.
fn trim(samples: &[f32]) -> &[f32] {
    let powers: Vec<f64> = samples.chunks(SILENCE_FRAME).map(power).collect();
    let threshold = SILENCE_RATIO * powers.iter().copied().fold(0.0, f64::max);
    let first = powers.iter().position(|&power| power > threshold);
    let last = powers.iter().rposition(|&power| power > threshold);
    let (Some(first), Some(last)) = (first, last) else {
        return &[];
    };
    let start = (first * SILENCE_FRAME).saturating_sub(KEPT_SILENCE);
    let end = ((last + 1) * SILENCE_FRAME + KEPT_SILENCE).min(samples.len());
    &samples[start..end]
}

#[cfg(test)]
mod tests;
