//! What a part of a model is by its config and the headers of its weights, without its tensors.

use super::contents::Part;
use super::error::Error;
use super::speech::{recogniser_of, speech_llm_parameters};
use crate::adapter::Adapter;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, Checkpoint, WeightFiles};
use crate::encoder::{self, SpeechEncoder};
use crate::llm::{self, CausalConfig, LanguageModel, LlmSizes};
use crate::nn::weights::{Placement, parameter_count};

impl Part {
    /// What the headers of its weight files say.
    pub(super) fn weights(self, checkpoint: &Checkpoint) -> Result<WeightFiles, Error> {
        Ok(if self == Self::Lora { checkpoint.adapter_weights()? } else { checkpoint.weights()? })
    }

    /// The values of its modules, of which `placement` says what is compared with the files.
    pub(super) fn parameters(self, checkpoint: &Checkpoint, placement: &Placement) -> Result<u64, Error> {
        let count = match self {
            Self::Encoder | Self::LabelledEncoder => {
                parameter_count(SpeechEncoder::load(checkpoint, placement)?)
            }
            Self::Recogniser => {
                let encoder = SpeechEncoder::load(checkpoint, placement)?;
                parameter_count(encoder) + (recogniser_of(checkpoint)?.parameters)(checkpoint, placement)?
            }
            Self::Llm => parameter_count(LanguageModel::load(checkpoint, placement)?),
            Self::Adapter => {
                let beside =
                    checkpoint.has(ADAPTER_CONFIG_FILE).then(|| checkpoint.adapter_weights()).transpose()?;
                let thin = beside.map_or(0, |files| files.parameters());
                return Ok(parameter_count(Adapter::load(checkpoint, placement)?) as u64 + thin);
            }
            Self::SpeechLlm | Self::NemoSpeechLlm => speech_llm_parameters(checkpoint, placement)?,
            Self::Lora => return Ok(checkpoint.adapter_weights()?.parameters()),
        };
        Ok(count as u64)
    }

    /// Width of the features that it reads.
    pub(super) fn input_width(self, checkpoint: &Checkpoint) -> Result<Option<usize>, Error> {
        Ok(match self {
            Self::Encoder
            | Self::LabelledEncoder
            | Self::Recogniser
            | Self::SpeechLlm
            | Self::NemoSpeechLlm => Some(encoder::sizes(checkpoint)?.input_width()),
            Self::Llm | Self::Adapter | Self::Lora => None,
        })
    }

    /// Rows that the ids of its tokenizer must have.
    pub(super) fn rows(self, checkpoint: &Checkpoint) -> Result<Option<usize>, Error> {
        Ok(match self {
            Self::LabelledEncoder => encoder::labels(checkpoint)?,
            Self::Recogniser => Some((recogniser_of(checkpoint)?.rows)(checkpoint)?),
            Self::SpeechLlm => Some(CausalConfig::from_inside(checkpoint)?.vocab_size()),
            Self::Llm => Some(llm::sizes(checkpoint)?.vocab_size()),
            // The tokenizer of NeMo's lies with the model that it was made from.
            Self::Encoder | Self::Adapter | Self::NemoSpeechLlm | Self::Lora => None,
        })
    }
}
