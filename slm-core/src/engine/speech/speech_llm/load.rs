//! Loads the parts out of the folder, and says whether they fit.

use serde_json::Map;

use super::config::SpeechLlmConfig;
use super::instructions::templates;
use super::model::SpeechLlm;
use crate::adapter::WindowQFormer;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, CHAT_TEMPLATE_FILE, Checkpoint};
use crate::decode::DecodeConfig;
use crate::encoder::SpeechEncoder;
use crate::engine::speech::ears::Ears;
use crate::engine::speech::error::LoadError;
use crate::features::FeatureExtractor;
use crate::llm::{Attachment, CausalLm, LanguageModel, Lora};
use crate::nn::weights::{Placement, parameter_count};
use crate::prompt::{ChatForm, SpeechJoint};
use crate::text::TextTokenizer;
use crate::text::chat::{Chat, ChatTemplate};

/// What the names of tensors of other parts than the language model begin with.
const OTHERS: [&str; 4] = ["encoder.", "projector.", "model.encoder.", "model.projector."];

/// The keys of the tasks of a folder.
pub(in crate::engine) fn tasks(checkpoint: &Checkpoint) -> Result<Vec<String>, LoadError> {
    let config = SpeechLlmConfig::from_checkpoint(checkpoint)?;
    Ok(templates(&config)?.keys().map(str::to_owned).collect())
}

/// The values of a folder's parts, the adapter aside, as far as `placement` reads them.
pub(in crate::engine) fn parameters(
    checkpoint: &Checkpoint,
    placement: &Placement,
) -> Result<usize, LoadError> {
    let encoder = SpeechEncoder::load(checkpoint, placement)?;
    let projector = WindowQFormer::load(checkpoint, placement)?;
    let writing = CausalLm::load_inside(checkpoint, placement, is_other)?;
    Ok(parameter_count(encoder) + parameter_count(projector) + parameter_count(writing))
}

/// Whether a tensor is one of another part than the language model.
fn is_other(name: &str) -> bool {
    OTHERS.iter().any(|other| name.starts_with(other))
}

impl SpeechLlm {
    /// Loads what hears and what writes; all weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, or the fields that do not fit.
    pub fn load(checkpoint: &Checkpoint, placement: &Placement) -> Result<(Ears, Self), LoadError> {
        // The small files come first, so that one that is missing is told at once.
        let config = SpeechLlmConfig::from_checkpoint(checkpoint)?;
        let mismatch = |problem: String| LoadError::Mismatch { problems: vec![problem] };
        let features = FeatureExtractor::from_checkpoint(checkpoint)?;
        let tokenizer = TextTokenizer::from_checkpoint(checkpoint)?;
        let id = config.audio_token_index;
        let placeholder = tokenizer.piece(id).ok_or_else(|| {
            mismatch(format!("`audio_token_index` is {id}, the tokenizer has no such token"))
        })?;
        let template = ChatTemplate::find(checkpoint)?.ok_or_else(|| {
            let place = checkpoint.place().display();
            mismatch(format!("`{place}` has no chat template (`{CHAT_TEMPLATE_FILE}`)"))
        })?;
        let chat = Chat::new(template, &tokenizer, &placeholder)?;
        if chat.place() != id {
            let found = chat.place();
            return Err(mismatch(format!("`audio_token_index` is {id}, `{placeholder}` has id {found}")));
        }
        let has_adapter = checkpoint.has(ADAPTER_CONFIG_FILE);
        if config.has_lora_adapter && !has_adapter {
            let problem = format!("`has_lora_adapter` is true, there is no `{ADAPTER_CONFIG_FILE}`");
            return Err(mismatch(problem));
        }
        let adapter = if config.has_lora_adapter { Some(Lora::load(checkpoint)?) } else { None };
        let decode = DecodeConfig::from_checkpoint(checkpoint)?;

        let encoder = SpeechEncoder::load(checkpoint, placement)?;
        let projector = WindowQFormer::load(checkpoint, placement)?;
        let reading = CausalLm::load_inside(checkpoint, placement, is_other)?;
        let hearing = match &adapter {
            Some(adapter) => reading.with_lora(adapter, Attachment::Apart)?,
            None => reading.clone(),
        };
        let reading = LanguageModel::Causal(reading);
        let form = ChatForm::new(chat, Map::new(), SpeechJoint::Nothing, reading.ends())?;
        let labels = match encoder.labels() {
            Some(count) => TextTokenizer::of_granite_labels(count, checkpoint.place())?,
            None => None,
        };
        let ears = Ears { features, encoder, labels };
        let writer = Self {
            projector,
            hearing: LanguageModel::Causal(hearing),
            reading,
            tokenizer,
            decode,
            templates: templates(&config)?,
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
        let read = self.projector.config().projector_config.encoder_hidden_size;
        let given = ears.encoder.output_width();
        (read != given)
            .then(|| format!("projector `encoder_hidden_size` is {read}, the encoder's width is {given}"))
    }
}
