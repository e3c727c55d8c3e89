//! A model that answers: the way in for applications.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::answer::Answer;
use super::cache::EncoderCache;
use super::cancel::CancelToken;
use super::capabilities::{Capabilities, Limits, WordTimes};
use super::contents::Contents;
use super::description::{ModelDescription, estimate};
use super::error::{Error, MemoryShortage};
use super::examine::{self, Finding};
use super::memory::{MAX_BATCH, MAX_CPU_BATCH, MemoryBudget, free_memory};
use super::open::{BackendReport, OpenOptions};
use super::request::Request;
use super::speech::{SpeechError, SpeechModel};
use crate::ctc::{MAX_PHRASE_CHARS, MAX_PHRASES, PhraseList};
use crate::decode::{DecodeConfig, settings};
use crate::nn::weights::Placement;
use crate::prompt::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS, Phrases, Task};

/// A model that answers. Clones share the weights, and any number of threads may use them at once.
#[derive(Debug, Clone)]
pub struct Model(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    model: SpeechModel,
    /// The same with each of the adapters; what the adapters leave alone is shared.
    adapters: BTreeMap<String, SpeechModel>,
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
    /// Opens the model at `path`: a bundle, which is what `slm-train` writes, a speech encoder with a CTC head, which
    /// transcribes, a recogniser or a speech language model. [`capabilities`](Self::capabilities) says what it can do.
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
        let mut adapters = BTreeMap::new();
        for (name, path) in &options.adapters {
            let folder = contents.adapter(path, &|| !cancel.is_cancelled())?;
            adapters.insert(name.clone(), model.with_adapter(&folder, options.attachment)?);
        }
        let cache = Arc::new(EncoderCache::new(options.cache_bytes));
        let times = match model.ears().heard_labels() {
            Some(_) => WordTimes::Labels,
            None if model.writer().tells_times() => WordTimes::Writer,
            None => WordTimes::Nothing,
        };
        let capabilities = Capabilities {
            adapters: adapters.keys().cloned().collect(),
            ..Capabilities::of(model.tasks(), times)
        };
        let limits = limits(&model);
        Ok(Self(Arc::new(Inner { model, adapters, capabilities, limits, backend, cache })))
    }

    /// Says what lies at `path`, without loading it.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file that is missing, damaged, or of no known family.
    pub fn describe(path: impl AsRef<Path>) -> Result<ModelDescription, Error> {
        ModelDescription::read(path.as_ref())
    }

    /// Checks what lies at `path` without reading its tensors: a finding for everything that it needs. With `placement`
    /// goes what the modules are laid out on.
    pub fn examine(path: impl AsRef<Path>, placement: impl Into<Placement>) -> Vec<Finding> {
        examine::examine(path.as_ref(), placement.into())
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
        Ok(self.answering(request)?.check(request)?)
    }

    /// Answers a request with the words of `text` in the place of speech, until `cancel` ends it.
    ///
    /// # Errors
    ///
    /// [`Error`] of the request or the device, and [`Error::Cancelled`].
    pub fn answer_text(&self, text: &str, request: &Request, cancel: &CancelToken) -> Result<Answer, Error> {
        self.check(request)?;
        let texts = [(text, &request.task)];
        let answers = self.answering(request)?.respond_to_text_watched(&texts, request, &cancel.watch())?;
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

    /// The model with the adapter that a request names.
    pub(super) fn answering(&self, request: &Request) -> Result<&SpeechModel, SpeechError> {
        let Some(name) = &request.adapter else { return Ok(&self.0.model) };
        self.0.adapters.get(name).ok_or_else(|| SpeechError::NoAdapter {
            found: name.clone(),
            available: self.0.capabilities.adapters.clone(),
        })
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

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::prelude::*;

    use super::*;
    use crate::engine::ModelKind;
    use crate::engine::backend::Backend;
    use crate::engine::open::BackendChoice;
    use crate::nn::weights::ComputeType;

    #[test]
    fn what_a_model_can_do_is_known_before_it_is_loaded() {
        for path in [
            "weights/slm-tiny",
            "weights/slm-tiny/encoder",
            "tests/fixtures/speech_llm/granite_speech",
            "tests/fixtures/speech_llm/granite_speech_lora",
        ] {
            let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
            let described = Model::describe(&place).unwrap();
            let options = OpenOptions::new().backend(BackendChoice::Named(Backend::Flex));
            let model = Model::open(&place, &options).unwrap();
            assert_eq!(described.capabilities, *model.capabilities(), "{path}");
            // What its config says is what its files have, but for counters of training.
            let of_config = described.memory_by_config(&Device::flex(), ComputeType::F32).unwrap();
            let of_files = described.memory_estimate(ComputeType::F32);
            assert_eq!(of_config.working, of_files.working, "{path}");
            let ratio = of_config.weights as f64 / of_files.weights as f64;
            assert!((0.99..=1.0).contains(&ratio), "{path}: {ratio}");
        }
    }

    #[test]
    fn a_lora_adapter_is_described() {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/lora/queries_values");
        let described = Model::describe(&place).unwrap();
        assert_eq!((described.kind, described.tasks.len()), (ModelKind::LoraAdapter, 0));
        let [adapter] = described.parts.as_slice() else { panic!("{described:?}") };
        assert_eq!(adapter.base.as_deref(), Some("parity/llama_tied"));
        assert!(adapter.weights.tensors > 0 && adapter.missing.is_empty(), "{adapter:?}");
        assert_eq!(described.verify(&Device::flex()).unwrap(), None);
        let error = Model::open(&place, &OpenOptions::new()).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)) && error.to_string().contains("LoRA adapter alone"));
    }
}
