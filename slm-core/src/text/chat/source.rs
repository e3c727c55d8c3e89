//! The chat template of a checkpoint, and the special tokens that it writes by name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::ChatError;
use super::template::ChatTemplate;
use crate::checkpoint::{
    CHAT_TEMPLATE_FILE, Checkpoint, PROCESSOR_TEMPLATE_FILE, SPECIAL_TOKENS_FILE, TOKENIZER_SETTINGS_FILE,
};

/// The largest template that is read; those with tools have 20 kB.
const MAX_BYTES: u64 = 1 << 20;
/// The template that counts where there are several.
const DEFAULT: &str = "default";

/// What is read of `tokenizer_config.json`, and of old files beside it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    chat_template: Option<Templates>,
    #[serde(flatten)]
    special: SpecialTokens,
}

/// One, or several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Several(Vec<Named>),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    template: String,
}

impl Templates {
    fn default_one(self) -> Option<String> {
        match self {
            Self::One(template) => Some(template),
            Self::Several(all) => {
                all.into_iter().find(|named| named.name == DEFAULT).map(|named| named.template)
            }
        }
    }
}

/// The tokens that templates write by name.
#[derive(Default, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_field_names, reason = "the fields of the file")]
struct SpecialTokens {
    bos_token: Option<Token>,
    eos_token: Option<Token>,
    unk_token: Option<Token>,
    sep_token: Option<Token>,
    pad_token: Option<Token>,
    cls_token: Option<Token>,
    mask_token: Option<Token>,
}

/// The text, or the text with how it is split off.
#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Object { content: String },
}

impl SpecialTokens {
    /// Their texts by name.
    fn texts(self) -> impl Iterator<Item = (String, String)> {
        let named = [
            ("bos_token", self.bos_token),
            ("eos_token", self.eos_token),
            ("unk_token", self.unk_token),
            ("sep_token", self.sep_token),
            ("pad_token", self.pad_token),
            ("cls_token", self.cls_token),
            ("mask_token", self.mask_token),
        ];
        named.into_iter().filter_map(|(name, token)| match token? {
            Token::Text(text) | Token::Object { content: text } => Some((name.to_owned(), text)),
        })
    }
}

/// The settings in a file that need not be there.
fn settings(checkpoint: &Checkpoint, name: &str) -> Result<Settings, ChatError> {
    Ok(if checkpoint.has(name) { checkpoint.json::<Settings>(name)? } else { Settings::default() })
}

/// The special tokens of a checkpoint by name.
fn special_tokens(checkpoint: &Checkpoint) -> Result<BTreeMap<String, String>, ChatError> {
    let (new, old) = (TOKENIZER_SETTINGS_FILE, SPECIAL_TOKENS_FILE);
    let mut special: BTreeMap<String, String> = settings(checkpoint, old)?.special.texts().collect();
    special.extend(settings(checkpoint, new)?.special.texts());
    Ok(special)
}

impl ChatTemplate {
    /// A template that comes from elsewhere, for the special tokens of a checkpoint; `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`ChatError`] naming the file that cannot be read or parsed.
    pub fn for_checkpoint(source: &str, path: &Path, checkpoint: &Checkpoint) -> Result<Self, ChatError> {
        Self::new(source, path, special_tokens(checkpoint)?)
    }

    /// The template of a checkpoint; `None` for a model that has none.
    ///
    /// # Errors
    ///
    /// [`ChatError`] naming the file that cannot be read or parsed.
    pub fn find(checkpoint: &Checkpoint) -> Result<Option<Self>, ChatError> {
        let found = Self::source(checkpoint)?;
        found
            .map(|(text, name)| Self::for_checkpoint(&text, &checkpoint.path_of(name), checkpoint))
            .transpose()
    }

    /// The special token that the checkpoint calls `name`, such as `eos_token`.
    pub(crate) fn special_token(checkpoint: &Checkpoint, name: &str) -> Result<Option<String>, ChatError> {
        Ok(special_tokens(checkpoint)?.remove(name))
    }

    /// Its text, and the name of the file that has it.
    pub(crate) fn source(checkpoint: &Checkpoint) -> Result<Option<(String, &'static str)>, ChatError> {
        if checkpoint.has(CHAT_TEMPLATE_FILE) {
            let bytes = checkpoint.read(CHAT_TEMPLATE_FILE, MAX_BYTES)?;
            let path = checkpoint.path_of(CHAT_TEMPLATE_FILE);
            let text = String::from_utf8(bytes).map_err(|_| ChatError::NotText { path })?;
            return Ok(Some((text, CHAT_TEMPLATE_FILE)));
        }
        for name in [TOKENIZER_SETTINGS_FILE, PROCESSOR_TEMPLATE_FILE] {
            if let Some(text) = settings(checkpoint, name)?.chat_template.and_then(Templates::default_one) {
                return Ok(Some((text, name)));
            }
        }
        Ok(None)
    }
}
