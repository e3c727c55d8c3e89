//! What is said in a conversation.

use minijinja::value as jinja;
use serde_json::{Map, Value};

/// A message of a conversation: its role, its content and what else a template may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage(pub(super) Map<String, Value>);

impl ChatMessage {
    /// A text of a role: `system`, `user` or `assistant`.
    pub fn new(role: &str, content: &str) -> Self {
        [("role".to_owned(), role.into()), ("content".to_owned(), content.into())].into_iter().collect()
    }

    /// The message as templates see it.
    pub(super) fn value(&self) -> jinja::Value {
        jinja::Value::from_pairs(self.0.iter().map(|(name, value)| (name.as_str(), value_of(value))))
    }
}

/// JSON as templates see it.
pub(super) fn value_of(json: &Value) -> jinja::Value {
    match json {
        Value::Null => jinja::Value::from(()),
        Value::Bool(value) => jinja::Value::from(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => jinja::Value::from(value),
            (None, Some(value)) => jinja::Value::from(value),
            // Every number of JSON is one of these.
            (None, None) => jinja::Value::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => jinja::Value::from(text.as_str()),
        Value::Array(items) => items.iter().map(value_of).collect(),
        Value::Object(fields) => {
            jinja::Value::from_pairs(fields.iter().map(|(name, value)| (name.as_str(), value_of(value))))
        }
    }
}

/// Fields by name. Those that are `null` count as absent, as in transformers.
impl FromIterator<(String, Value)> for ChatMessage {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        Self(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
    }
}
