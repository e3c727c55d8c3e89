//! The frozen encoder's output for every utterance of a manifest, computed once and kept on disk.
//!
//! Utterances are kept in parts, a file each, named by all that the states depend on: the content of the audio files,
//! the content of the encoder's folder, its config included, and the feature settings. With other audio or another
//! encoder a file has another name, so a stale one is never read. Each has a checksum: a damaged one is made again. A
//! part is written as soon as it is encoded, so that what fails later does not take it along.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::prelude::*;
use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use slm_core::models::checkpoint::hash::sha256;
use slm_core::models::ctc;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::{FeatureExtractor, Features};
use slm_core::models::nn::{CtcFrame, EncodedSpeech, PaddedBatch};

use super::buckets;
use super::manifest::Utterance;
use super::speech;
use crate::digest::digest;
use crate::stopped::Stopped;

/// Utterances of a file.
const PART: usize = 1024;
/// Feature frames of a batch for the encoder, padding included.
const BATCH_FRAMES: usize = 20_000;
/// To be raised when files are written in another form, so that old ones are not read.
const FORMAT: u32 = 2;
/// The tensors of a file, in the order of their names.
const TENSORS: [&str; 4] = ["blanks", "labels", "lengths", "states"];
/// The entry of the metadata with the blank label.
const BLANK: &str = "blank";
/// The entry with the checksum.
const CHECKSUM: &str = "sha256";

/// A frozen encoder whose outputs are kept in a folder.
#[derive(Debug, Clone, Copy)]
pub struct CachedEncoder<'a> {
    /// The folder; it is made when it is not there.
    pub dir: &'a Path,
    /// The encoder's features.
    pub features: &'a FeatureExtractor,
    /// The encoder.
    pub encoder: &'a SpeechEncoder,
    /// Hash of all files of the encoder's folder, its config among them.
    pub encoder_hash: &'a str,
    /// Where the encoder is.
    pub device: &'a Device,
}

/// What the encoder gives for the utterances of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedCorpus {
    /// One entry an utterance.
    pub speech: Vec<EncodedSpeech>,
    /// A hash of all that the entries depend on.
    pub key: String,
}

impl CachedEncoder<'_> {
    /// Reads what is kept of `utterances`, computes the rest, and keeps it.
    ///
    /// States are kept in 16 bits. `note` is told what happens.
    ///
    /// # Errors
    ///
    /// Audio that cannot be read, all of it named, before anything is computed. As [`Stopped`] what ends the computing:
    /// an utterance that the device or 16 bits refuse, a file that cannot be written.
    pub fn encode(&self, utterances: &[Utterance], note: &dyn Fn(String)) -> anyhow::Result<EncodedCorpus> {
        let hashes = speech::hashes(utterances)?;
        let paths: Vec<PathBuf> = hashes.chunks(PART).map(|hashes| self.path(hashes)).collect();
        let mut parts: Vec<Option<Vec<EncodedSpeech>>> =
            utterances.chunks(PART).zip(&paths).map(|(part, path)| kept(path, part.len(), note)).collect();

        let missing: Vec<(usize, &[Utterance])> =
            utterances.chunks(PART).enumerate().filter(|(index, _)| parts[*index].is_none()).collect();
        // Reading takes little of the time, and finds what is wrong with the last part before the first one is encoded.
        for (_, part) in &missing {
            speech::features(part, self.features)?;
        }
        let mut left: usize = missing.iter().map(|(_, part)| part.len()).sum();
        for (index, part) in missing {
            note(format!("encoding {left} utterances"));
            let made = self.make(part, &paths[index]).map_err(|error| {
                let kept = format!("what was encoded is kept in `{}`", self.dir.display());
                Stopped::because(error, format!("encoding stopped, {left} utterances are left; {kept}"))
            })?;
            parts[index] = Some(made);
            left -= part.len();
        }
        let speech = parts.into_iter().flatten().flatten().collect();
        Ok(EncodedCorpus {
            speech,
            key: digest(&paths.iter().map(|path| file_name(path)).collect::<Vec<_>>()),
        })
    }

    /// The file for utterances whose audio files have these hashes.
    fn path(&self, hashes: &[String]) -> PathBuf {
        let key = digest(&(FORMAT, self.encoder_hash, self.features.settings(), hashes));
        self.dir.join(format!("encoded-{key}.safetensors"))
    }

    /// Computes a part and writes it.
    fn make(&self, utterances: &[Utterance], path: &Path) -> anyhow::Result<Vec<EncodedSpeech>> {
        let computed = self.compute(utterances)?;
        fs::create_dir_all(self.dir).with_context(|| format!("cannot create `{}`", self.dir.display()))?;
        write(path, &computed).with_context(|| format!("cannot write `{}`", path.display()))?;
        // What was written is what is used, so that a first run and a resumed one see the same values.
        read(path, utterances.len()).with_context(|| format!("cannot read `{}`", path.display()))
    }

    fn compute(&self, utterances: &[Utterance]) -> anyhow::Result<Vec<EncodedSpeech>> {
        let features = speech::features(utterances, self.features)?;
        let lengths: Vec<usize> = features.iter().map(|features| features.frames).collect();
        let mut encoded: Vec<Option<EncodedSpeech>> = vec![None; features.len()];
        for batch in buckets::batches(&lengths, BATCH_FRAMES, 0, 0) {
            let outputs = match self.encode_batch(&features, &batch) {
                Ok(outputs) => outputs,
                // One by one they need less memory, and the error is that of one recording.
                Err(_) => batch
                    .iter()
                    .map(|&i| {
                        let alone = self.encode_batch(&features, &[i]);
                        let path = utterances[i].audio_filepath.display();
                        alone.with_context(|| format!("cannot encode `{path}`"))
                    })
                    .collect::<anyhow::Result<Vec<_>>>()?
                    .concat(),
            };
            for (&i, output) in batch.iter().zip(outputs) {
                check_values(&output)
                    .with_context(|| format!("cannot encode `{}`", utterances[i].audio_filepath.display()))?;
                encoded[i] = Some(output);
            }
        }
        encoded.into_iter().collect::<Option<Vec<_>>>().context("an utterance was not encoded")
    }

    /// The outputs for the features at the places `batch`.
    fn encode_batch(&self, features: &[Features], batch: &[usize]) -> anyhow::Result<Vec<EncodedSpeech>> {
        let rows: Vec<&[f32]> = batch.iter().map(|&i| features[i].values.as_slice()).collect();
        let inputs = PaddedBatch::from_rows(&rows, self.features.width(), self.device);
        Ok(ctc::encode(self.encoder, &inputs)?)
    }
}

/// The base name of a path.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A kept part of `count` utterances; `None` when there is none, or when it is damaged, which `note` is told.
fn kept(path: &Path, count: usize, note: &dyn Fn(String)) -> Option<Vec<EncodedSpeech>> {
    if !path.exists() {
        return None;
    }
    read(path, count)
        .inspect_err(|error| note(format!("warning: `{}` is made again: {error:#}", path.display())))
        .ok()
}

/// Whether 16 bits hold the states.
fn check_values(speech: &EncodedSpeech) -> anyhow::Result<()> {
    anyhow::ensure!(speech.states.iter().all(|value| value.is_finite()), "a state is not finite");
    let largest = speech.states.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    anyhow::ensure!(largest <= f16::MAX.to_f32(), "a state of {largest:e} does not fit 16 bits");
    Ok(())
}

fn write(path: &Path, encoded: &[EncodedSpeech]) -> anyhow::Result<()> {
    let (width, blank) = encoded.first().map_or((0, 0), |speech| (speech.width, speech.blank));
    let total: usize = encoded.iter().map(EncodedSpeech::len).sum();
    let frames = || encoded.iter().flat_map(|speech| &speech.ctc);
    let count = frames().count();
    let blanks: Vec<u8> = frames().flat_map(|frame| frame.blank.to_le_bytes()).collect();
    let labels: Vec<u8> = frames().flat_map(|frame| frame.label.to_le_bytes()).collect();
    let lengths: Vec<u8> = encoded.iter().flat_map(|speech| (speech.len() as u32).to_le_bytes()).collect();
    let states: Vec<u8> = encoded
        .iter()
        .flat_map(|speech| speech.states.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()))
        .collect();
    let views = [
        TensorView::new(Dtype::F32, vec![count], &blanks)?,
        TensorView::new(Dtype::U32, vec![count], &labels)?,
        TensorView::new(Dtype::U32, vec![encoded.len()], &lengths)?,
        TensorView::new(Dtype::F16, vec![total, width], &states)?,
    ];
    let metadata = HashMap::from([
        (BLANK.to_owned(), blank.to_string()),
        (CHECKSUM.to_owned(), checksum(blank, &views)),
    ]);
    let bytes = safetensors::serialize(TENSORS.into_iter().zip(&views), Some(metadata))?;
    let scratch = path.with_extension("tmp");
    fs::write(&scratch, bytes)?;
    fs::rename(&scratch, path)?;
    Ok(())
}

/// A hash of all that a file says: the blank, and the shape and the values of each of [`TENSORS`].
fn checksum(blank: u32, views: &[TensorView<'_>]) -> String {
    let parts: Vec<_> = views.iter().map(|view| (view.shape(), sha256(view.data()))).collect();
    digest(&(blank, parts))
}

fn read(path: &Path, count: usize) -> anyhow::Result<Vec<EncodedSpeech>> {
    let bytes = fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let entry = |name: &str| {
        let metadata = header.metadata().as_ref();
        metadata.and_then(|metadata| metadata.get(name)).with_context(|| format!("no `{name}`"))
    };
    let blank: u32 = entry(BLANK)?.parse()?;
    let file = SafeTensors::deserialize(&bytes)?;
    let views: Vec<TensorView<'_>> =
        TENSORS.into_iter().map(|name| file.tensor(name)).collect::<Result<_, _>>()?;
    anyhow::ensure!(checksum(blank, &views) == *entry(CHECKSUM)?, "its checksum is another");
    let [blanks, labels, lengths, states] = views.as_slice() else { anyhow::bail!("tensors are missing") };

    let [_, width] = states.shape() else { anyhow::bail!("`states` has shape {:?}", states.shape()) };
    let width = *width;
    let lengths: Vec<usize> = words(lengths.data()).map(|n| n as usize).collect();
    anyhow::ensure!(lengths.len() == count, "{} utterances, expected {count}", lengths.len());
    let total: usize = lengths.iter().sum();
    let values: Vec<f32> =
        states.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
    anyhow::ensure!(values.len() == total * width, "{} values, expected {}", values.len(), total * width);
    let frames: Vec<CtcFrame> = words(labels.data())
        .zip(words(blanks.data()).map(f32::from_bits))
        .map(|(label, blank)| CtcFrame { label, blank })
        .collect();
    // An encoder without a CTC head has none.
    anyhow::ensure!(frames.is_empty() || frames.len() == total, "labels do not fit the states");
    let mut start = 0;
    Ok(lengths
        .into_iter()
        .map(|length| {
            let range = start..start + length;
            start += length;
            EncodedSpeech {
                states: values[range.start * width..range.end * width].to_vec(),
                width,
                ctc: frames.get(range).map(<[CtcFrame]>::to_vec).unwrap_or_default(),
                blank,
            }
        })
        .collect())
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<EncodedSpeech> {
        let speech = |n: u32| EncodedSpeech {
            states: (0..n * 2).map(|v| v as f32 * 0.5).collect(),
            width: 2,
            ctc: (0..n).map(|t| CtcFrame { label: t, blank: 0.25 }).collect(),
            blank: 9,
        };
        vec![speech(3), speech(1)]
    }

    #[test]
    fn written_and_read_back_the_same() {
        let encoded = sample();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        write(&path, &encoded).unwrap();
        assert_eq!(read(&path, 2).unwrap(), encoded);
        assert!(read(&path, 3).is_err());

        let bare: Vec<EncodedSpeech> =
            encoded.into_iter().map(|speech| EncodedSpeech { ctc: Vec::new(), ..speech }).collect();
        write(&path, &bare).unwrap();
        assert_eq!(read(&path, 2).unwrap(), bare);
    }

    /// Whichever byte changes, the file is not taken for sound.
    #[test]
    fn damage_is_noticed() {
        let encoded = sample();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        write(&path, &encoded).unwrap();
        let sound = fs::read(&path).unwrap();
        for place in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[place] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(
                read(&path, 2).is_err() || read(&path, 2).unwrap() == encoded,
                "byte {place} of {}",
                sound.len()
            );
        }
        let notes = std::cell::RefCell::new(Vec::new());
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        assert!(kept(&path, 2, &|note| notes.borrow_mut().push(note)).is_none());
        assert!(notes.borrow()[0].contains("is made again"), "{notes:?}");
    }

    #[test]
    fn states_that_16_bits_do_not_hold_are_refused() {
        let mut speech = sample().remove(0);
        check_values(&speech).unwrap();
        for (value, part) in [(1e5, "does not fit 16 bits"), (f32::NAN, "not finite")] {
            speech.states[1] = value;
            let error = check_values(&speech).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
