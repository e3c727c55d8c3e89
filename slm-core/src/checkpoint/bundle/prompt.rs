//! How the prompts of a bundle's language model are written.

use std::collections::BTreeMap;

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
    /// Examples of tasks, by their keys: what goes before each prompt of the task, as turns of the conversation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, Vec<PromptExample>>,
}

/// An example of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptExample {
    /// What stands in the place of speech.
    pub text: String,
    /// What the language model is shown to have answered.
    pub answer: String,
}

impl PromptSettings {
    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
