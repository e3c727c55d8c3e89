//! The seam between kinds of models: what each does with sound that was heard.
//!
//! Cutting, batches, encoding, the phrases that the sound supports, the times of words and what becomes of an answer are
//! the same for all. A kind is a folder or file beside this one with a [`Writer`], and a line in `any_writer.rs`.

use std::ops::Range;
use std::sync::Arc;

use super::error::{LoadError, SpeechError};
use crate::ctc::{Aligned, CtcPosteriors, EncoderOutput, FoundPhrase};
use crate::decode::DecodeConfig;
use crate::engine::answer::{Alternative, Answer};
use crate::engine::request::Request;
use crate::nn::Watch;
use crate::prompt::{Author, Task, Templates};

use super::doubts::Doubts;
use super::ears::Ears;
use super::piece::Spoken;

/// Told of text that can no longer change.
pub(crate) type OnText<'a> = &'a mut dyn FnMut(&str);

/// A piece of sound that was heard.
#[derive(Debug, Clone)]
pub(super) struct Heard<'a> {
    pub(super) output: Arc<EncoderOutput>,
    pub(super) task: &'a Task,
    /// The samples of the recording that it answers for.
    pub(super) own: Range<usize>,
    /// How its language is known.
    pub(super) language: Spoken<'a>,
    /// How long it is.
    pub(super) seconds: f64,
    /// The phrases of the request that the sound supports and that the writer may be told of.
    pub(super) offered: Vec<FoundPhrase>,
    /// Those, and others that the sound supports less.
    pub(super) boosted: Vec<FoundPhrase>,
}

/// What is asked of a writer for several pieces at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) request: &'a Request,
    /// The longest piece.
    pub(super) seconds: f64,
    pub(super) watch: &'a Watch,
}

/// What was written for a piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// The code of the language that is spoken, where the writer tells it.
    pub(super) language: Option<String>,
    pub(super) text: String,
    /// The tokens of the text, in the writer's vocabulary.
    pub(super) tokens: Vec<u32>,
    pub(super) score: f64,
    /// The sum of the log-probabilities of its tokens, the end included.
    pub(super) log_prob: f64,
    /// The most tokens that it could have, where it was stopped there.
    pub(super) stopped_at: Option<usize>,
    /// Further texts, the best first.
    pub(super) alternatives: Vec<Alternative>,
    /// The words of a transcript with their times, where the writer itself tells them.
    pub(super) aligned: Option<Aligned>,
    /// How likely it is that the sound is no speech, where the writer itself tells it.
    pub(super) no_speech_prob: Option<f64>,
}

impl Request {
    /// Refuses a language for a model that is not told any.
    pub(super) fn check_no_language(&self) -> Result<(), SpeechError> {
        match &self.language {
            Some(found) => Err(SpeechError::NoLanguage { found: found.clone() }),
            None => Ok(()),
        }
    }
}

/// A kind of model.
pub(super) trait Writer {
    /// The keys of its tasks.
    fn tasks(&self) -> Vec<String>;

    /// Whose words its transcripts are.
    fn author(&self) -> Author;

    /// How a task is decoded where the request does not say it.
    fn decoding(&self, task: &Task) -> DecodeConfig;

    /// Checks what can be checked of a request for segments of at most `seconds`.
    fn check(&self, request: &Request, seconds: f64) -> Result<(), SpeechError>;

    /// Whether it knows what to do for `task`.
    fn knows(&self, task: &Task) -> Result<(), SpeechError>;

    /// Whether it can weigh what a CTC head says of the sound beside the text, for `task`.
    fn weighs_sound(&self, _: &Task) -> bool {
        false
    }

    /// Whether states of sounds that were heard one by one may be put one behind the other. Published models were trained on
    /// audio that was heard at once.
    fn takes_joined_states(&self) -> bool {
        false
    }

    /// Which of its texts are doubted, and how they are decoded again.
    fn doubts(&self) -> &'static Doubts {
        &Doubts::OF_SOUND
    }

    /// Bytes of writing for `rows` pieces of `states` states and `seconds` each, those of hearing aside.
    fn working_bytes(&self, rows: usize, states: usize, seconds: f64) -> u64;

    /// Writes for each piece. `on_text` is for one piece only.
    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError>;

    /// Lays a transcript that it wrote onto the sound; `None` where there are no labels to do it by.
    fn align(
        &self,
        ears: &Ears,
        written: &Written,
        posteriors: &CtcPosteriors,
    ) -> Result<Option<Aligned>, SpeechError>;

    /// Answers with the words of texts, each with its task, in the place of speech.
    fn answer_texts(
        &self,
        texts: &[(&str, &Task)],
        request: &Request,
        watch: &Watch,
    ) -> Result<Vec<Answer>, SpeechError>;

    /// Phrases the tasks that `templates` has in its words.
    fn set_templates(&mut self, templates: Templates) -> Result<(), LoadError>;
}
