//! The parts of a bundle's model, and whether they fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::prelude::*;

use super::adapted::{Adapted, Spelling};
use super::ears::Ears;
use super::error::LoadError;
use crate::adapter::{Adapter, AdapterConfig};
use crate::checkpoint::bundle::TaskDecoding;
use crate::decode::DecodeConfig;
use crate::encoder::{EncoderSizes, SpeechEncoder, layers_problem};
use crate::features::FeatureExtractor;
use crate::llm::{Attachment, LanguageModel, Lora};
use crate::prompt::{PromptForm, SpeechRows, Templates};
use crate::text::TextTokenizer;

/// The parts of a bundle, of which a [`SpeechModel`](super::SpeechModel) is made; all tensors are on one device, without
/// autodiff.
#[derive(Debug, Clone)]
pub struct SpeechParts {
    /// The encoder's features.
    pub features: FeatureExtractor,
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// The adapter.
    pub adapter: Adapter,
    /// The language model.
    pub llm: LanguageModel,
    /// The thin matrices that were trained beside it, where there are some.
    pub lora: Option<Arc<Lora>>,
    /// The language model's tokenizer.
    pub tokenizer: TextTokenizer,
    /// How an instruction and speech become what the language model reads.
    pub form: PromptForm,
    /// The tokenizer of the encoder's CTC labels, where there is one.
    pub labels: Option<TextTokenizer>,
    /// The phrasings of the tasks.
    pub templates: Templates,
    /// How the language model is decoded where neither a task nor a request says it.
    pub decode: DecodeConfig,
    /// What tasks want otherwise, by their keys.
    pub task_decoding: BTreeMap<String, TaskDecoding>,
    /// The longest segment in seconds, as the model was trained.
    pub max_segment_seconds: f64,
}

impl SpeechParts {
    /// Joins parts that are on `device`: what hears, and what writes.
    ///
    /// # Errors
    ///
    /// [`LoadError::Mismatch`] with all pairs of fields that contradict each other, thin matrices of another language model,
    /// a tokenizer with ids that have no row, and [`LoadError::Rows`].
    pub(super) fn join(self, device: &Device) -> Result<(Ears, Adapted), LoadError> {
        let ears = Ears::new(self.features, self.encoder, self.labels);
        let llm = match &self.lora {
            Some(lora) => self.llm.with_lora(lora, Attachment::Apart)?,
            None => self.llm.clone(),
        };
        let reduction = self.adapter.config().shape.reduction;
        let adapted = Adapted {
            rows: SpeechRows::new(reduction, ears.heard_labels(), &self.tokenizer, &llm)?,
            spelling: ears.heard_labels().map(Spelling::of),
            adapter: self.adapter,
            llm,
            base: self.llm,
            tokenizer: self.tokenizer,
            form: self.form,
            templates: self.templates,
            decode: self.decode,
            task_decoding: self.task_decoding,
            device: device.clone(),
        };
        let problems: Vec<String> = ears.problem().into_iter().chain(between(&ears, &adapted)).collect();
        if !problems.is_empty() {
            return Err(LoadError::Mismatch { problems });
        }
        adapted.tokenizer.check_rows(adapted.llm.vocab_size())?;
        ears.check_labels()?;
        Ok((ears.hearing(&adapted.adapter.config().shape.encoder_layers), adapted))
    }
}

/// Fields of what hears and what writes that contradict each other, one text a pair.
pub(super) fn between(ears: &Ears, adapted: &Adapted) -> Vec<String> {
    let (encoder, llm) = (&ears.encoder, &adapted.llm);
    misfits(adapted.adapter.config(), encoder.sizes(), encoder.labels(), llm.d_model())
}

/// Fields of an adapter that contradict what hears and what writes, one text each: the encoder's sizes and labels, and the
/// language model's width.
pub(in crate::engine) fn misfits(
    adapter: &AdapterConfig,
    encoder: &dyn EncoderSizes,
    labels: Option<usize>,
    llm_width: usize,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (one, found, other, expected) in [
        ("adapter `encoder_dim`", adapter.encoder_dim, "the encoder's width", encoder.output_width()),
        ("adapter `llm_dim`", adapter.llm_dim, "language model `d_model`", llm_width),
    ] {
        if found != expected {
            problems.push(format!("{one} is {found}, {other} is {expected}"));
        }
    }
    if adapter.shape.reduction.needs_ctc() && labels.is_none() {
        problems.push("adapter `reduction` needs a CTC head, the encoder has none".to_owned());
    }
    problems.extend(layers_problem(encoder, &adapter.shape.encoder_layers));
    problems
}
