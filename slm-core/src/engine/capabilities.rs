//! What a model can do, and how much at once.

use crate::audio::SAMPLE_RATE;

/// What a model can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The keys of its tasks, see [`Task::key`](crate::Task::key).
    pub tasks: Vec<String>,
    /// Languages that it translates to, by their English names in lower case.
    pub translation_targets: Vec<String>,
    /// Whether the words of a transcript have times.
    pub word_timestamps: bool,
    /// Whether text can be told while it is generated.
    pub streaming: bool,
    /// Whether phrases can be looked for in the sound.
    pub phrases: bool,
    /// The adapters that a request may name.
    pub adapters: Vec<String>,
    /// Samples a second of the audio that it takes.
    pub sample_rate: u32,
}

/// What tells when the words of a transcript were said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordTimes {
    /// The labels of the sound, in which phrases are looked for as well.
    Labels,
    /// What the writer looks at while it writes.
    Writer,
    Nothing,
}

impl Capabilities {
    /// Of a model with these tasks.
    pub(super) fn of(tasks: Vec<String>, times: WordTimes) -> Self {
        let targets = tasks.iter().filter_map(|key| key.strip_prefix("translate.")).map(str::to_owned);
        Self {
            translation_targets: targets.collect(),
            word_timestamps: times != WordTimes::Nothing,
            streaming: true,
            phrases: times == WordTimes::Labels,
            adapters: Vec::new(),
            sample_rate: SAMPLE_RATE,
            tasks,
        }
    }
}

/// How much a model takes at once. The first two follow from the model and the memory budget.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Seconds of audio at most that go at once into tasks that need all of it, such as a question about it. Longer audio
    /// is answered from [a part](crate::AudioPart) of it.
    pub whole_audio_seconds: f64,
    /// Segments that go through the model together at most.
    pub batch: usize,
    /// Seconds of a segment at most, into which audio is cut for tasks that allow it.
    pub segment_seconds: f64,
    /// Phrases of a request.
    pub phrases: usize,
    /// Characters of a phrase.
    pub phrase_chars: usize,
    /// Tokens of an instruction.
    pub instruction_tokens: usize,
    /// Tokens of a text in the place of speech.
    pub text_tokens: usize,
    /// Tokens of the answer to a segment.
    pub answer_tokens: usize,
    /// Beams of a search.
    pub beams: usize,
}
