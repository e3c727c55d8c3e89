//! Recordings as people have them: silence and noise around the speech, several utterances in one file, and sounds that are
//! no speech, with the reference model. The bounds are those of issue 17; longer recordings are in the suite `recordings`
//! of `weights/slm-tiny/eval.toml`.
//!
//! The tests in `segmentation` need an engine that finds speech ([`slm_core::Segmentation`], on by default); those in
//! `files` need the reader of audio alone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::path::PathBuf;
use std::sync::LazyLock;

use slm_core::{Answer, Backend, BackendChoice, Model, OpenOptions, Task, audio};
use slm_train::data::manifest::{self, Utterance};
use slm_train::data::recordings::{Layout, Sound, Timeline, render};
use slm_train::eval::metrics::ErrorCounts;
use slm_train::eval::normalise::Normaliser;
use slm_train::eval::recordings::{Found, coverage, found, transcribe};
use slm_train::random::rng_for;

/// By how many points a recording may be worse than its utterances alone, which have no wrong word.
const MAX_POINTS: f64 = 2.0;
/// Samples of a second.
const SECOND: usize = audio::SAMPLE_RATE as usize;
/// Seconds that rounding to samples may leave out, or count twice.
const ROUNDING: f64 = 1e-3;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let options = OpenOptions::new().backend(BackendChoice::Named(Backend::Flex));
    Model::open(root().join("weights/slm-tiny"), &options).unwrap()
});

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The twelve committed utterances.
struct Source {
    speech: Vec<Vec<f32>>,
    texts: Vec<String>,
}

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    let rows = manifest::read(root().join("tests/audio/test/manifest.jsonl")).unwrap();
    let speech = rows.iter().map(|row| audio::read(&row.audio_filepath).unwrap().samples).collect();
    Source { speech, texts: rows.into_iter().map(|row| row.text).collect() }
});

/// Recording `index` of a layout, and what the manifest would say of it.
fn recording(layout: &Layout, index: u64) -> (Vec<f32>, Utterance) {
    let Source { speech, texts } = &*SOURCE;
    let lengths: Vec<usize> = speech.iter().map(Vec::len).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let pieces = layout.pieces(&lengths, 1, index);
    let timeline = Timeline::of(&pieces, speech, &texts);
    let row = Utterance {
        duration: timeline.seconds,
        text: timeline.text(),
        utterances: timeline.utterances,
        stretches: timeline.stretches,
        ..Utterance::default()
    };
    (render(&pieces, speech, &mut rng_for(1, 0, index)), row)
}

fn answer(samples: &[f32]) -> Answer {
    transcribe(&MODEL, &MODEL.request(Task::Transcribe), samples).unwrap()
}

/// What became of the first `count` recordings of a layout.
fn heard(layout: &Layout, count: u64) -> Vec<Found> {
    (0..count)
        .map(|index| {
            let (samples, row) = recording(layout, index);
            let answer = answer(&samples);
            let found = found(&row, &answer, Normaliser::Basic);
            eprintln!("{layout:?} {index}: {:?}\n  said {}\n  text {}", found.whole, row.text, answer.text);
            found
        })
        .collect()
}

/// Checks that at most [`MAX_POINTS`] of the words are wrong.
fn assert_right(what: &str, all: &[Found]) {
    let mut errors = ErrorCounts::default();
    for found in all {
        errors += found.whole;
    }
    let points = 100.0 * errors.errors() as f64 / errors.reference_words as f64;
    assert!(points <= MAX_POINTS, "{what}: {points:.1} % of {} words are wrong", errors.reference_words);
}

/// The utterances alone: what the others are compared with.
#[test]
fn single_files_have_no_wrong_word() {
    let alone: Layout = toml_layout("{ padded = {} }");
    for found in heard(&alone, 12) {
        assert_eq!(found.whole.errors(), 0);
    }
}

/// A layout as a suite has it.
fn toml_layout(text: &str) -> Layout {
    #[derive(serde::Deserialize)]
    struct Settings {
        layout: Layout,
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout.toml");
    std::fs::write(&path, format!("layout = {text}\n")).unwrap();
    slm_train::config::read::<Settings>(&path, &[]).unwrap().layout
}

/// These need the engine to find speech.
mod segmentation {
    use slm_core::{Delivery, QuietKind};

    use super::*;

    #[test]
    fn three_seconds_of_digital_silence_after_it() {
        assert_right("3 s after", &heard(&toml_layout("{ padded = { after = 3 } }"), 12));
    }

    #[test]
    fn five_seconds_of_digital_silence_around_it() {
        assert_right("5 s around", &heard(&toml_layout("{ padded = { before = 5, after = 5 } }"), 12));
    }

    #[test]
    fn ten_seconds_of_room_noise_around_it() {
        let noise = toml_layout("{ padded = { before = 10, after = 10, sound = \"pink\", level_db = -61 } }");
        let all = heard(&noise, 12);
        assert_right("10 s of noise around", &all);
        assert_nothing_invented(&all);
    }

    /// What is heard in it is kept, though the end of the text is invented.
    #[test]
    fn a_clip_that_ends_inside_a_word() {
        let clip = audio::read(&root().join("tests/audio/formats/aac-22050-6.aac")).unwrap();
        let answer = answer(&clip.samples);
        assert!(answer.text.trim().starts_with("remind anita to call"), "{:?}", answer.text);
    }

    #[test]
    fn two_utterances_in_one_file() {
        for gap in [0.0, 0.3, 0.5, 1.0, 2.0] {
            let pairs = toml_layout(&format!("{{ pairs = {{ gap = {gap:?} }} }}"));
            assert_right(&format!("a gap of {gap} s"), &heard(&pairs, 6));
        }
    }

    #[test]
    fn ten_minutes_with_pauses() {
        let joined = toml_layout("{ joined = { seconds = 600, pauses = [0.2, 2.0] } }");
        let all = heard(&joined, 1);
        assert!(all[0].utterances > 140, "{}", all[0].utterances);
        assert_right("ten minutes", &all);
        assert_all_accounted_for(&all);
    }

    #[test]
    fn noise_and_music_between_give_no_words() {
        let joined = toml_layout(
            "{ joined = { seconds = 60, pauses = [0.2, 2.0], between_seconds = 20, \
             between = [\"silence\", \"white\", \"pink\", \"babble\", \"music\"] } }",
        );
        let all = heard(&joined, 1);
        assert_nothing_invented(&all);
        assert_right("noise between", &all);
        assert_all_accounted_for(&all);
    }

    /// Room noise, a fan, the mains, clicks, tones and chords, soft and loud.
    #[test]
    fn sounds_without_speech_have_no_text() {
        let sounds = Sound::ALL.into_iter().filter(|sound| *sound != Sound::Babble);
        let mut invented = Vec::new();
        for (number, sound) in sounds.enumerate() {
            for level_db in [-30.0, -55.0] {
                let mut rng = rng_for(1, 0, number as u64);
                let samples = sound.samples(10 * SECOND, level_db, &SOURCE.speech, &mut rng);
                let answer = answer(&samples);
                if !answer.text.is_empty() {
                    invented.push(format!("{} at {level_db} dB: {:?}", sound.name(), answer.segments));
                }
                let coverage = coverage(&answer);
                assert!((coverage.covered - 10.0).abs() < ROUNDING, "{sound:?}: {coverage:?}");
            }
        }
        assert!(invented.is_empty(), "{invented:#?}");
    }

    #[test]
    fn committed_sounds_without_speech_have_no_text() {
        for name in ["hum50.wav", "brown-fan.wav", "pink.wav"] {
            assert_eq!(files::text(name), "", "{name}");
        }
    }

    /// Segments and stretches without speech are all of the audio, each second once, in their order.
    #[test]
    fn every_second_is_accounted_for() {
        let layouts = [
            "{ padded = {} }",
            "{ padded = { before = 4, after = 3 } }",
            "{ padded = { before = 4, after = 3, sound = \"brown\", level_db = -40 } }",
            "{ joined = { seconds = 30, pauses = [0.2, 2.0], between = [\"silence\", \"hum\"], \
             between_seconds = 7 } }",
        ];
        for text in layouts {
            let (samples, row) = recording(&toml_layout(text), 3);
            for delivery in [Delivery::Segments, Delivery::Text] {
                let mut request = MODEL.request(Task::Transcribe);
                request.delivery = delivery;
                let answer = transcribe(&MODEL, &request, &samples).unwrap();
                assert!((answer.seconds - row.duration).abs() < ROUNDING, "{text}: {}", answer.seconds);
                assert_all_accounted_for(&[found(&row, &answer, Normaliser::Basic)]);
                let starts = |spans: Vec<(f64, f64)>| {
                    assert!(spans.iter().all(|(start, end)| start < end), "{text}: {spans:?}");
                    assert!(spans.is_sorted_by(|a, b| a.1 <= b.0 + ROUNDING), "{text}: {spans:?}");
                };
                starts(answer.segments.iter().map(|segment| (segment.start, segment.end)).collect());
                starts(answer.quiet.iter().map(|quiet| (quiet.start, quiet.end)).collect());
            }
        }
    }

    /// Digital silence is listed as silence, and a hum is not.
    #[test]
    fn what_is_quiet_is_told_by_its_kind() {
        let kind = |text: &str| {
            let (samples, row) = recording(&toml_layout(text), 0);
            let middle = row.duration - 3.0;
            let answer = answer(&samples);
            answer
                .quiet
                .iter()
                .find(|quiet| (quiet.start..quiet.end).contains(&middle))
                .map(|quiet| quiet.kind)
        };
        assert_eq!(kind("{ padded = { after = 6 } }"), Some(QuietKind::Silence));
        let hum = kind("{ padded = { after = 6, sound = \"hum\", level_db = -30 } }");
        assert!(matches!(hum, Some(QuietKind::Sound | QuietKind::Unsupported)), "{hum:?}");
    }

    fn assert_nothing_invented(all: &[Found]) {
        for found in all {
            let words = found.written.values().map(|written| written.words).sum::<usize>();
            assert_eq!(words, 0, "{:?}", found.written);
        }
    }

    fn assert_all_accounted_for(all: &[Found]) {
        for found in all {
            let coverage = found.coverage;
            assert!((coverage.covered - found.seconds).abs() < ROUNDING, "{coverage:?} of {}", found.seconds);
            assert!(coverage.twice < ROUNDING, "{coverage:?}");
        }
    }
}

/// These need the reader of audio.
mod files {
    use super::*;

    /// What utterance 10 says, of which the cases are made.
    const SAID: &str = "remind anita to call sebastian on saturday";

    pub(super) fn text(name: &str) -> String {
        let path = root().join("tests/audio/cases").join(name);
        let audio = audio::read(&path).unwrap_or_else(|error| panic!("{error}"));
        answer(&audio.samples).text
    }

    #[test]
    fn quiet_recordings_are_heard() {
        for name in ["float050.wav", "float062.wav", "float080.wav"] {
            assert_eq!(text(name), SAID, "{name}");
        }
    }

    #[test]
    fn channels_in_opposite_phase_are_heard() {
        assert_eq!(text("antiphase.wav"), SAID);
    }

    #[test]
    fn containers_with_64_bit_sizes_are_read() {
        for name in ["rf64.wav", "bw64.wav", "small.w64"] {
            assert_eq!(text(name), SAID, "{name}");
        }
    }

    /// What lies beyond the declared end is read, or its size is told.
    #[test]
    fn a_header_that_declares_less_hides_nothing() {
        let path = root().join("tests/audio/cases/header-says-1s.wav");
        let audio = audio::read(&path).unwrap();
        let hidden = std::fs::metadata(&path).unwrap().len() - 44 - 32_000;
        let is_told = audio.warnings.iter().any(|warning| warning.to_string().contains(&hidden.to_string()));
        assert!(is_told || answer(&audio.samples).text == SAID, "{:?}", audio.warnings);
    }
}
