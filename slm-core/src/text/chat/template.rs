//! A chat template, and how it makes a text of a conversation.
//!
//! Reference: transformers 5.23.0, `utils/chat_template_utils.py`: Jinja2 with `trim_blocks`, `lstrip_blocks` and loop
//! controls, `tojson` without escapes for HTML, `raise_exception`, `strftime_now`, and blocks `generation`, which change
//! nothing of the text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde_json::Map;

use super::error::ChatError;
use super::message::{ChatMessage, value_of};
use super::python;

/// The name of the template in its environment.
const NAME: &str = "chat";
/// Steps that a template may take; a file shall not keep the program forever. Long conversations take thousands.
const MAX_STEPS: u64 = 2_000_000;

/// Whether a conversation is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatEnd {
    /// After it comes what an answer begins with (`add_generation_prompt`).
    Answer,
    /// It ends with its last message.
    Message,
}

/// The template of a model.
pub struct ChatTemplate {
    path: PathBuf,
    environment: Environment<'static>,
    /// The texts of special tokens, which templates write by name (`bos_token`).
    special: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// Parses a template; `path` is for messages. `special` has the texts of special tokens by their names.
    ///
    /// # Errors
    ///
    /// [`ChatError::Syntax`].
    pub fn new(source: &str, path: &Path, special: BTreeMap<String, String>) -> Result<Self, ChatError> {
        Self::with_clock(source, path, special, Zoned::now)
    }

    /// The same, `clock` being what `strftime_now` asks.
    pub(super) fn with_clock(
        source: &str,
        path: &Path,
        special: BTreeMap<String, String>,
        clock: fn() -> Zoned,
    ) -> Result<Self, ChatError> {
        let fails = |error: Error| ChatError::Syntax {
            path: path.into(),
            line: error.line().unwrap_or(1),
            reason: reason(&error),
        };
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(fails)?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.set_formatter(|out, _, value| Ok(out.write_str(&python::text(value))?));
        environment.add_filter("tojson", python::tojson);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refusal(message)))
        });
        environment.add_function("strftime_now", move |format: &str| {
            jiff::fmt::strtime::format(format, &clock())
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        environment.add_template_owned(NAME, without_generation_blocks(source)).map_err(fails)?;
        Ok(Self { path: path.into(), environment, special })
    }

    /// The text of a conversation. `variables` are what a template may ask for beside it, as `enable_thinking`.
    ///
    /// # Errors
    ///
    /// [`ChatError::Refused`] where the template raises an exception, [`ChatError::Render`] where it fails.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        end: ChatEnd,
        variables: &Map<String, serde_json::Value>,
    ) -> Result<String, ChatError> {
        let mut context: BTreeMap<&str, Value> =
            self.special.iter().map(|(name, text)| (name.as_str(), Value::from(text.as_str()))).collect();
        context.insert("tools", Value::from(()));
        context.insert("documents", Value::from(()));
        context.insert("messages", messages.iter().map(ChatMessage::value).collect());
        context.insert("add_generation_prompt", Value::from(end == ChatEnd::Answer));
        context.extend(variables.iter().map(|(name, value)| (name.as_str(), value_of(value))));
        let render = || self.environment.get_template(NAME)?.render(context);
        render().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &Error) -> ChatError {
        let path = self.path.clone();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(source) = cause {
            if let Some(Refusal(message)) = source.downcast_ref() {
                return ChatError::Refused { path, message: message.clone() };
            }
            cause = source.source();
        }
        ChatError::Render { path, line: error.line().unwrap_or(1), reason: reason(error) }
    }
}

impl std::fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatTemplate")
            .field("path", &self.path)
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}

/// What a template said when it raised an exception.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

/// What went wrong, without the place.
fn reason(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// The same template with blocks that are always there in the place of `generation`: training alone looks at those.
fn without_generation_blocks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (before, tag) = (&rest[..start], &rest[start..start + length + 2]);
        let inner = tag[2..length].trim_matches(['-', '+']).trim();
        let other = match inner {
            "generation" => Some("if true"),
            "endgeneration" => Some("endif"),
            _ => None,
        };
        out.push_str(before);
        match other {
            Some(other) => out.push_str(&tag.replacen(inner, other, 1)),
            None => out.push_str(tag),
        }
        rest = &rest[start + length + 2..];
    }
    out.push_str(rest);
    out
}
