//! Chat templates against transformers: `fixtures/chat/cases.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::*;

#[derive(Deserialize)]
struct Cases {
    special: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    messages: Vec<Map<String, Value>>,
    answer: bool,
    variables: Map<String, Value>,
    text: Option<String>,
    error: Option<String>,
}

fn clock() -> jiff::Zoned {
    let time = jiff::civil::date(2025, 4, 9).at(7, 5, 3, 0);
    time.to_zoned(jiff::tz::TimeZone::UTC).unwrap()
}

#[test]
fn texts_are_those_of_transformers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/chat/cases.json");
    let Cases { special, cases } = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(cases.len() >= 24);
    let mut wrong = Vec::new();
    for case in cases {
        let messages: Vec<ChatMessage> =
            case.messages.into_iter().map(|message| message.into_iter().collect()).collect();
        let end = if case.answer { ChatEnd::Answer } else { ChatEnd::Message };
        let path = Path::new("chat_template.jinja");
        let found = ChatTemplate::with_clock(&case.template, path, special.clone(), clock)
            .and_then(|template| template.render(&messages, end, &case.variables));
        let matches = match (&found, &case.text, case.error.as_deref()) {
            (Ok(found), Some(text), None) => found == text,
            (Err(ChatError::Syntax { .. }), None, Some("syntax"))
            | (Err(ChatError::Render { .. }), None, Some("render")) => true,
            (Err(ChatError::Refused { message, .. }), None, Some(error)) => {
                error.strip_prefix("refused: ") == Some(message)
            }
            _ => false,
        };
        if !matches {
            wrong
                .push(format!("{}: found\n{found:?}\nexpected\n{:?} {:?}", case.name, case.text, case.error));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_template_that_does_not_end_is_stopped() {
    let text = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    let template = ChatTemplate::new(text, Path::new("t.jinja"), BTreeMap::new()).unwrap();
    let messages = [ChatMessage::new("user", "hi")];
    let error = template.render(&messages, ChatEnd::Answer, &Map::new()).unwrap_err();
    assert!(matches!(&error, ChatError::Render { line: 1, .. }), "{error}");
    assert!(error.to_string().starts_with("chat template `t.jinja` fails in line 1: "), "{error}");
}
