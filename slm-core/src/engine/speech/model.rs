//! All parts of a bundle, loaded and checked against each other.

use burn::prelude::*;

use super::error::{LoadError, SpeechError};
use super::parts::SpeechParts;
use super::segment::MAX_SEGMENT_SECONDS;
use crate::adapter::Adapter;
use crate::audio::SAMPLE_RATE;
use crate::checkpoint::bundle::Bundle;
use crate::ctc::{PhraseList, PhraseSearch};
use crate::decode::{DecodeConfig, DecodeError};
use crate::encoder::SpeechEncoder;
use crate::engine::memory::{MAX_BATCH, MemoryBudget};
use crate::engine::request::{Delivery, Request};
use crate::features::FeatureExtractor;
use crate::llm::LanguageModel;
use crate::nn::weights::Placement;
use crate::prompt::{Instruction, Phrases, Task, Templates};
use crate::text::TextTokenizer;

/// A speech encoder, an adapter and a language model that fit, ready to answer. A clone shares the weights.
#[derive(Debug, Clone)]
pub struct SpeechModel {
    pub(super) parts: SpeechParts,
    pub(super) device: Device,
    /// Bytes that work may take.
    pub(super) memory: u64,
    /// Stretches that go together at most.
    pub(super) max_batch: usize,
}

impl SpeechModel {
    /// Loads the parts of a bundle, without autodiff. The adapter is in f32 whatever type the others have.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, or the fields of parts that do not fit.
    pub fn load(bundle: &Bundle, placement: impl Into<Placement>) -> Result<Self, LoadError> {
        let placement = placement.into().without_autodiff();
        let device = placement.device();
        let (encoder, llm, adapter) = (bundle.encoder()?, bundle.llm()?, bundle.adapter()?);
        let manifest = bundle.manifest();
        let parts = SpeechParts {
            templates: Templates::parse(&manifest.templates)?,
            features: FeatureExtractor::from_checkpoint(&encoder)?,
            tokenizer: TextTokenizer::from_checkpoint(&llm)?,
            labels: TextTokenizer::find(&encoder)?,
            encoder: SpeechEncoder::load(&encoder, &placement)?,
            adapter: Adapter::load(&adapter, device)?,
            llm: LanguageModel::load(&llm, &placement)?,
            decode: DecodeConfig::from_checkpoint(&llm)?,
            task_decoding: manifest.decoding.clone(),
            max_segment_seconds: manifest.max_segment_seconds.unwrap_or(MAX_SEGMENT_SECONDS),
        };
        Self::new(parts, device)
    }

    /// Joins parts that are on `device`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Mismatch`] with all pairs of fields that contradict each other, templates that cannot be used
    /// together, and a tokenizer with ids that have no row.
    pub fn new(parts: SpeechParts, device: &Device) -> Result<Self, LoadError> {
        let problems = parts.problems();
        if !problems.is_empty() {
            return Err(LoadError::Mismatch { problems });
        }
        parts.templates.check_order()?;
        parts.tokenizer.check_rows(parts.llm.vocab_size())?;
        if let (Some(labels), Some(rows)) = (&parts.labels, parts.encoder.labels()) {
            labels.check_rows(rows)?;
        }
        let device = device.clone().without_autodiff();
        Ok(Self { parts, device, memory: MemoryBudget::default().bytes(), max_batch: MAX_BATCH })
    }

    /// Phrases the tasks that `templates` has in its words.
    ///
    /// # Errors
    ///
    /// [`LoadError::Template`] when they cannot be used beside the others.
    pub fn with_templates(mut self, templates: Templates) -> Result<Self, LoadError> {
        self.parts.templates = self.parts.templates.overridden_by(templates);
        self.parts.templates.check_order()?;
        Ok(self)
    }

    /// With `bytes` of memory for work beside the weights.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// With at most `rows` stretches of audio together.
    #[must_use]
    pub fn with_max_batch(mut self, rows: usize) -> Self {
        self.max_batch = rows;
        self
    }

    /// Bytes that work may take beside the weights.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    /// The parts.
    pub fn parts(&self) -> &SpeechParts {
        &self.parts
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How a task is decoded: as the language model's folder says, and where the bundle says otherwise for this task, as
    /// that does.
    pub fn decoding(&self, task: &Task) -> DecodeConfig {
        match self.parts.task_decoding.get(&task.key()) {
            Some(own) => self.parts.decode.with_task(own),
            None => self.parts.decode,
        }
    }

    /// The task, decoded as the model wants it.
    pub fn request(&self, task: Task) -> Request {
        Request { decode: self.decoding(&task), ..Request::new(task) }
    }

    /// Prepares phrases for requests: at most five in an instruction, and put into a transcript where the sound supports
    /// them.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoLabels`] when the encoder has no CTC head or the bundle no tokenizer for its labels.
    pub fn phrases(&self, list: &PhraseList) -> Result<Phrases, SpeechError> {
        let labels = self.parts.labels.as_ref().filter(|_| self.parts.encoder.labels().is_some());
        let labels = labels.ok_or(SpeechError::NoLabels)?;
        Ok(Phrases::new(PhraseSearch::new(list, labels)?))
    }

    /// The instruction of a task: its first phrasing, filled.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoTask`] and [`SpeechError::Template`].
    pub fn instruction(&self, task: &Task) -> Result<Instruction, SpeechError> {
        let key = task.key();
        let phrasing = self.parts.templates.phrasings(&key).first();
        match (phrasing, task) {
            (Some(template), _) => Ok(task.with_slots(|slots| template.fill(slots))?),
            (None, Task::Instruction(text)) => {
                Ok(Instruction { before: String::new(), after: text.trim().to_owned() })
            }
            (None, _) => {
                let available = self.parts.templates.keys().map(str::to_owned).collect();
                Err(SpeechError::NoTask { key, available })
            }
        }
    }

    /// Checks what can be checked of a request before there is an input.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] that every input would give.
    pub fn check(&self, request: &Request) -> Result<(), SpeechError> {
        let decode = self.decoding_of(request, &request.task, self.longest_segment(request));
        let problems = decode.problems(self.parts.llm.least_end());
        if !problems.is_empty() {
            return Err(DecodeError::Config { problems }.into());
        }
        if request.delivery == Delivery::Text && !decode.can_stream() {
            return Err(SpeechError::CannotStream { hypotheses: decode.num_hypotheses });
        }
        request.segmentation.check()?;
        let instruction = self.instruction(&request.task)?;
        self.around(&instruction)?;
        Ok(())
    }

    /// Seconds from a state of the encoder to the next.
    pub fn state_seconds(&self) -> f64 {
        let samples = self.parts.features.hop() * self.parts.encoder.stride();
        samples as f64 / f64::from(SAMPLE_RATE)
    }
}
