//! The projector and the language model, and what they do with sound that was heard.

use burn::prelude::*;

use super::published::{Basis, INSTRUCTION_TOKENS};
use super::thoughts::without_thoughts;
use crate::adapter::Projector;
use crate::ctc::{Aligned, CtcPosteriors, Measure};
use crate::decode::DecodeConfig;
use crate::engine::answer::Answer;
use crate::engine::request::Request;
use crate::engine::speech::ears::Ears;
use crate::engine::speech::error::{LoadError, SpeechError};
use crate::engine::speech::segment::MAX_SEGMENT_SECONDS;
use crate::engine::speech::texts::{self, Texts, answer};
use crate::engine::speech::writer::{Heard, OnText, Order, Writer, Written};
use crate::llm::LanguageModel;
use crate::nn::{EncodedSpeech, Watch};
use crate::prompt::{Author, ChatForm, PromptIds, Task, Templates};
use crate::text::TextTokenizer;

/// A projector and a language model, with what they are told for each task; all tensors are on one device.
#[derive(Debug, Clone)]
pub struct SpeechLlm {
    /// From the encoder's states to embeddings.
    pub projector: Projector,
    /// The language model that is told of speech: with the folder's adapter, where it has one.
    pub hearing: LanguageModel,
    /// The language model that is told of text alone: without the adapter. `hearing` has the adapter's matrices beside those
    /// of this one.
    pub reading: LanguageModel,
    /// The language model's tokenizer.
    pub tokenizer: TextTokenizer,
    /// How the language model is decoded where a request does not say it.
    pub decode: DecodeConfig,
    /// The phrasings of the tasks.
    pub(super) templates: Templates,
    pub(super) form: ChatForm,
    pub(super) basis: Basis,
    /// Where the tensors are.
    pub(super) device: Device,
}

impl SpeechLlm {
    pub(super) fn decoding_of(&self, request: &Request, task: &Task, seconds: f64) -> DecodeConfig {
        texts::decoding_of(request, task, seconds, &self.tokenizer)
    }

    pub(super) fn texts<'a>(
        &'a self,
        llm: &'a LanguageModel,
        request: &'a Request,
        decode: &'a DecodeConfig,
        watch: &'a Watch,
    ) -> Texts<'a> {
        Texts { llm, tokenizer: &self.tokenizer, request, decode, prior: None, processors: &[], watch }
    }

    /// Writes for each piece what its task asks for, as the language model hears it.
    pub(super) fn write_of_speech(
        &self,
        heard: &[Heard],
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        let request = order.request;
        let prompts = heard
            .iter()
            .map(|one| {
                let instruction = self.with_phrases(one.task, &one.offered, request.phrases.as_ref())?;
                Ok(self.form.spoken(&instruction.into())?)
            })
            .collect::<Result<Vec<_>, SpeechError>>()?;
        let speech: Vec<&EncodedSpeech> = heard.iter().map(|one| &one.output.speech).collect();
        let prompt = self.prompt(&[self.embed_speech(&speech)], &prompts);
        let task = heard.first().map_or(&request.task, |one| one.task);
        let decode = self.decoding_of(request, task, order.seconds);
        self.texts(&self.hearing, request, &decode, order.watch).write(&prompt, on_text)
    }
}

impl Writer for SpeechLlm {
    fn tasks(&self) -> Vec<String> {
        self.templates.keys().map(str::to_owned).collect()
    }

    fn author(&self) -> Author {
        Author::LanguageModel
    }

    fn decoding(&self, _: &Task) -> DecodeConfig {
        self.decode
    }

    fn check(&self, request: &Request, seconds: f64) -> Result<(), SpeechError> {
        request.check_no_language()?;
        let decode = self.decoding_of(request, &request.task, seconds);
        texts::check(request, &decode, self.hearing.least_end())?;
        self.form.spoken(&self.instruction(&request.task)?.into())?;
        Ok(())
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        self.instruction(task).map(drop)
    }

    fn working_bytes(&self, rows: usize, states: usize, seconds: f64) -> u64 {
        let source = self.projector.count(states) + INSTRUCTION_TOKENS;
        self.hearing.working_bytes(rows * self.decode.beams(), source, texts::token_limit(seconds))
    }

    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        mut on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        if !heard.iter().any(|one| self.reads_transcript(one.task)) {
            return self.write_of_speech(heard, order, on_text);
        }
        let mut written = Vec::with_capacity(heard.len());
        for one in heard {
            // What it calls lives longer than a piece.
            let tell: Option<OnText> = match &mut on_text {
                Some(tell) => Some(tell),
                None => None,
            };
            written.extend(if self.reads_transcript(one.task) {
                self.answer_from_transcript(one, order, tell)?
            } else {
                self.write_of_speech(std::slice::from_ref(one), order, tell)?
            });
        }
        Ok(written)
    }

    fn align(
        &self,
        ears: &Ears,
        written: &Written,
        posteriors: &CtcPosteriors,
    ) -> Result<Option<Aligned>, SpeechError> {
        ears.align(&written.text, posteriors, Measure::BestPath)
    }

    fn answer_texts(
        &self,
        texts: &[(&str, &Task)],
        request: &Request,
        watch: &Watch,
    ) -> Result<Vec<Answer>, SpeechError> {
        let prompts = texts
            .iter()
            .map(|(text, task)| Ok(self.form.written(text, &self.instruction(task)?.into())?))
            .collect::<Result<Vec<PromptIds>, SpeechError>>()?;
        // Without a duration the request's own limit holds.
        let decode = self.decoding_of(request, &request.task, MAX_SEGMENT_SECONDS);
        let prompt = self.prompt(&[], &prompts);
        let written = self.texts(&self.reading, request, &decode, watch).write(&prompt, None)?;
        let shown =
            |written: Written| Written { text: without_thoughts(&written.text).to_owned(), ..written };
        Ok(written.into_iter().map(shown).map(answer).collect())
    }

    fn set_templates(&mut self, templates: Templates) -> Result<(), LoadError> {
        self.templates = self.templates.clone().overridden_by(templates);
        Ok(())
    }
}
