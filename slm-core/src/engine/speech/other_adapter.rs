//! A model with another adapter: of the speech, of the language model, or of both. All else is shared with the model.

use serde::Deserialize;

use super::adapted::Adapted;
use super::any_writer::AnyWriter;
use super::ears::Ears;
use super::error::LoadError;
use super::model::SpeechModel;
use super::parts::between;
use super::speech_llm::SpeechLlm;
use crate::adapter::Adapter;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, CONFIG_FILE, Checkpoint};
use crate::llm::{Attachment, Lora};
use crate::prompt::SpeechRows;

/// What a folder has of an adapter.
struct OtherAdapter {
    /// In the place of the bundle's adapter.
    speech: Option<Adapter>,
    /// For the language model.
    lora: Option<Lora>,
}

impl OtherAdapter {
    /// Reads an adapter of a bundle (`config.json`), one of PEFT (`adapter_config.json`), or both.
    fn load(model: &SpeechModel, folder: &Checkpoint) -> Result<Self, LoadError> {
        #[derive(Deserialize)]
        struct Config {
            encoder_dim: Option<usize>,
        }
        let has_lora = folder.has(ADAPTER_CONFIG_FILE);
        // PEFT's adapters may have the config of their model beside them.
        let is_speech =
            !has_lora || folder.has(CONFIG_FILE) && folder.json::<Config>(CONFIG_FILE)?.encoder_dim.is_some();
        Ok(Self {
            speech: if is_speech { Some(Adapter::load(folder, model.device())?) } else { None },
            lora: if has_lora { Some(Lora::load(folder)?) } else { None },
        })
    }
}

impl SpeechModel {
    /// The same model with the adapter of another folder: a bundle's (`config.json`, `model.safetensors`) in the place of
    /// its own, one of PEFT (`adapter_config.json`, `adapter_model.safetensors`) for its language model, or both. All other
    /// weights are shared. Tasks and templates stay.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file and what does not fit, and for a model that has no language model.
    pub fn with_adapter(&self, folder: &Checkpoint, attachment: Attachment) -> Result<Self, LoadError> {
        let writer = match self.writer() {
            AnyWriter::Adapted(writer) => {
                let other = OtherAdapter::load(self, folder)?;
                let writer = writer.with_adapter(other, &self.ears, attachment)?;
                let mut model = self.clone();
                model.ears = model.ears.hearing(&writer.adapter.config().shape.encoder_layers);
                return Ok(model.with_writer(AnyWriter::Adapted(Box::new(writer))));
            }
            AnyWriter::SpeechLlm(writer) => {
                let other = OtherAdapter::load(self, folder)?;
                AnyWriter::SpeechLlm(Box::new(writer.with_adapter(other, folder, attachment)?))
            }
            AnyWriter::Ctc(_) | AnyWriter::Recogniser(_) | AnyWriter::Whisper(_) => {
                return Err(LoadError::NoLanguageModel);
            }
            #[cfg(all(test, feature = "flex"))]
            AnyWriter::Failing(_) => return Err(LoadError::NoLanguageModel),
        };
        Ok(self.clone().with_writer(writer))
    }
}

impl Adapted {
    fn with_adapter(
        &self,
        other: OtherAdapter,
        ears: &Ears,
        attachment: Attachment,
    ) -> Result<Self, LoadError> {
        let mut adapted = self.clone();
        // What was trained beside the language model goes with the adapter that it was trained with.
        if let Some(speech) = other.speech {
            (adapted.adapter, adapted.llm) = (speech, self.base.clone());
            let reduction = adapted.adapter.config().shape.reduction;
            adapted.rows = SpeechRows::new(reduction, ears.heard_labels(), &self.tokenizer, &self.base)?;
        }
        if let Some(lora) = other.lora {
            adapted.llm = self.base.with_lora(&lora, attachment)?;
        }
        let problems = between(ears, &adapted);
        if problems.is_empty() { Ok(adapted) } else { Err(LoadError::Mismatch { problems }) }
    }
}

impl SpeechLlm {
    /// The adapter takes the place of the folder's own, and is used for text too, as the request asks for it.
    fn with_adapter(
        &self,
        other: OtherAdapter,
        folder: &Checkpoint,
        attachment: Attachment,
    ) -> Result<Self, LoadError> {
        let (None, Some(lora)) = (other.speech, other.lora) else {
            return Err(LoadError::NoSpeechAdapter { place: folder.place().to_owned() });
        };
        let mut other = self.clone();
        other.reading = self.reading.with_lora(&lora, attachment)?;
        other.hearing = other.reading.clone();
        Ok(other)
    }
}
