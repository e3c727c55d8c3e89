//! A language model behind an adapter: speech as soft tokens beside the tokens of an instruction.
//!
//! Paper: *SLM*, arXiv 2310.00230, section 3.

mod joint;
mod plan;
mod prompts;

use std::collections::BTreeMap;

use burn::prelude::*;

pub(super) use self::joint::Spelling;
use super::ears::Ears;
use super::error::{LoadError, SpeechError};
use super::segment::MAX_SEGMENT_SECONDS;
use super::texts::{self, Texts, answer};
use super::writer::{Heard, OnText, Order, Writer, Written};
use crate::adapter::Adapter;
use crate::checkpoint::bundle::TaskDecoding;
use crate::ctc::{Aligned, CtcPosteriors, FoundPhrase, Measure};
use crate::decode::{DecodeConfig, StepProcessor};
use crate::engine::answer::Answer;
use crate::engine::request::Request;
use crate::llm::LanguageModel;
use crate::nn::{EncodedSpeech, Watch};
use crate::prompt::{Author, Instruction, Phrases, PromptForm, PromptIds, SpeechRows, Task, Templates};
use crate::text::TextTokenizer;

/// An adapter and a language model, with what they are told for each task; all tensors are on one device.
#[derive(Debug, Clone)]
pub struct Adapted {
    /// The adapter.
    pub adapter: Adapter,
    /// What it reads of encoded speech.
    pub(super) rows: SpeechRows,
    /// The language model, with the thin matrices of the adapter where it has some.
    pub llm: LanguageModel,
    /// The same without them, for other adapters; the two share their weights.
    pub(super) base: LanguageModel,
    /// The language model's tokenizer.
    pub tokenizer: TextTokenizer,
    /// How an instruction and speech become what the language model reads.
    pub form: PromptForm,
    /// The phrasings of the tasks.
    pub templates: Templates,
    /// How the language model is decoded where neither a task nor a request says it.
    pub decode: DecodeConfig,
    /// What tasks want otherwise, by their keys.
    pub task_decoding: BTreeMap<String, TaskDecoding>,
    /// What the labels of the encoder's CTC head spell, where there are such.
    pub(super) spelling: Option<Spelling>,
    /// Where the tensors are.
    pub(super) device: Device,
}

impl Adapted {
    /// The instruction of a task: its first phrasing, filled.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoTask`] and [`SpeechError::Template`].
    pub fn instruction(&self, task: &Task) -> Result<Instruction, SpeechError> {
        let key = task.key();
        let phrasing = self.templates.phrasings(&key).first();
        match (phrasing, task) {
            (Some(template), _) => Ok(task.with_slots(|slots| template.fill(slots))?),
            (None, Task::Instruction(text)) => {
                Ok(Instruction { before: String::new(), after: text.trim().to_owned() })
            }
            (None, _) => Err(SpeechError::NoTask { key, available: self.tasks() }),
        }
    }

    /// The task with the phrases that were found: transcribing becomes spelling, where the bundle has a template for it.
    fn with_phrases(&self, task: &Task, found: &[FoundPhrase], phrases: Option<&Phrases>) -> Task {
        let Some(phrases) = phrases.filter(|_| *task == Task::Transcribe && !found.is_empty()) else {
            return task.clone();
        };
        let tokenizer = &self.tokenizer;
        let knows = |text: &str| {
            tokenizer
                .encode(text)
                .and_then(|ids| tokenizer.decode(&ids))
                .is_ok_and(|again| again.trim() == text)
        };
        let spell =
            Task::Spell { phrases: found.iter().map(|one| phrases.name(&one.phrase, knows)).collect() };
        let known = !self.templates.phrasings(&spell.key()).is_empty();
        if known { spell } else { Task::Transcribe }
    }

    fn texts<'a>(&'a self, request: &'a Request, decode: &'a DecodeConfig, watch: &'a Watch) -> Texts<'a> {
        Texts {
            llm: &self.llm,
            tokenizer: &self.tokenizer,
            request,
            decode,
            prior: None,
            processors: &[],
            watch,
        }
    }
}

impl Writer for Adapted {
    fn tasks(&self) -> Vec<String> {
        self.templates.keys().map(str::to_owned).collect()
    }

    fn author(&self) -> Author {
        Author::LanguageModel
    }

    fn takes_joined_states(&self) -> bool {
        true
    }

    fn decoding(&self, task: &Task) -> DecodeConfig {
        match self.task_decoding.get(&task.key()) {
            Some(own) => self.decode.with_task(own),
            None => self.decode,
        }
    }

    fn check(&self, request: &Request, seconds: f64) -> Result<(), SpeechError> {
        request.check_no_language()?;
        let decode = self.decoding_of(request, &request.task, seconds);
        texts::check(request, &decode, self.llm.least_end())?;
        self.spoken(&request.task).map(drop)
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        self.asked(task).map(drop)
    }

    fn weighs_sound(&self, task: &Task) -> bool {
        self.can_weigh(task)
    }

    fn working_bytes(&self, rows: usize, states: usize, seconds: f64) -> u64 {
        self.bytes(rows, states, seconds)
    }

    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        let request = order.request;
        let prompts = heard
            .iter()
            .map(|one| self.spoken(&self.with_phrases(one.task, &one.offered, request.phrases.as_ref())))
            .collect::<Result<Vec<_>, _>>()?;
        let speech: Vec<&EncodedSpeech> = heard.iter().map(|one| &one.output.speech).collect();
        let prompt = self.prompt(&[self.embed_speech(&speech)?], &prompts);
        let task = heard.first().map_or(&request.task, |one| one.task);
        let decode = self.decoding_of(request, task, order.seconds);
        let joint = self.joint(heard, request.phrases.as_ref(), &decode)?;
        let processors: Vec<&dyn StepProcessor> = joint.iter().map(|one| one as _).collect();
        let prior = decode.prior_weight.map(|_| {
            let unheard: Vec<PromptIds> = prompts.iter().map(PromptIds::without_places).collect();
            self.prompt(&[], &unheard)
        });
        let texts = Texts {
            prior: prior.as_ref(),
            processors: &processors,
            ..self.texts(request, &decode, order.watch)
        };
        texts.write(&prompt, on_text)
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
        let prompts: Vec<PromptIds> =
            texts.iter().map(|(text, task)| self.written(text, task)).collect::<Result<_, _>>()?;
        let prompt = self.prompt(&[], &prompts);
        // Without a duration the request's own limit holds.
        let decode = self.decoding_of(request, &request.task, MAX_SEGMENT_SECONDS);
        let written = self.texts(request, &decode, watch).write(&prompt, None)?;
        Ok(written.into_iter().map(answer).collect())
    }

    fn set_templates(&mut self, templates: Templates) -> Result<(), LoadError> {
        self.templates = self.templates.clone().overridden_by(templates);
        Ok(())
    }
}
