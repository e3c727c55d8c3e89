//! Loads the parts out of the folder, and says whether they fit.

use serde_json::Map;

use super::families;
use super::model::SpeechLlm;
use super::published::{INSTRUCTION_TOKENS, Words};
use crate::checkpoint::Checkpoint;
use crate::ctc::label_tokenizer;
use crate::encoder::{self, SpeechEncoder};
use crate::engine::speech::ears::Ears;
use crate::engine::speech::error::LoadError;
use crate::engine::speech::texts::token_limit;
use crate::features::FeatureExtractor;
use crate::llm::{Attachment, LanguageModel, LlmSizes};
use crate::nn::weights::{Placement, parameter_count};
use crate::prompt::{ChatForm, SpeechJoint};

/// The keys of the tasks of a folder.
pub(in crate::engine) fn tasks(checkpoint: &Checkpoint) -> Result<Vec<String>, LoadError> {
    Ok(families::open(checkpoint)?.templates()?.keys().map(str::to_owned).collect())
}

/// Bytes of the work on a stretch of `seconds`, which has `frames` feature frames, from the configs alone.
pub(in crate::engine) fn working_bytes(
    checkpoint: &Checkpoint,
    frames: usize,
    seconds: f64,
) -> Result<u64, LoadError> {
    let (folder, encoder) = (families::open(checkpoint)?, encoder::sizes(checkpoint)?);
    let source = folder.embeddings(frames.div_ceil(encoder.stride()))? + INSTRUCTION_TOKENS;
    let writing = folder.language_model_config()?.working_bytes(1, source, token_limit(seconds));
    Ok(encoder.working_bytes(1, frames).max(writing))
}

/// The values of a folder's parts, the adapter aside, as far as `placement` reads them.
pub(in crate::engine) fn parameters(
    checkpoint: &Checkpoint,
    placement: &Placement,
) -> Result<usize, LoadError> {
    let encoder = SpeechEncoder::load(checkpoint, placement)?;
    let folder = families::open(checkpoint)?;
    let (projector, writing) = (folder.projector(placement)?, folder.language_model(placement)?);
    Ok(parameter_count(encoder) + parameter_count(projector) + parameter_count(writing))
}

impl SpeechLlm {
    /// Loads what hears and what writes; all weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, or the fields that do not fit.
    pub fn load(checkpoint: &Checkpoint, placement: &Placement) -> Result<(Ears, Self), LoadError> {
        let folder = families::open(checkpoint)?;
        // The small files come first, so that one that is missing is told at once.
        let features = FeatureExtractor::from_checkpoint(checkpoint)?;
        let Words { tokenizer, chat, decode } = folder.words()?;
        let adapter = folder.adapter()?;

        let encoder = SpeechEncoder::load(checkpoint, placement)?;
        let labels = label_tokenizer(encoder.sizes(), checkpoint)?;
        let projector = folder.projector(placement)?;
        let reading = folder.language_model(placement)?;
        let hearing = match &adapter {
            Some(adapter) => reading.with_lora(adapter, Attachment::Apart)?,
            None => reading.clone(),
        };
        let reading = LanguageModel::Causal(reading);
        let form = ChatForm::new(chat, Map::new(), SpeechJoint::Nothing, reading.ends())?;
        let ears = Ears::new(features, encoder, labels);
        let writer = Self {
            projector,
            hearing: LanguageModel::Causal(hearing),
            reading,
            tokenizer,
            decode,
            templates: folder.templates()?,
            basis: folder.basis(),
            form,
            device: placement.device().clone(),
        };
        let problems: Vec<String> = ears.problem().into_iter().chain(writer.problem(&ears)).collect();
        if !problems.is_empty() {
            return Err(LoadError::Mismatch { problems });
        }
        writer.tokenizer.check_rows(writer.reading.vocab_size())?;
        Ok((ears, writer))
    }

    /// Widths that contradict each other, as a text.
    fn problem(&self, ears: &Ears) -> Option<String> {
        let (read, given) = (self.projector.input_width(), ears.encoder.output_width());
        (read != given).then(|| format!("the projector reads width {read}, the encoder's width is {given}"))
    }
}
