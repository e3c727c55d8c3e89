//! A manifest's audio: samples, length and identity of an utterance, and features, held in memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use slm_core::audio::{self, Audio, AudioError, AudioStream, Channel, ReadOptions};
use slm_core::models::checkpoint::hash::{sha256, sha256_file};
use slm_core::models::features::{FeatureExtractor, Features};

use super::manifest::{Member, Utterance};
use crate::digest::digest;
use crate::failures;

/// Samples of a frame of [`span`]: 10 ms.
const FRAME: usize = 160;
/// The quietest frame of an utterance counts as this far below its loud ones at most, in dB.
const RANGE_DB: f64 = 50.0;
/// Where between the quiet and the loud frames speech begins.
const THRESHOLD: f64 = 0.3;

/// What becomes of the samples of an utterance, by its number, before it is heard.
pub type Change<'a> = dyn Fn(usize, Vec<f32>) -> anyhow::Result<Vec<f32>> + Sync + 'a;

/// What is read, for messages.
pub(crate) const RECORDINGS: &str = "recordings";

/// Reads every file and computes its features, on all cores.
///
/// # Errors
///
/// All files that cannot be read, or are too short for a frame.
pub fn features(utterances: &[Utterance], extractor: &FeatureExtractor) -> anyhow::Result<Vec<Features>> {
    Ok(features_and_spans(utterances, extractor, &|_, samples| Ok(samples))?.0)
}

/// The same of what `change` makes of the samples of each, with the [`span`] of the samples before that.
///
/// # Errors
///
/// As [`features`], and those of `change`.
pub fn features_and_spans(
    utterances: &[Utterance],
    extractor: &FeatureExtractor,
    change: &Change,
) -> anyhow::Result<(Vec<Features>, Vec<Range<f64>>)> {
    let read = |(row, utterance): (usize, &Utterance)| {
        let samples = samples(utterance).map_err(|error| error.to_string())?.samples;
        let (count, span) = (samples.len(), span(&samples));
        let changed = change(row, samples).map_err(|error| error.to_string())?;
        let features = extractor.extract(&changed);
        if count == 0 || features.frames == 0 {
            let path = utterance.audio_filepath.display();
            return Err(format!("audio `{path}` is too short: {count} samples"));
        }
        Ok((features, span))
    };
    let all: Vec<_> = utterances.par_iter().enumerate().map(read).collect();
    Ok(failures::all(RECORDINGS, all)?.into_iter().unzip())
}

/// A hash of every utterance's sound, on all cores: what the features depend on, whatever the files are called.
///
/// # Errors
///
/// As [`features`].
pub fn hashes(utterances: &[Utterance]) -> anyhow::Result<Vec<String>> {
    let hash = |utterance: &Utterance| hash(utterance).map_err(|error| error.to_string());
    let all: Vec<_> = utterances.par_iter().map(hash).collect();
    failures::all(RECORDINGS, all)
}

/// A hash of an utterance's sound: the SHA-256 of the file, and with a part or a channel of it what is taken.
///
/// # Errors
///
/// A file that cannot be read, named.
pub fn hash(utterance: &Utterance) -> anyhow::Result<String> {
    let path = utterance.audio_filepath.display();
    hash_of(utterance).map_err(|error| anyhow::anyhow!("cannot read audio `{path}`: {error}"))
}

fn hash_of(utterance: &Utterance) -> io::Result<String> {
    let file = match &utterance.member {
        Some(member) => {
            let mut bytes = Vec::new();
            open_member(&utterance.audio_filepath, member)?.read_to_end(&mut bytes)?;
            sha256(&bytes)
        }
        None => sha256_file(&utterance.audio_filepath)?,
    };
    Ok(match (utterance.offset, utterance.channel) {
        (None, None) => file,
        (offset, channel) => digest(&(file, offset, utterance.duration, channel)),
    })
}

/// The samples of an utterance: of its file, of an archive's member, or of a part or one channel of either.
///
/// # Errors
///
/// As [`AudioStream::open`] and [`AudioStream::next_piece`].
pub fn samples(utterance: &Utterance) -> Result<Audio, AudioError> {
    if (utterance.offset, utterance.channel, &utterance.member) == (None, None, &None) {
        return audio::read(&utterance.audio_filepath);
    }
    let part = utterance.offset.map(|_| utterance.duration);
    let mut stream = open(utterance, part)?;
    let mut all = Audio::default();
    while let Some(piece) = stream.next_piece()? {
        all.samples.extend(piece);
    }
    all.warnings = stream.take_warnings();
    Ok(all)
}

/// Seconds of the file or member that an utterance is in, by its header or, where that tells nothing, by its samples.
///
/// # Errors
///
/// As [`samples`].
pub fn seconds(utterance: &Utterance) -> Result<f64, AudioError> {
    let whole = Utterance { offset: None, ..utterance.clone() };
    let mut stream = open(&whole, None)?;
    if let Some(seconds) = stream.declared_seconds() {
        return Ok(seconds);
    }
    let mut samples = 0;
    while let Some(piece) = stream.next_piece()? {
        samples += piece.len();
    }
    Ok(samples as f64 / f64::from(audio::SAMPLE_RATE))
}

/// Opens an utterance's audio, of which `seconds` at most are taken.
fn open(utterance: &Utterance, seconds: Option<f64>) -> Result<AudioStream, AudioError> {
    let mut options = ReadOptions::default();
    options.channel = utterance.channel.map_or(Channel::Mix, Channel::Only);
    options.start = utterance.offset.unwrap_or(0.0);
    options.duration = seconds;
    let path = &utterance.audio_filepath;
    match &utterance.member {
        None => AudioStream::open(path, &options),
        Some(member) => match open_member(path, member) {
            Ok(reader) => AudioStream::from_reader(reader, path, &options),
            // Opening the archive as audio says why it cannot be read.
            Err(_) => AudioStream::open(path, &options),
        },
    }
}

/// The bytes of a member.
fn open_member(archive: &Path, member: &Member) -> io::Result<io::Take<BufReader<File>>> {
    let mut file = BufReader::new(File::open(archive)?);
    file.seek(SeekFrom::Start(member.start))?;
    Ok(file.take(member.bytes))
}

/// From the first to the last loud frame of samples at 16 kHz, in seconds.
pub fn span(samples: &[f32]) -> Range<f64> {
    let level = |frame: &[f32]| {
        let power = frame.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / FRAME as f64;
        10.0 * (power + 1e-12).log10()
    };
    let levels: Vec<f64> = samples.chunks_exact(FRAME).map(level).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or_default();
    let loud = at(0.95);
    let quiet = at(0.03).max(loud - RANGE_DB);
    let threshold = quiet + THRESHOLD * (loud - quiet);
    let is_speech = |level: &f64| *level > threshold;
    let seconds = |frame: usize| (frame * FRAME) as f64 / f64::from(audio::SAMPLE_RATE);
    let first = levels.iter().position(is_speech).unwrap_or(0);
    let last = levels.iter().rposition(is_speech).map_or(levels.len(), |last| last + 1);
    seconds(first)..seconds(last)
}

#[cfg(test)]
mod tests {
    use slm_core::models::features::{FeatureSettings, LogMelConfig};

    use super::*;

    #[test]
    fn every_file_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let utterances: Vec<Utterance> = ["a.wav", "b.wav", "c.wav", "d.wav"]
            .map(|name| Utterance { audio_filepath: dir.path().join(name), ..Utterance::default() })
            .into();
        crate::data::synth::write_wav(&utterances[0].audio_filepath, &vec![0.1; 8_000]).unwrap();
        std::fs::write(&utterances[1].audio_filepath, "no audio").unwrap();
        crate::data::synth::write_wav(&utterances[3].audio_filepath, &[]).unwrap();
        let extractor = FeatureExtractor::new(FeatureSettings::LogMel(LogMelConfig::default())).unwrap();
        assert_eq!(features(&utterances[..1], &extractor).unwrap().len(), 1);
        let text = features(&utterances, &extractor).unwrap_err().to_string();
        assert!(text.starts_with("3 of 4 recordings failed\n"), "{text}");
        for name in ["b.wav", "c.wav", "d.wav"] {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert!(hashes(&utterances).unwrap_err().to_string().contains("c.wav"));
        let hashes = hashes(&utterances[..2]).unwrap();
        assert!(hashes[0] != hashes[1]);
    }

    #[test]
    fn silence_at_the_ends_is_no_speech() {
        let mut samples = vec![0.0; 16_000];
        for (n, sample) in samples[4_000..12_000].iter_mut().enumerate() {
            *sample = 0.3 * (0.4 * n as f32).sin();
        }
        let span = span(&samples);
        assert!((span.start - 0.25).abs() < 0.011 && (span.end - 0.75).abs() < 0.011, "{span:?}");
    }
}
