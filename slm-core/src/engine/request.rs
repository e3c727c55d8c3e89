//! What is asked of a model.

use crate::decode::DecodeConfig;
use crate::prompt::{Phrases, Task};

/// A task, and how to generate its answer. [`Model::request`](crate::Model::request) makes one with the model's own
/// settings.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// What to do.
    pub task: Task,
    /// The language that is spoken, by its code or its English name, for a model that is told it; `None` where the model
    /// finds it out itself.
    pub language: Option<String>,
    /// The name of the adapter to answer with, of those that the [`Model`](crate::Model) was
    /// [opened with](crate::OpenOptions::adapter); `None` is the model as it is. The model
    /// chooses by it, so that those who work with a [`SpeechModel`](crate::models::speech::SpeechModel) take the one that
    /// they mean.
    pub adapter: Option<String>,
    /// How to choose tokens; without a `vocab_limit`, the tokenizer's ids are the limit.
    pub decode: DecodeConfig,
    /// How long an answer may become.
    pub token_limit: TokenLimit,
    /// Texts at which an answer ends; they are not part of it. Empty ones do not count.
    pub stop: Vec<String>,
    /// Phrases that may be said.
    pub phrases: Option<Phrases>,
    /// When text is told.
    pub delivery: Delivery,
    /// How a recording is cut.
    pub segmentation: Segmentation,
    /// What becomes of a text that the sound does not support at all.
    pub unsupported: UnsupportedText,
    /// What of the segments is in the answer.
    pub keep: Keep,
}

/// How a recording is cut into segments. Cuts fall in pauses; what holds no speech goes through no model.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Segmentation {
    /// Whether speech is looked for. Without it the audio goes through the model from end to end, cut where it is
    /// quiet.
    pub finds_speech: bool,
    /// How clearly a sound must stand out from the background to count as speech, from 0 to 1: 0.5 is 6 dB.
    pub threshold: f64,
    /// Seconds of silence that part two segments.
    pub min_silence: f64,
    /// The longest segment in seconds; `None` is as the model was trained for.
    pub max_segment: Option<f64>,
    /// Seconds of sound that are kept before and after speech.
    pub padding: f64,
    /// From this [probability](crate::Segment::no_speech_prob) on a stretch counts as no speech and goes through no language
    /// model; where it is 1 or more, every sound counts as speech. [`Model::request`](crate::Model::request) puts in what the
    /// encoder says, where it says something. The default is the reference model's: of its test set 1 in 100 utterances is above
    /// it, in heavy noise; noise, hum, tones, music and babble of 4 s have 0.28 and more.
    pub no_speech_threshold: f64,
}

impl Segmentation {
    /// Whether nothing is left out as no speech, whatever the encoder hears.
    pub(crate) fn keeps_every_sound(&self) -> bool {
        !self.finds_speech || self.no_speech_threshold >= 1.0
    }
}

impl Default for Segmentation {
    fn default() -> Self {
        Self {
            finds_speech: true,
            threshold: 0.5,
            min_silence: 0.5,
            max_segment: None,
            padding: 0.25,
            no_speech_threshold: 0.25,
        }
    }
}

/// What becomes of a text that the sound does not support at all, after it was decoded again in vain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsupportedText {
    /// It stays, with a warning.
    #[default]
    Marked,
    /// It is left out, and its stretch is listed in [`Answer::quiet`](crate::Answer::quiet).
    LeftOut,
}

/// How many tokens an answer may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenLimit {
    /// As many as fast speech has in the time of the segment, where the answer is as long as the speech (transcripts and
    /// translations); else what `decode.max_new_tokens` says.
    #[default]
    FollowsDuration,
    /// At most this many, for each segment.
    AtMost(usize),
}

/// When a session tells text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// When a segment is done. Several segments may go through the model together.
    #[default]
    Segments,
    /// As soon as a piece of text can no longer change. Segments go through the model one by one, and phrases are not
    /// put into text that was told.
    Text,
}

/// What the answer has of its segments at the end. The events tell all of them either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// All of them, with their words, times and tokens: about 3 MB for an hour of speech.
    #[default]
    Segments,
    /// Their text, so that the memory hardly grows however long the recording is.
    Text,
}

impl Request {
    /// The task with greedy decoding.
    pub fn new(task: Task) -> Self {
        Self {
            task,
            language: None,
            adapter: None,
            decode: DecodeConfig::default(),
            token_limit: TokenLimit::default(),
            stop: Vec::new(),
            phrases: None,
            delivery: Delivery::default(),
            segmentation: Segmentation::default(),
            unsupported: UnsupportedText::default(),
            keep: Keep::default(),
        }
    }
}
