//! The chat template of a checkpoint, and the special tokens that it writes by name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::ChatError;
use super::template::ChatTemplate;
use crate::checkpoint::{CHAT_TEMPLATE_FILE, Checkpoint, TOKENIZER_SETTINGS_FILE};

/// Special tokens where old folders have them.
const SPECIAL_TOKENS_FILE: &str = "special_tokens_map.json";
/// The template of a processor in old folders.
const PROCESSOR_TEMPLATE_FILE: &str = "chat_template.json";
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

impl ChatTemplate {
    /// The template of a checkpoint; `None` for a model that has none.
    ///
    /// # Errors
    ///
    /// [`ChatError`] naming the file that cannot be read or parsed.
    pub fn find(checkpoint: &Checkpoint) -> Result<Option<Self>, ChatError> {
        let read = |name: &str| {
            if checkpoint.has(name) { checkpoint.json::<Settings>(name) } else { Ok(Settings::default()) }
        };
        let (settings, old) = (read(TOKENIZER_SETTINGS_FILE)?, read(SPECIAL_TOKENS_FILE)?);
        let mut special: BTreeMap<String, String> = old.special.texts().collect();
        special.extend(settings.special.texts());

        let path = checkpoint.path_of(CHAT_TEMPLATE_FILE);
        if checkpoint.has(CHAT_TEMPLATE_FILE) {
            let bytes = checkpoint.read(CHAT_TEMPLATE_FILE, MAX_BYTES)?;
            let text = String::from_utf8(bytes).map_err(|_| ChatError::NotText { path: path.clone() })?;
            return Self::new(&text, &path, special).map(Some);
        }
        if let Some(text) = settings.chat_template.and_then(Templates::default_one) {
            return Self::new(&text, &checkpoint.path_of(TOKENIZER_SETTINGS_FILE), special).map(Some);
        }
        let of_processor = read(PROCESSOR_TEMPLATE_FILE)?.chat_template.and_then(Templates::default_one);
        let path = checkpoint.path_of(PROCESSOR_TEMPLATE_FILE);
        of_processor.map(|text| Self::new(&text, &path, special)).transpose()
    }
}
