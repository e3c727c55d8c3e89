//! A model of any kind, loaded and checked: what hears, and what writes.

use std::sync::Arc;

use burn::prelude::*;

use super::adapted::Adapted;
use super::any_writer::AnyWriter;
use super::ctc_writer::CtcWriter;
use super::ears::Ears;
use super::error::{LoadError, SpeechError};
use super::parts::SpeechParts;
use super::recognisers::{self, Recogniser};
use super::segment::MAX_SEGMENT_SECONDS;
use super::speech_llm::SpeechLlm;
use super::writer::Writer;
use crate::adapter::Adapter;
use crate::checkpoint::bundle::{Bundle, MANIFEST_NAME};
use crate::checkpoint::{ADAPTER_CONFIG_FILE, Checkpoint};
use crate::ctc::{EncoderOutput, PhraseList, label_tokenizer};
use crate::decode::{DecodeConfig, DecodeError};
use crate::encoder::{self, SpeechEncoder};
use crate::engine::memory::{MAX_BATCH, MemoryBudget};
use crate::engine::request::Request;
use crate::features::FeatureExtractor;
use crate::llm::{self, LanguageModel, Lora};
use crate::nn::weights::Placement;
use crate::nn::{EncodedSpeech, Watch};
use crate::prompt::{Phrases, PromptForm, Task, Templates};
use crate::text::TextTokenizer;

/// What hears and what writes, ready to answer. A clone shares the weights.
#[derive(Debug, Clone)]
pub struct SpeechModel {
    pub(super) ears: Ears,
    writer: AnyWriter,
    /// The longest segment in seconds, as the model was trained.
    pub(super) max_segment_seconds: f64,
    device: Device,
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
        let (encoder, llm_files, adapter) = (bundle.encoder()?, bundle.llm()?, bundle.adapter()?);
        let manifest = bundle.manifest();
        // The small files come first, so that one that is missing is told at once.
        let templates = Templates::parse(&manifest.templates)?;
        let features = FeatureExtractor::from_checkpoint(&encoder)?;
        let tokenizer = TextTokenizer::from_checkpoint(&llm_files)?;
        let sizes = llm::sizes(&llm_files)?;
        let said_in = bundle.dir().join(MANIFEST_NAME);
        let parts = SpeechParts {
            templates,
            features,
            form: PromptForm::of(&*sizes, &llm_files, &tokenizer, &manifest.prompt, &said_in)?,
            tokenizer,
            labels: label_tokenizer(&*encoder::sizes(&encoder)?, &encoder)?,
            decode: DecodeConfig::from_checkpoint(&llm_files)?,
            encoder: SpeechEncoder::load(&encoder, &placement)?,
            lora: adapter.has(ADAPTER_CONFIG_FILE).then(|| Lora::load(&adapter)).transpose()?.map(Arc::new),
            adapter: Adapter::load(&adapter, device)?,
            llm: LanguageModel::load(&llm_files, &placement)?,
            task_decoding: manifest.decoding.clone(),
            max_segment_seconds: manifest.max_segment_seconds.unwrap_or(MAX_SEGMENT_SECONDS),
        };
        Self::new(parts, device)
    }

    /// Loads an encoder with a CTC head, whose labels are the text.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, among them the tokenizer of the labels, or the fields that do not fit.
    pub fn load_ctc(encoder: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LoadError> {
        let placement = placement.into().without_autodiff();
        // The small files come first, so that one that is missing is told at once.
        let features = FeatureExtractor::from_checkpoint(encoder)?;
        let labels = TextTokenizer::from_checkpoint(encoder)?;
        let encoder = SpeechEncoder::load(encoder, &placement)?;
        Self::ctc(Ears::new(features, encoder, Some(labels)), placement.device())
    }

    /// Loads a recogniser: an encoder and the decoder that it was trained with.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, or the fields that do not fit.
    pub fn load_recogniser(
        checkpoint: &Checkpoint,
        placement: impl Into<Placement>,
    ) -> Result<Self, LoadError> {
        let placement = placement.into().without_autodiff();
        let Recogniser { ears, writer, longest } = recognisers::load(checkpoint, &placement)?;
        if let Some(problem) = ears.problem() {
            return Err(LoadError::Mismatch { problems: vec![problem] });
        }
        Ok(Self::join(ears, writer, longest, placement.device().clone()))
    }

    /// Loads a published speech language model.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, or the fields that do not fit.
    pub fn load_speech_llm(
        checkpoint: &Checkpoint,
        placement: impl Into<Placement>,
    ) -> Result<Self, LoadError> {
        let placement = placement.into().without_autodiff();
        let (ears, writer) = SpeechLlm::load(checkpoint, &placement)?;
        let writer = AnyWriter::SpeechLlm(Box::new(writer));
        Ok(Self::join(ears, writer, MAX_SEGMENT_SECONDS, placement.device().clone()))
    }

    /// Joins the parts of a bundle that are on `device`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Mismatch`] with all pairs of fields that contradict each other, and a tokenizer with ids that have no
    /// row.
    pub fn new(parts: SpeechParts, device: &Device) -> Result<Self, LoadError> {
        let max_segment_seconds = parts.max_segment_seconds;
        let device = device.clone().without_autodiff();
        let (ears, adapted) = parts.join(&device)?;
        Ok(Self::join(ears, AnyWriter::Adapted(Box::new(adapted)), max_segment_seconds, device))
    }

    /// An encoder on `device` whose labels are the text.
    ///
    /// # Errors
    ///
    /// [`LoadError::Mismatch`] for features of another width or an encoder without a head, and a tokenizer that is missing
    /// or has ids without a row.
    pub fn ctc(ears: Ears, device: &Device) -> Result<Self, LoadError> {
        let no_labels = "a model of labels alone needs a CTC head and a tokenizer for its labels".to_owned();
        let no_labels = ears.heard_labels().is_none().then_some(no_labels);
        let problems: Vec<String> = ears.problem().into_iter().chain(no_labels).collect();
        let Some(labels) = ears.labels.clone().filter(|_| problems.is_empty()) else {
            return Err(LoadError::Mismatch { problems });
        };
        ears.check_labels()?;
        let writer = AnyWriter::Ctc(CtcWriter::new(labels));
        Ok(Self::join(ears, writer, MAX_SEGMENT_SECONDS, device.clone().without_autodiff()))
    }

    fn join(ears: Ears, writer: AnyWriter, max_segment_seconds: f64, device: Device) -> Self {
        let memory = MemoryBudget::default().bytes();
        Self { ears, writer, max_segment_seconds, device, memory, max_batch: MAX_BATCH }
    }

    /// The same ears with another writer.
    pub(super) fn with_writer(mut self, writer: AnyWriter) -> Self {
        self.writer = writer;
        self
    }

    /// Phrases the tasks that `templates` has in its words.
    ///
    /// # Errors
    ///
    /// [`LoadError::Template`] when they cannot be used beside the others, and [`LoadError::NoInstructions`].
    pub fn with_templates(mut self, templates: Templates) -> Result<Self, LoadError> {
        self.writer.of_mut().set_templates(templates)?;
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

    /// What it hears with.
    pub fn ears(&self) -> &Ears {
        &self.ears
    }

    /// What writes its answers.
    pub fn writer(&self) -> &AnyWriter {
        &self.writer
    }

    /// The adapter and the language model, of a model that has them.
    pub fn adapted(&self) -> Option<&Adapted> {
        match &self.writer {
            AnyWriter::Adapted(adapted) => Some(adapted),
            _ => None,
        }
    }

    /// The projector and the language model, of a published speech language model.
    pub fn speech_llm(&self) -> Option<&SpeechLlm> {
        match &self.writer {
            AnyWriter::SpeechLlm(writer) => Some(writer),
            _ => None,
        }
    }

    pub(super) fn writes(&self) -> &dyn Writer {
        self.writer.of()
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The keys of its tasks.
    pub fn tasks(&self) -> Vec<String> {
        self.writes().tasks()
    }

    /// Whether it knows what to do for a task.
    pub fn knows(&self, task: &Task) -> bool {
        self.writes().knows(task).is_ok()
    }

    /// How a task is decoded: as the language model's folder says, and where the bundle says otherwise for this task, as
    /// that does.
    pub fn decoding(&self, task: &Task) -> DecodeConfig {
        self.writes().decoding(task)
    }

    /// The task, decoded as the model wants it.
    pub fn request(&self, task: Task) -> Request {
        let mut request = Request { decode: self.decoding(&task), ..Request::new(task) };
        if let Some(threshold) = self.ears.no_speech_threshold() {
            request.segmentation.no_speech_threshold = threshold;
        }
        request
    }

    /// Prepares phrases for requests: at most five in an instruction, and put into a transcript where the sound supports
    /// them.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoLabels`] when the encoder has no CTC head or there is no tokenizer for its labels.
    pub fn phrases(&self, list: &PhraseList) -> Result<Phrases, SpeechError> {
        self.ears.phrases(list)
    }

    /// Encodes 16 kHz samples, each one utterance that is not empty, as one batch.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Encoder`] when the device fails.
    pub fn encode(&self, audios: &[&[f32]]) -> Result<Vec<EncodedSpeech>, SpeechError> {
        Ok(self.listen(audios)?.into_iter().map(|output| output.speech).collect())
    }

    /// The same, with all that the CTC head says.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    pub fn listen(&self, audios: &[&[f32]]) -> Result<Vec<EncoderOutput>, SpeechError> {
        self.ears.listen(audios, &self.device, &Watch::default())
    }

    /// Checks what can be checked of a request before there is an input.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] that every input would give.
    pub fn check(&self, request: &Request) -> Result<(), SpeechError> {
        self.writes().check(request, self.longest_segment(request))?;
        if request.decode.ctc_weight.is_some() && !self.writes().weighs_sound(&request.task) {
            let problem =
                "`ctc_weight` is for transcripts of a language model behind an encoder with a CTC head";
            return Err(DecodeError::Config { problems: vec![problem.to_owned()] }.into());
        }
        request.segmentation.check()
    }

    /// Seconds from a state of the encoder to the next.
    pub fn state_seconds(&self) -> f64 {
        self.ears.state_seconds()
    }

    /// The longest segment in seconds, as the model was trained.
    pub fn max_segment_seconds(&self) -> f64 {
        self.max_segment_seconds
    }

    /// The longest segment of a request in seconds.
    pub fn longest_segment(&self, request: &Request) -> f64 {
        request.segmentation.max_segment.unwrap_or(self.max_segment_seconds)
    }
}
