//! The folders of NeMo's SALM, as `nvidia/canary-qwen-2.5b`: encoder, projector, language model and adapter in one file of
//! tensors, and the settings of NeMo. Tokenizer and config of the language model are those of the model that it was made
//! from; they are looked for in the folder `llm` beside.
//!
//! Paper: *SALM*, arXiv 2310.09424. Reference: NeMo's `SALM` (`collections/speechlm2/models/salm.py`). What the embedding has
//! for the placeholder is never read: it stands in prompts alone, where speech takes its place.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::published::{Basis, Published, Words};
use crate::adapter::{LinearProjector, LinearProjectorConfig, Projector};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, TOKENIZER_FILES};
use crate::decode::DecodeConfig;
use crate::engine::speech::error::LoadError;
use crate::llm::{CausalConfig, CausalLm, Lora};
use crate::nn::weights::Placement;
use crate::prompt::{TemplateError, Templates};
use crate::text::TextTokenizer;
use crate::text::chat::{Chat, ChatTemplate};

/// Where the files of the language model are.
const ORIGIN: &str = "llm";
/// The files that are needed there.
const NEEDED: [&str; 2] = [CONFIG_FILE, TOKENIZER_FILES[0]];
/// How conversations are written, by the name that NeMo has for it.
const FORMATS: [(&str, &str); 1] = [(
    "qwen",
    "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\
     {%- endfor -%}{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}",
)];
/// The words of the model card, and an instruction in the user's words. A question is asked of the transcript; Qwen3 is told in
/// its own words that it shall answer at once.
const PHRASINGS: [(&str, &str); 3] = [
    ("transcribe", "Transcribe the following: {speech}"),
    ("instruction", "{instruction} {speech}"),
    ("ask", "{question}\n\n{speech} /no_think"),
];

/// What `config.json` says of the whole.
#[derive(Debug, Deserialize)]
struct SalmConfig {
    /// The model that the language model was made from.
    pretrained_llm: String,
    /// What stands for speech in a prompt.
    audio_locator_tag: String,
    /// How conversations are written.
    prompt_format: String,
}

/// A folder.
pub(super) struct Salm {
    checkpoint: Checkpoint,
    config: SalmConfig,
}

impl SalmConfig {
    fn template(&self) -> Option<&'static str> {
        FORMATS.iter().find(|(name, _)| *name == self.prompt_format).map(|(_, template)| *template)
    }

    fn problems(&self) -> Vec<String> {
        let known = || FORMATS.map(|(name, _)| format!("`{name}`")).join(", ");
        let unknown = || format!("`prompt_format` is `{}`, known are {}", self.prompt_format, known());
        self.template().is_none().then(unknown).into_iter().collect()
    }
}

impl Salm {
    pub(super) fn open(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let config = checkpoint.json_checked(CONFIG_FILE, SalmConfig::problems)?;
        Ok(Self { checkpoint: checkpoint.clone(), config })
    }

    /// The files of the model that the language model was made from.
    fn origin(&self) -> Result<Checkpoint, LoadError> {
        let place = self.checkpoint.path_of(ORIGIN);
        let origin = if place.is_dir() { Some(Checkpoint::open(&place)?) } else { None };
        let is_missing = |name: &&str| origin.as_ref().is_none_or(|origin| !origin.has(name));
        let missing: Vec<&'static str> = NEEDED.into_iter().filter(is_missing).collect();
        match origin {
            Some(origin) if missing.is_empty() => Ok(origin),
            _ => Err(LoadError::Origin { place, missing, origin: self.config.pretrained_llm.clone() }),
        }
    }
}

impl Published for Salm {
    fn templates(&self) -> Result<Templates, TemplateError> {
        let phrasings: BTreeMap<String, Vec<String>> =
            PHRASINGS.into_iter().map(|(key, text)| (key.to_owned(), vec![text.to_owned()])).collect();
        Templates::parse(&phrasings)
    }

    fn words(&self) -> Result<Words, LoadError> {
        let tokenizer = TextTokenizer::from_checkpoint(&self.origin()?)?;
        let source = self.config.template().unwrap_or_default();
        let path = Path::new(&self.config.prompt_format);
        let template = ChatTemplate::new(source, path, BTreeMap::new())?;
        let chat = Chat::new(template, &tokenizer, &self.config.audio_locator_tag)?;
        // NeMo asks for the most probable token, whatever the language model's own folder says.
        Ok(Words { tokenizer, chat, decode: DecodeConfig::default() })
    }

    fn basis(&self) -> Basis {
        Basis::Transcript
    }

    fn adapter(&self) -> Result<Option<Lora>, LoadError> {
        Ok(Lora::load_of_salm(&self.checkpoint)?)
    }

    fn projector(&self, placement: &Placement) -> Result<Projector, LoadError> {
        Ok(Projector::Linear(LinearProjector::load(&self.checkpoint, placement)?))
    }

    fn language_model(&self, placement: &Placement) -> Result<CausalLm, LoadError> {
        Ok(CausalLm::load_of_salm(&self.checkpoint, &self.origin()?, placement)?)
    }

    fn embeddings(&self, states: usize) -> Result<usize, JsonError> {
        LinearProjectorConfig::from_checkpoint(&self.checkpoint)?;
        Ok(states)
    }

    fn language_model_config(&self) -> Result<CausalConfig, LoadError> {
        Ok(CausalConfig::from_checkpoint(&self.origin()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_of_prompts_is_named() {
        let config = |format: &str| SalmConfig {
            pretrained_llm: "a".into(),
            audio_locator_tag: "b".into(),
            prompt_format: format.into(),
        };
        assert!(config("qwen").problems().is_empty());
        assert_eq!(config("llama3").problems(), ["`prompt_format` is `llama3`, known are `qwen`"]);
    }
}
