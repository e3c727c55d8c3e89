//! The frozen encoder's output for every utterance of a manifest, computed once and kept on disk.
//!
//! A cache file is named by what it depends on: the manifest, the encoder's weights and the feature
//! settings. Another encoder has another name, so a stale cache is never read; a damaged one is made again.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::prelude::*;
use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use slm_core::batch::PaddedBatch;
use slm_core::encoder::{CtcFrame, EncodedSpeech, SpeechEncoder};
use slm_core::features::{FeatureExtractor, Features};

use super::buckets;
use super::manifest::Utterance;
use super::speech;
use crate::steps::config::digest;

/// Feature frames of a batch for the encoder, padding included.
const BATCH_FRAMES: usize = 20_000;

/// Where the outputs for `utterances` are kept in `dir`; `encoder_hash` names the encoder's folder content.
pub fn path(
    dir: &Path,
    utterances: &[Utterance],
    extractor: &FeatureExtractor,
    encoder_hash: &str,
) -> PathBuf {
    let key = digest(&(utterances, extractor.settings(), encoder_hash));
    dir.join(format!("encoded-{key}.safetensors"))
}

/// Reads the cache of `utterances` in `dir`, or computes it with `encoder` and writes it.
///
/// States are kept in 16 bits. `note` is told what happens.
///
/// # Errors
///
/// Audio that cannot be read, a device that fails, a file that cannot be written.
pub fn load_or_compute(
    dir: &Path,
    utterances: &[Utterance],
    extractor: &FeatureExtractor,
    encoder: &SpeechEncoder,
    encoder_hash: &str,
    device: &Device,
    note: &dyn Fn(String),
) -> anyhow::Result<Vec<EncodedSpeech>> {
    let path = path(dir, utterances, extractor, encoder_hash);
    if path.exists() {
        match read(&path, utterances.len()) {
            Ok(encoded) => return Ok(encoded),
            Err(error) => note(format!("warning: `{}` is made again: {error:#}", path.display())),
        }
    }
    note(format!("encoding {} utterances", utterances.len()));
    let features = speech::features(utterances, extractor)?;
    let computed = compute(&features, encoder, device)?;
    fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    write(&path, &computed).with_context(|| format!("cannot write `{}`", path.display()))?;
    // What was written is what is used, so that a first run and a resumed one see the same values.
    read(&path, utterances.len())
}

fn compute(
    features: &[Features],
    encoder: &SpeechEncoder,
    device: &Device,
) -> anyhow::Result<Vec<EncodedSpeech>> {
    let lengths: Vec<usize> = features.iter().map(|features| features.frames).collect();
    let mut encoded: Vec<Option<EncodedSpeech>> = vec![None; features.len()];
    for batch in buckets::batches(&lengths, BATCH_FRAMES, 0, 0) {
        let bins = features[batch[0]].bins;
        let rows: Vec<&[f32]> = batch.iter().map(|&i| features[i].values.as_slice()).collect();
        let outputs = encoder.encode(&PaddedBatch::from_rows(&rows, bins, device))?;
        for (&i, output) in batch.iter().zip(outputs) {
            encoded[i] = Some(output);
        }
    }
    encoded.into_iter().collect::<Option<Vec<_>>>().context("an utterance was not encoded")
}

fn write(path: &Path, encoded: &[EncodedSpeech]) -> anyhow::Result<()> {
    let largest = encoded.iter().flat_map(|speech| &speech.states).fold(0.0_f32, |max, v| max.max(v.abs()));
    anyhow::ensure!(largest <= f16::MAX.to_f32(), "a state of {largest:e} does not fit 16 bits");
    let (width, blank) = encoded.first().map_or((0, 0), |speech| (speech.width, speech.blank));
    let total: usize = encoded.iter().map(EncodedSpeech::len).sum();
    let lengths: Vec<u8> = encoded.iter().flat_map(|speech| (speech.len() as u32).to_le_bytes()).collect();
    let states: Vec<u8> = encoded
        .iter()
        .flat_map(|speech| speech.states.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()))
        .collect();
    let labels: Vec<u8> = encoded
        .iter()
        .flat_map(|speech| speech.ctc.iter().flat_map(|frame| frame.label.to_le_bytes()))
        .collect();
    let scores: Vec<u8> = encoded
        .iter()
        .flat_map(|speech| {
            speech.ctc.iter().flat_map(|frame| [frame.probability, frame.blank]).flat_map(f32::to_le_bytes)
        })
        .collect();
    let ctc: usize = encoded.iter().map(|speech| speech.ctc.len()).sum();
    let views = [
        ("lengths", TensorView::new(Dtype::U32, vec![encoded.len()], &lengths)?),
        ("states", TensorView::new(Dtype::F16, vec![total, width], &states)?),
        ("labels", TensorView::new(Dtype::U32, vec![ctc], &labels)?),
        ("scores", TensorView::new(Dtype::F32, vec![ctc, 2], &scores)?),
    ];
    let metadata = HashMap::from([("blank".to_owned(), blank.to_string())]);
    let bytes = safetensors::serialize(views, Some(metadata))?;
    let scratch = path.with_extension("tmp");
    fs::write(&scratch, bytes)?;
    fs::rename(&scratch, path)?;
    Ok(())
}

fn read(path: &Path, count: usize) -> anyhow::Result<Vec<EncodedSpeech>> {
    let bytes = fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let blank: u32 = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get("blank"))
        .context("no blank label")?
        .parse()?;
    let file = SafeTensors::deserialize(&bytes)?;
    let states = file.tensor("states")?;
    let [_, width] = states.shape() else { anyhow::bail!("`states` has shape {:?}", states.shape()) };
    let width = *width;
    let lengths: Vec<usize> = words(file.tensor("lengths")?.data()).map(|n| n as usize).collect();
    anyhow::ensure!(lengths.len() == count, "{} utterances, expected {count}", lengths.len());
    let total: usize = lengths.iter().sum();
    let values: Vec<f32> =
        states.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
    anyhow::ensure!(values.len() == total * width, "{} values, expected {}", values.len(), total * width);
    let labels: Vec<u32> = words(file.tensor("labels")?.data()).collect();
    let scores: Vec<f32> = words(file.tensor("scores")?.data()).map(f32::from_bits).collect();
    let has_ctc = !labels.is_empty();
    anyhow::ensure!(
        !has_ctc || (labels.len() == total && scores.len() == 2 * total),
        "labels do not fit the states"
    );
    let mut start = 0;
    Ok(lengths
        .into_iter()
        .map(|length| {
            let range = start..start + length;
            start += length;
            let ctc = if has_ctc {
                range
                    .clone()
                    .map(|t| CtcFrame {
                        label: labels[t],
                        probability: scores[2 * t],
                        blank: scores[2 * t + 1],
                    })
                    .collect()
            } else {
                Vec::new()
            };
            EncodedSpeech {
                states: values[range.start * width..range.end * width].to_vec(),
                width,
                ctc,
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

    #[test]
    fn written_and_read_back_the_same() {
        let speech = |n: u32| EncodedSpeech {
            states: (0..n * 2).map(|v| v as f32 * 0.5).collect(),
            width: 2,
            ctc: (0..n).map(|t| CtcFrame { label: t, probability: 0.5, blank: 0.25 }).collect(),
            blank: 9,
        };
        let encoded = vec![speech(3), speech(1)];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        write(&path, &encoded).unwrap();
        assert_eq!(read(&path, 2).unwrap(), encoded);
        assert!(read(&path, 3).is_err());
    }
}
