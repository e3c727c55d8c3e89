//! A writer of tests: one of a model that fails at pieces of some lengths, as a device or a damaged sound may fail at one.

use std::ops::Range;

use super::adapted::Adapted;
use super::doubts::Doubts;
use super::ears::Ears;
use super::error::{LoadError, SpeechError};
use super::writer::{Heard, OnText, Order, Writer, Written};
use crate::ctc::{Aligned, CtcPosteriors};
use crate::decode::DecodeConfig;
use crate::engine::answer::Answer;
use crate::engine::request::Request;
use crate::nn::Watch;
use crate::prompt::{Author, Task, Templates};

/// The writer of a model, which fails at pieces of so many seconds.
#[derive(Debug, Clone)]
pub struct Failing {
    pub(super) inner: Adapted,
    pub(super) fails: Range<f64>,
}

impl Writer for Failing {
    fn tasks(&self) -> Vec<String> {
        self.inner.tasks()
    }

    fn author(&self) -> Author {
        self.inner.author()
    }

    fn decoding(&self, task: &Task) -> DecodeConfig {
        self.inner.decoding(task)
    }

    fn check(&self, request: &Request, seconds: f64) -> Result<(), SpeechError> {
        self.inner.check(request, seconds)
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        self.inner.knows(task)
    }

    fn takes_joined_states(&self) -> bool {
        self.inner.takes_joined_states()
    }

    fn doubts(&self) -> &'static Doubts {
        self.inner.doubts()
    }

    fn working_bytes(&self, rows: usize, states: usize, seconds: f64) -> u64 {
        self.inner.working_bytes(rows, states, seconds)
    }

    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        match heard.iter().find(|heard| self.fails.contains(&heard.seconds)) {
            Some(heard) => Err(SpeechError::AudioTooLong { seconds: heard.seconds, limit: self.fails.start }),
            None => self.inner.write(heard, order, on_text),
        }
    }

    fn align(
        &self,
        ears: &Ears,
        written: &Written,
        posteriors: &CtcPosteriors,
    ) -> Result<Option<Aligned>, SpeechError> {
        self.inner.align(ears, written, posteriors)
    }

    fn answer_texts(
        &self,
        texts: &[(&str, &Task)],
        request: &Request,
        watch: &Watch,
    ) -> Result<Vec<Answer>, SpeechError> {
        self.inner.answer_texts(texts, request, watch)
    }

    fn set_templates(&mut self, templates: Templates) -> Result<(), LoadError> {
        self.inner.set_templates(templates)
    }
}
