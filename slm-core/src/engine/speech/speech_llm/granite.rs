//! The folders of Granite Speech.

use super::config::SpeechLlmConfig;
use super::instructions::templates;
use super::published::{Published, Words};
use crate::adapter::{Projector, WindowQFormer, WindowQFormerConfig};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, CHAT_TEMPLATE_FILE, Checkpoint};
use crate::decode::DecodeConfig;
use crate::engine::speech::error::LoadError;
use crate::llm::{CausalConfig, CausalLm, Lora};
use crate::nn::weights::Placement;
use crate::prompt::{TemplateError, Templates};
use crate::text::TextTokenizer;
use crate::text::chat::{Chat, ChatTemplate};

/// What the names of tensors of other parts than the language model begin with.
const OTHERS: [&str; 4] = ["encoder.", "projector.", "model.encoder.", "model.projector."];

/// A folder, which holds all that the model needs.
pub(super) struct Granite {
    pub(super) checkpoint: Checkpoint,
    pub(super) config: SpeechLlmConfig,
}

fn mismatch(problem: String) -> LoadError {
    LoadError::Mismatch { problems: vec![problem] }
}

impl Published for Granite {
    fn templates(&self) -> Result<Templates, TemplateError> {
        templates(&self.config)
    }

    fn words(&self) -> Result<Words, LoadError> {
        let checkpoint = &self.checkpoint;
        let tokenizer = TextTokenizer::from_checkpoint(checkpoint)?;
        let id = self.config.audio_token_index;
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
        Ok(Words { tokenizer, chat, decode: DecodeConfig::from_checkpoint(checkpoint)? })
    }

    fn adapter(&self) -> Result<Option<Lora>, LoadError> {
        if !self.config.has_lora_adapter {
            return Ok(None);
        }
        if !self.checkpoint.has(ADAPTER_CONFIG_FILE) {
            let problem = format!("`has_lora_adapter` is true, there is no `{ADAPTER_CONFIG_FILE}`");
            return Err(mismatch(problem));
        }
        Ok(Some(Lora::load(&self.checkpoint)?))
    }

    fn projector(&self, placement: &Placement) -> Result<Projector, LoadError> {
        Ok(Projector::WindowQFormer(WindowQFormer::load(&self.checkpoint, placement)?))
    }

    fn language_model(&self, placement: &Placement) -> Result<CausalLm, LoadError> {
        let is_other = |name: &str| OTHERS.iter().any(|other| name.starts_with(other));
        let model = CausalLm::load_inside(&self.checkpoint, placement, is_other)?;
        Ok(model.with_placeholder(self.config.audio_token_index))
    }

    fn embeddings(&self, states: usize) -> Result<usize, JsonError> {
        Ok(WindowQFormerConfig::from_checkpoint(&self.checkpoint)?.count(states))
    }

    fn language_model_config(&self) -> Result<CausalConfig, LoadError> {
        Ok(CausalConfig::from_inside(&self.checkpoint)?)
    }
}
