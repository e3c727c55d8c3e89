//! A model that answers: the way in for applications.

use std::path::Path;
use std::sync::Arc;

use super::answer::Answer;
use super::cache::EncoderCache;
use super::cancel::CancelToken;
use super::capabilities::{Capabilities, Limits};
use super::contents::Contents;
use super::description::{ModelDescription, estimate};
use super::error::{Error, MemoryShortage};
use super::memory::{MAX_BATCH, MAX_CPU_BATCH, MemoryBudget, free_memory};
use super::open::{BackendReport, OpenOptions};
use super::request::Request;
use super::speech::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS, SpeechModel};
use crate::audio::SAMPLE_RATE;
use crate::ctc::{MAX_PHRASE_CHARS, MAX_PHRASES, PhraseList};
use crate::decode::{DecodeConfig, settings};
use crate::nn::weights::Placement;
use crate::prompt::{Phrases, Task};

/// A model that answers. Clones share the weights, and any number of threads may use them at once.
#[derive(Debug, Clone)]
pub struct Model(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    model: SpeechModel,
    capabilities: Capabilities,
    limits: Limits,
    backend: BackendReport,
    cache: Arc<EncoderCache>,
}

// Applications share a model between threads, so that this is checked when it is compiled.
const _: () = {
    const fn is_shared<T: Clone + Send + Sync>() {}
    is_shared::<Model>();
};

impl Model {
    /// Opens the model at `path`: a bundle, which is what `slm-train` writes, or a speech encoder with a CTC head, which
    /// transcribes. [`capabilities`](Self::capabilities) says what it can do.
    ///
    /// # Errors
    ///
    /// [`Error`] of a class that says what can be done: a file is damaged, memory is short, no device computes, it was
    /// cancelled.
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, Error> {
        let cancel = options.cancel.clone();
        let contents = Contents::open(path.as_ref(), &|| !cancel.is_cancelled())?;
        contents.check_answers()?;
        check_memory(&contents, options)?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let (device, backend) = options.backend.find()?;
        options.compute.check(&device)?;
        let placement = Self::placement(&device, options);
        let model = contents.load(placement)?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let max_batch = if backend.used.is_accelerator() { MAX_BATCH } else { MAX_CPU_BATCH };
        let model = model.with_memory(options.memory.bytes()).with_max_batch(max_batch);
        let model = match &options.templates {
            Some(templates) => model.with_templates(templates.clone())?,
            None => model,
        };
        let cache = Arc::new(EncoderCache::new(options.cache_bytes));
        let (capabilities, limits) = (capabilities(&model), limits(&model));
        Ok(Self(Arc::new(Inner { model, capabilities, limits, backend, cache })))
    }

    /// Says what lies at `path`, without loading it.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file that is missing, damaged, or of no known family.
    pub fn describe(path: impl AsRef<Path>) -> Result<ModelDescription, Error> {
        ModelDescription::read(path.as_ref())
    }

    /// What it can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.0.capabilities
    }

    /// How much it takes at once.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// What it computes on, and what was tried.
    pub fn backend(&self) -> &BackendReport {
        &self.0.backend
    }

    /// How the model wants a task decoded.
    pub fn decoding(&self, task: &Task) -> DecodeConfig {
        self.0.model.decoding(task)
    }

    /// The task, decoded as the model wants it.
    pub fn request(&self, task: Task) -> Request {
        self.0.model.request(task)
    }

    /// Prepares phrases that may be said for requests.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the model cannot look for phrases.
    pub fn phrases(&self, list: &PhraseList) -> Result<Phrases, Error> {
        Ok(self.0.model.phrases(list)?)
    }

    /// Checks what can be checked of a request before there is an input.
    ///
    /// # Errors
    ///
    /// [`Error`] that every input would give.
    pub fn check(&self, request: &Request) -> Result<(), Error> {
        Ok(self.0.model.check(request)?)
    }

    /// Answers a request with the words of `text` in the place of speech, until `cancel` ends it.
    ///
    /// # Errors
    ///
    /// [`Error`] of the request or the device, and [`Error::Cancelled`].
    pub fn answer_text(&self, text: &str, request: &Request, cancel: &CancelToken) -> Result<Answer, Error> {
        self.check(request)?;
        let texts = [(text, &request.task)];
        let answers = self.0.model.respond_to_text_watched(&texts, request, &cancel.watch())?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// How often the encoder's output for a stretch of audio was found and not computed again.
    pub fn encoder_cache_hits(&self) -> u64 {
        self.0.cache.hits()
    }

    /// The parts, for those who build models.
    pub fn speech_model(&self) -> &SpeechModel {
        &self.0.model
    }

    pub(super) fn cache(&self) -> &Arc<EncoderCache> {
        &self.0.cache
    }

    fn placement(device: &burn::tensor::Device, options: &OpenOptions) -> Placement {
        use std::ops::ControlFlow;
        let (progress, cancel) = (options.progress.clone(), options.cancel.clone());
        Placement::new(device).with_compute(options.compute).with_observer(move |loaded| {
            if let Some(progress) = &progress {
                progress(loaded);
            }
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }
}

/// Refuses a model that does not fit into memory before it is loaded.
fn check_memory(contents: &Contents, options: &OpenOptions) -> Result<(), Error> {
    let estimate = estimate(contents, options.compute)?;
    let available = free_memory();
    if estimate.weights > available {
        let needed = estimate.weights;
        return Err(MemoryShortage { what: "the model's weights", needed, available }.into());
    }
    if let MemoryBudget::Bytes(available) = options.memory
        && estimate.working > available
    {
        let needed = estimate.working;
        return Err(MemoryShortage { what: "work on a segment of 30 s", needed, available }.into());
    }
    Ok(())
}

fn capabilities(model: &SpeechModel) -> Capabilities {
    let tasks = model.tasks();
    let targets = tasks.iter().filter_map(|key| key.strip_prefix("translate.")).map(str::to_owned);
    let hears_labels = model.ears().heard_labels().is_some();
    Capabilities {
        translation_targets: targets.collect(),
        word_timestamps: hears_labels || model.writer().tells_times(),
        streaming: true,
        phrases: hears_labels,
        sample_rate: SAMPLE_RATE,
        tasks,
    }
}

fn limits(model: &SpeechModel) -> Limits {
    let segment_seconds = model.max_segment_seconds();
    Limits {
        whole_audio_seconds: model.whole_seconds(),
        batch: model.batch_rows(segment_seconds),
        segment_seconds,
        phrases: MAX_PHRASES,
        phrase_chars: MAX_PHRASE_CHARS,
        instruction_tokens: MAX_INSTRUCTION_TOKENS,
        text_tokens: MAX_TEXT_TOKENS,
        answer_tokens: settings::MAX_NEW_TOKENS,
        beams: settings::MAX_BEAMS,
    }
}
