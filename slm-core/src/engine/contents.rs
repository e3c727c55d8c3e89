//! What lies at a path: the one place that decides it, and that knows what each kind is made of and can do.
//!
//! A further kind is a variant here, its loading in `speech/`, and nothing else in the engine.

use std::path::{Path, PathBuf};

use super::capabilities::{Capabilities, WordTimes};
use super::error::{Error, Message};
use super::speech::{
    LoadError, MAX_SEGMENT_SECONDS, SPEECH_LLM_TYPES, SpeechModel, recogniser_named, recogniser_of,
    speech_llm_bytes, speech_llm_tasks,
};
use crate::audio::SAMPLE_RATE;
use crate::checkpoint::bundle::{Bundle, MANIFEST_NAME};
use crate::checkpoint::nemo::SALM_TYPE;
use crate::checkpoint::{
    ADAPTER_CONFIG_FILE, CONFIG_FILE, Checkpoint, Layout, PREPROCESSOR_FILE, PROCESSOR_FILE, TOKENIZER_FILES,
};
use crate::ctc::label_tokenizer;
use crate::encoder::{self, SpeechEncoder};
use crate::features::FeatureExtractor;
use crate::llm::{self, LanguageModel, Lora};
use crate::nn::weights::{ComputeType, Placement, ValueRange};
use crate::prompt::Task;
use crate::text::TextTokenizer;

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelKind {
    /// A speech encoder, an adapter and a language model, joined by `slm.json`. It answers.
    Bundle,
    /// Encoder, projector and language model in one published folder. It answers.
    SpeechLlm,
    /// A speech encoder with a CTC head. It transcribes, by the labels of its head.
    CtcModel,
    /// A speech encoder and a decoder that writes what it hears. It transcribes, and translates where it learnt it.
    Recogniser,
    /// A speech encoder alone.
    SpeechEncoder,
    /// A language model alone.
    LanguageModel,
    /// What was learnt beside a language model, which is not here.
    LoraAdapter,
}

/// A model of each kind, its files known and not loaded.
pub(super) enum Contents {
    Bundle(Box<Bundle>),
    SpeechLlm { checkpoint: Checkpoint, tasks: Vec<String> },
    CtcModel(Checkpoint),
    Recogniser { checkpoint: Checkpoint, tasks: Vec<String> },
    SpeechEncoder(Checkpoint),
    LanguageModel(Checkpoint),
    LoraAdapter(Checkpoint),
}

/// A part of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Encoder,
    /// An encoder that needs the tokenizer of its labels.
    LabelledEncoder,
    /// An encoder with the decoder that it was trained with.
    Recogniser,
    Llm,
    Adapter,
    /// A whole speech language model.
    SpeechLlm,
    /// The same of NeMo, whose settings are all in its config.
    NemoSpeechLlm,
    /// An adapter of PEFT.
    Lora,
}

/// Files that a part needs, each with those that can stand for it.
type Needs = &'static [(&'static str, &'static [&'static str])];

/// A `model_type` that nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("cannot load config `{}`: `model_type` is `{found}`, known are {}", path.display(), known.join(", "))]
pub(super) struct UnknownFamily {
    path: PathBuf,
    found: String,
    known: Vec<&'static str>,
}

/// Features of another width than the encoder reads.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: features have width {features}, the encoder reads {encoder}", place.display())]
struct FeatureWidth {
    place: PathBuf,
    features: usize,
    encoder: usize,
}

impl ModelKind {
    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::SpeechLlm => "speech language model",
            Self::CtcModel => "speech encoder with a CTC head",
            Self::Recogniser => "speech recogniser",
            Self::SpeechEncoder => "speech encoder",
            Self::LanguageModel => "language model",
            Self::LoraAdapter => "LoRA adapter",
        }
    }

    /// What one can do with it.
    pub fn use_for(self) -> &'static str {
        match self {
            Self::Bundle => "the tasks of its templates",
            Self::SpeechLlm => "`transcribe`, `translate`, `ask` and other instructions",
            Self::CtcModel => {
                "`transcribe`, with phrases, times of words and how sure it is of each; as the encoder of a bundle"
            }
            Self::Recogniser => {
                "`transcribe`, and `translate` where it learnt it; its encoder as that of a bundle"
            }
            Self::SpeechEncoder => "nothing alone; as the encoder of a bundle",
            Self::LanguageModel => "nothing alone; as the language model of a bundle",
            Self::LoraAdapter => "nothing alone; added to the language model that it was made for",
        }
    }
}

impl Contents {
    /// Says what lies at `place`. The hashes of a bundle are compared, unless `keep_going` says no in between.
    pub(super) fn open(place: &Path, keep_going: &dyn Fn() -> bool) -> Result<Self, Error> {
        if place.join(MANIFEST_NAME).exists() {
            return Ok(Self::Bundle(Box::new(Bundle::open_watched(place, keep_going)?)));
        }
        let checkpoint = Checkpoint::open(place)?;
        if checkpoint.layout() == Layout::HuggingFace && !checkpoint.has(CONFIG_FILE) {
            if checkpoint.has(ADAPTER_CONFIG_FILE) {
                return Ok(Self::LoraAdapter(checkpoint));
            }
            let place = place.display();
            let message =
                format!("cannot open model `{place}`: it has neither `{MANIFEST_NAME}` nor `{CONFIG_FILE}`");
            return Err(Error::Damaged(Box::new(Message(message))));
        }
        let model_type = checkpoint.model_type()?;
        // A config without a family is T5's, where it looks like one.
        let found = model_type.as_deref().unwrap_or("absent");
        if SPEECH_LLM_TYPES.contains(&found) {
            let tasks = speech_llm_tasks(&checkpoint)?;
            return Ok(Self::SpeechLlm { checkpoint, tasks });
        }
        if let Some(family) = recogniser_named(found)
            && (family.is_whole)(&checkpoint.weights()?)
        {
            let tasks = (family.tasks)(&checkpoint)?;
            return Ok(Self::Recogniser { checkpoint, tasks });
        }
        if encoder::family_of(found).is_some() {
            let has_head = encoder::labels(&checkpoint)?.is_some();
            return Ok(if has_head { Self::CtcModel(checkpoint) } else { Self::SpeechEncoder(checkpoint) });
        }
        if llm::family_of(found).is_some() {
            return Ok(Self::LanguageModel(checkpoint));
        }
        let known = encoder::model_types().into_iter().chain(llm::model_types()).collect();
        let path = checkpoint.path_of(CONFIG_FILE);
        Err(Error::Unsupported(Box::new(UnknownFamily { path, found: found.to_owned(), known })))
    }

    pub(super) fn kind(&self) -> ModelKind {
        match self {
            Self::Bundle(_) => ModelKind::Bundle,
            Self::SpeechLlm { .. } => ModelKind::SpeechLlm,
            Self::CtcModel(_) => ModelKind::CtcModel,
            Self::Recogniser { .. } => ModelKind::Recogniser,
            Self::SpeechEncoder(_) => ModelKind::SpeechEncoder,
            Self::LanguageModel(_) => ModelKind::LanguageModel,
            Self::LoraAdapter(_) => ModelKind::LoraAdapter,
        }
    }

    /// The models that it is made of.
    pub(super) fn parts(&self) -> Result<Vec<(Part, Checkpoint)>, Error> {
        Ok(match self {
            Self::Bundle(bundle) => vec![
                (Part::Encoder, bundle.encoder()?),
                (Part::Llm, bundle.llm()?),
                (Part::Adapter, bundle.adapter()?),
            ],
            Self::SpeechLlm { checkpoint, .. } => {
                let is_of_nemo = checkpoint.model_type()?.as_deref() == Some(SALM_TYPE);
                let part = if is_of_nemo { Part::NemoSpeechLlm } else { Part::SpeechLlm };
                vec![(part, checkpoint.clone())]
            }
            Self::CtcModel(checkpoint) => vec![(Part::LabelledEncoder, checkpoint.clone())],
            Self::Recogniser { checkpoint, .. } => vec![(Part::Recogniser, checkpoint.clone())],
            Self::SpeechEncoder(checkpoint) => vec![(Part::Encoder, checkpoint.clone())],
            Self::LanguageModel(checkpoint) => vec![(Part::Llm, checkpoint.clone())],
            Self::LoraAdapter(checkpoint) => vec![(Part::Lora, checkpoint.clone())],
        })
    }

    /// The forms of its parts that are there, in their order; none for a part that has but one without a name.
    pub(super) fn forms(&self) -> Vec<Option<String>> {
        match self {
            Self::Bundle(bundle) => bundle.forms().into(),
            _ => vec![None],
        }
    }

    /// The keys of the tasks that it can do.
    pub(super) fn tasks(&self) -> Vec<String> {
        match self {
            Self::Bundle(bundle) => bundle.manifest().templates.keys().cloned().collect(),
            Self::CtcModel(_) => vec![Task::Transcribe.key()],
            Self::SpeechLlm { tasks, .. } | Self::Recogniser { tasks, .. } => tasks.clone(),
            Self::SpeechEncoder(_) | Self::LanguageModel(_) | Self::LoraAdapter(_) => Vec::new(),
        }
    }

    /// What it can do, without loading it.
    pub(super) fn capabilities(&self) -> Result<Capabilities, Error> {
        let hears_labels = match self {
            Self::Bundle(bundle) => {
                let encoder = bundle.encoder()?;
                spells(&encoder)?
            }
            Self::SpeechLlm { checkpoint, .. } => spells(checkpoint)?,
            Self::CtcModel(_) => true,
            Self::Recogniser { checkpoint, .. } => {
                return Ok(Capabilities::of(self.tasks(), recogniser_of(checkpoint)?.times));
            }
            Self::SpeechEncoder(_) | Self::LanguageModel(_) | Self::LoraAdapter(_) => false,
        };
        let times = if hears_labels { WordTimes::Labels } else { WordTimes::Nothing };
        Ok(Capabilities::of(self.tasks(), times))
    }

    /// Refuses what answers nothing by itself, before anything is loaded.
    pub(super) fn check_answers(&self) -> Result<(), Error> {
        match self {
            Self::Bundle(_) | Self::SpeechLlm { .. } | Self::CtcModel(_) | Self::Recogniser { .. } => Ok(()),
            Self::SpeechEncoder(checkpoint)
            | Self::LanguageModel(checkpoint)
            | Self::LoraAdapter(checkpoint) => Err(no_answers(checkpoint, self.kind())),
        }
    }

    /// Loads a model that answers.
    pub(super) fn load(&self, placement: Placement) -> Result<SpeechModel, Error> {
        match self {
            Self::Bundle(bundle) => Ok(SpeechModel::load(bundle, placement)?),
            Self::SpeechLlm { checkpoint, .. } => Ok(SpeechModel::load_speech_llm(checkpoint, placement)?),
            Self::CtcModel(checkpoint) => Ok(SpeechModel::load_ctc(checkpoint, placement)?),
            Self::Recogniser { checkpoint, .. } => Ok(SpeechModel::load_recogniser(checkpoint, placement)?),
            Self::SpeechEncoder(checkpoint)
            | Self::LanguageModel(checkpoint)
            | Self::LoraAdapter(checkpoint) => Err(no_answers(checkpoint, self.kind())),
        }
    }

    /// The folder of a further adapter for this model: `place` itself, or the adapter's part of another bundle, which must
    /// have been trained for the same models.
    pub(super) fn adapter(&self, place: &Path, keep_going: &dyn Fn() -> bool) -> Result<Checkpoint, Error> {
        if !place.join(MANIFEST_NAME).exists() {
            return Ok(Checkpoint::open(place)?);
        }
        let other = Bundle::open_watched(place, keep_going)?;
        if let Self::Bundle(bundle) = self {
            let (own, others) = (&bundle.manifest().parts, &other.manifest().parts);
            for (part, own, others) in
                [("speech encoder", &own.encoder, &others.encoder), ("language model", &own.llm, &others.llm)]
            {
                if !own.has_form_of(others) {
                    return Err(LoadError::OtherBase { place: place.to_owned(), part }.into());
                }
            }
        }
        Ok(other.adapter()?)
    }

    /// Loads everything, and checks that all values are finite and that the parts fit; of one model alone it gives the
    /// range of its values.
    pub(super) fn verify(&self, placement: Placement) -> Result<Option<ValueRange>, Error> {
        match self {
            Self::Bundle(bundle) => {
                SpeechModel::load(bundle, placement)?;
                Ok(None)
            }
            Self::SpeechLlm { checkpoint, .. } => {
                SpeechModel::load_speech_llm(checkpoint, placement)?;
                Ok(None)
            }
            // Without a tokenizer it is sound as a part of others.
            Self::CtcModel(checkpoint) | Self::SpeechEncoder(checkpoint) => {
                let model = SpeechEncoder::load(checkpoint, placement)?;
                check_width(checkpoint, model.input_width())?;
                if let (Some(labels), Some(tokenizer)) = (model.labels(), TextTokenizer::find(checkpoint)?) {
                    tokenizer.check_rows(labels)?;
                }
                Ok(ValueRange::of(&model))
            }
            Self::Recogniser { checkpoint, .. } => {
                let encoder = SpeechEncoder::load(checkpoint, placement.clone())?;
                check_width(checkpoint, encoder.input_width())?;
                let family = recogniser_of(checkpoint)?;
                let range = (family.range)(checkpoint, encoder, &placement)?;
                if let Some(tokenizer) = TextTokenizer::find(checkpoint)? {
                    tokenizer.check_rows((family.rows)(checkpoint)?)?;
                }
                Ok(range)
            }
            Self::LanguageModel(checkpoint) => {
                let model = LanguageModel::load(checkpoint, placement)?;
                TextTokenizer::from_checkpoint(checkpoint)?.check_rows(model.vocab_size())?;
                Ok(ValueRange::of(&model))
            }
            Self::LoraAdapter(checkpoint) => {
                Lora::load(checkpoint)?;
                Ok(None)
            }
        }
    }
}

/// Refuses features of another width than the encoder reads.
pub(super) fn check_width(checkpoint: &Checkpoint, encoder: usize) -> Result<(), Error> {
    let features = FeatureExtractor::from_checkpoint(checkpoint)?.width();
    if features == encoder {
        return Ok(());
    }
    let place = checkpoint.place().to_owned();
    Err(Error::Damaged(Box::new(FeatureWidth { place, features, encoder })))
}

/// Why a model of a kind that is only a part of others is not opened.
fn no_answers(checkpoint: &Checkpoint, kind: ModelKind) -> Error {
    let (place, name) = (checkpoint.place().display(), kind.name());
    let lacks = if kind == ModelKind::SpeechEncoder { ", which has no CTC head" } else { "" };
    let message =
        format!("cannot open model `{place}`: it has no `{MANIFEST_NAME}`; it is a {name} alone{lacks}");
    Error::Unsupported(Box::new(Message(message)))
}

/// Whether an encoder has labels of which it is known what they spell.
fn spells(encoder: &Checkpoint) -> Result<bool, Error> {
    let sizes = encoder::sizes(encoder)?;
    Ok(encoder::labels(encoder)?.is_some() && label_tokenizer(&*sizes, encoder)?.is_some())
}

impl Part {
    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Encoder | Self::LabelledEncoder => "encoder",
            Self::Recogniser => "recogniser",
            Self::Llm => "llm",
            Self::Adapter => "adapter",
            Self::SpeechLlm | Self::NemoSpeechLlm => "model",
            Self::Lora => "LoRA adapter",
        }
    }

    /// The type of its large matrices where `asked` is asked for: adapters are in f32 always.
    pub(super) fn compute(self, asked: ComputeType) -> ComputeType {
        if self == Self::Adapter { ComputeType::F32 } else { asked }
    }

    /// Files that it needs beside the weights.
    pub(super) fn needs(self) -> Needs {
        const FEATURES: (&str, &[&str]) = (PREPROCESSOR_FILE, &[PREPROCESSOR_FILE, PROCESSOR_FILE]);
        const TOKENIZER: (&str, &[&str]) = (TOKENIZER_FILES[0], &TOKENIZER_FILES);
        match self {
            Self::Encoder => &[FEATURES],
            Self::LabelledEncoder | Self::Recogniser | Self::SpeechLlm => &[FEATURES, TOKENIZER],
            Self::Llm => &[TOKENIZER],
            Self::Adapter | Self::NemoSpeechLlm | Self::Lora => &[],
        }
    }

    /// Bytes of its work on a segment.
    pub(super) fn working(self, checkpoint: &Checkpoint) -> Result<u64, Error> {
        match self {
            Self::Recogniser => Ok((recogniser_of(checkpoint)?.working)(checkpoint)?),
            Self::Encoder | Self::LabelledEncoder => {
                Ok(encoder::sizes(checkpoint)?.working_bytes(1, segment_frames(checkpoint)))
            }
            Self::SpeechLlm | Self::NemoSpeechLlm => {
                Ok(speech_llm_bytes(checkpoint, segment_frames(checkpoint), MAX_SEGMENT_SECONDS)?)
            }
            Self::Llm => {
                // It reads the soft tokens of a segment, 10 a second, and writes as many.
                let tokens = 10 * MAX_SEGMENT_SECONDS as usize;
                Ok(llm::sizes(checkpoint)?.working_bytes(1, tokens, tokens))
            }
            Self::Adapter | Self::Lora => Ok(0),
        }
    }
}

/// Feature frames of the longest segment.
fn segment_frames(checkpoint: &Checkpoint) -> usize {
    // Without its settings the usual 10 ms.
    let hop = FeatureExtractor::from_checkpoint(checkpoint).map_or(160, |features| features.hop());
    (MAX_SEGMENT_SECONDS * f64::from(SAMPLE_RATE) / hop as f64) as usize
}
