//! How the prompts of a bundle's language model are written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How the prompts of a decoder-only language model are written, as far as its own folder does not say it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptSettings {
    /// A chat template in the language of Jinja. It takes the place of the folder's, which may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
    /// What the template may ask for beside the messages, such as `enable_thinking`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
}

impl PromptSettings {
    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
