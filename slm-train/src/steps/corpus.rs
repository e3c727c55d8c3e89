//! Stage `synth`: sentences of the domain, spoken by synthesisers, with a manifest.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::domain::{Item, NamePool, is_held_out, sample};
use crate::data::manifest::{self, QuestionAnswer, Utterance};
use crate::data::synth::{self, Line, SynthConfig, Take, VoiceSet};
use crate::training::rng_for;

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

/// Speaks `count` sentences of `split` into `out`, with `manifest.jsonl`; files that are there already
/// are kept, so that a stopped run goes on.
///
/// # Errors
///
/// A synthesiser that is missing or fails, and files that cannot be written.
pub fn make(
    out: &Path,
    split: Split,
    count: u64,
    seed: u64,
    takes: Takes,
    progress: &(dyn Fn(usize) + Sync),
) -> anyhow::Result<usize> {
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
    let utterances: Vec<Utterance> = items
        .into_iter()
        .zip(recordings)
        .map(|(item, recording)| Utterance {
            audio_filepath: recording.path,
            duration: recording.duration,
            voice: Some(recording.voice),
            language: None,
            german: Some(item.german),
            spanish: Some(item.spanish),
            french: Some(item.french),
            questions: item
                .questions
                .into_iter()
                .map(|(question, answer)| QuestionAnswer { question, answer })
                .collect(),
            fields: item
                .fields
                .into_iter()
                .map(|(field, value)| (field.as_str().to_owned(), value))
                .collect(),
            continuation: Some(item.continuation),
            reply: Some(item.reply),
            names: item.names,
            topic: Some(item.topic.as_str().to_owned()),
            text: item.text,
        })
        .collect();
    manifest::write(out.join("manifest.jsonl"), &utterances)?;
    Ok(utterances.len())
}
