//! Synthetic corpora: sentences of the domain, spoken by synthesisers, with a manifest.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::domain::{Item, NamePool, is_held_out, sample};
use super::manifest::{self, QuestionAnswer, Utterance};
use super::synth::{self, Line, Recording, SynthConfig, SynthError, Take, VoiceSet};
use crate::random::rng_for;
use crate::stopped::Stopped;

/// The stream of random numbers that sentences draw from, one a split.
const SENTENCE_STREAM: u64 = 0x7365_6e74;

/// Of three test sentences one may have names that training never saw, and of three training sentences one may have
/// invented ones.
const NEW_NAMES_IN: u64 = 3;

/// Which sentences and voices a corpus has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Training sentences, names and voices.
    Train,
    /// Held-out sentences for choices during training, known voices.
    Dev,
    /// Held-out sentences, some with unseen names, known voices.
    Test,
    /// Held-out sentences, some with unseen names, unseen voices.
    TestVoices,
    /// As `train`, with the recorded speakers more often.
    // Last, as a split's place here is its stream of random numbers.
    TrainRecorded,
}

/// Whether recordings are as the synthesiser made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// As the synthesiser made them.
    Clean,
    /// Some with noise, some in a room.
    Augmented,
}

impl Split {
    fn voices(self) -> VoiceSet {
        match self {
            Self::Train | Self::Dev | Self::Test => VoiceSet::Known,
            Self::TrainRecorded => VoiceSet::KnownRecorded,
            Self::TestVoices => VoiceSet::Unseen,
        }
    }

    /// Whether it is trained on, so that its sentences are those that are not held out.
    fn trains(self) -> bool {
        matches!(self, Self::Train | Self::TrainRecorded)
    }

    fn stream(self) -> u64 {
        SENTENCE_STREAM + self as u64
    }

    /// How utterance `index` of the split is spoken.
    pub fn take(self, seed: u64, index: u64) -> Take {
        synth::plan(seed ^ self.stream(), index, self.voices())
    }

    /// Sentence `index` of the split.
    fn item(self, seed: u64, index: u64) -> Item {
        let mut rng = rng_for(seed, self.stream(), index);
        let pool = match self {
            _ if !index.is_multiple_of(NEW_NAMES_IN) => NamePool::Train,
            Self::Test | Self::TestVoices => NamePool::Test,
            Self::Train | Self::TrainRecorded => NamePool::Invented,
            Self::Dev => NamePool::Train,
        };
        loop {
            let item = sample(&mut rng, pool);
            if is_held_out(&item.text) != self.trains() {
                return item;
            }
        }
    }
}

/// The name of the manifest in a corpus's folder.
pub const MANIFEST_NAME: &str = "manifest.jsonl";

/// What a corpus has, and what it lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// Utterances in the manifest.
    pub utterances: usize,
    /// Of each sentence that could not be spoken, why.
    pub failures: Vec<String>,
}

/// Speaks `count` sentences of `split` into `out`, with [`MANIFEST_NAME`]; files that are there already
/// are kept, so that a stopped run goes on. A sentence that cannot be spoken is left out.
///
/// # Errors
///
/// A synthesiser that is missing, before anything is spoken. As [`Stopped`]: no sentence that could be spoken, or a
/// manifest that cannot be written.
pub fn make(
    out: &Path,
    split: Split,
    count: u64,
    seed: u64,
    takes: Takes,
    progress: &(dyn Fn(usize) + Sync),
) -> anyhow::Result<Made> {
    let items: Vec<Item> = (0..count).map(|index| split.item(seed, index)).collect();
    let lines: Vec<Line> =
        items.iter().enumerate().map(|(id, item)| Line { id: id as u64, text: item.text.clone() }).collect();
    let config = SynthConfig {
        out_dir: out.to_owned(),
        seed: seed ^ split.stream(),
        voices: split.voices(),
        augment: takes == Takes::Augmented,
    };
    let recordings = synth::run(&lines, &config, progress)?;
    list(out, items, recordings).map_err(|error| {
        let text = format!("the recordings are kept in `{}`, the same command goes on", out.display());
        Stopped::because(error, text)
    })
}

/// Writes the manifest of the items that were spoken.
fn list(
    out: &Path,
    items: Vec<Item>,
    recordings: Vec<Result<Recording, SynthError>>,
) -> anyhow::Result<Made> {
    let (mut utterances, mut failures) = (Vec::new(), Vec::new());
    for (item, recording) in items.into_iter().zip(recordings) {
        match recording {
            Ok(recording) => utterances.push(utterance(item, recording)),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if let (true, Some(first)) = (utterances.is_empty(), failures.first()) {
        anyhow::bail!("none of {} sentences could be spoken, the first: {first}", failures.len());
    }
    manifest::write(out.join(MANIFEST_NAME), &utterances)?;
    Ok(Made { utterances: utterances.len(), failures })
}

/// The line of the manifest.
fn utterance(item: Item, recording: Recording) -> Utterance {
    Utterance {
        audio_filepath: recording.path,
        duration: recording.duration,
        voice: Some(recording.voice),
        german: Some(item.german),
        spanish: Some(item.spanish),
        french: Some(item.french),
        questions: item
            .questions
            .into_iter()
            .map(|(question, answer)| QuestionAnswer { question, answer })
            .collect(),
        fields: item.fields.into_iter().map(|(field, value)| (field.as_str().to_owned(), value)).collect(),
        continuation: Some(item.continuation),
        reply: Some(item.reply),
        names: item.names,
        topic: Some(item.topic.as_str().to_owned()),
        text: item.text,
        ..Utterance::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three recordings of which the second, or all, failed.
    fn spoken(out: &Path, fails: impl Fn(u64) -> bool) -> anyhow::Result<Made> {
        let items = (0..3).map(|index| Split::Train.item(1, index)).collect();
        let recordings = (0..3).map(|id| {
            if fails(id) {
                return Err(SynthError::Line { id, source: Box::new(SynthError::NothingToSay) });
            }
            let path = out.join(format!("{id}.wav"));
            synth::write_wav(&path, &vec![0.1; 16_000])?;
            Ok(Recording { path, duration: 1.0, voice: "flite-slt".into() })
        });
        list(out, items, recordings.collect())
    }

    #[test]
    fn a_sentence_that_failed_is_left_out_of_the_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let made = spoken(dir.path(), |id| id == 1).unwrap();
        assert_eq!(made.utterances, 2);
        assert_eq!(made.failures, ["cannot speak line 1: nothing to say: the text has no letter or digit"]);
        let rows = manifest::read(dir.path().join(MANIFEST_NAME)).unwrap();
        let expected = [0, 2].map(|index| Split::Train.item(1, index).text);
        assert_eq!(rows.into_iter().map(|row| row.text).collect::<Vec<_>>(), expected);

        let error = spoken(dir.path(), |_| true).unwrap_err().to_string();
        assert!(error.starts_with("none of 3 sentences could be spoken"), "{error}");
        // The manifest before is still there.
        assert_eq!(manifest::read(dir.path().join(MANIFEST_NAME)).unwrap().len(), 2);
    }
}
