//! YAML as the value that JSON would be, without what lets a small file grow: no anchors, bounded depth.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Lists and maps in each other; a config has about five.
const MAX_DEPTH: usize = 64;

/// The first document of `text`.
///
/// # Errors
///
/// What is wrong, with line and column where the syntax is.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut root = Value::Null;
    // Containers that are open, each with the key that waits for a value.
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let value = match event {
            Event::Scalar(text, style, _, _) => {
                if let Some((Value::Object(_), key @ None)) = open.last_mut() {
                    *key = Some(text.into_owned());
                    continue;
                }
                scalar(&text, style)
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == MAX_DEPTH {
                    return Err(format!("more than {MAX_DEPTH} lists and maps in each other"));
                }
                if let Some((Value::Object(_), None)) = open.last() {
                    return Err("a key is a list or a map".to_owned());
                }
                let is_map = matches!(event, Event::MappingStart(..));
                open.push((if is_map { Value::Object(Map::new()) } else { Value::Array(Vec::new()) }, None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some((value, _)) => value,
                None => continue,
            },
            Event::Alias(_) => return Err("aliases are not supported".to_owned()),
            Event::DocumentEnd => return Ok(root),
            _ => continue,
        };
        match open.last_mut() {
            None => root = value,
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(entries), key)) => {
                entries.insert(key.take().unwrap_or_default(), value);
            }
            Some(_) => {}
        }
    }
    Ok(root)
}

/// Plain words may be numbers and the like, by the core schema of YAML 1.2; quoted ones are text.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            let number = text.parse::<i64>().map(Value::from).ok();
            let number = number.or_else(|| text.parse::<f64>().ok().map(Value::from));
            number.filter(|_| is_number).unwrap_or_else(|| Value::String(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_lists_and_words_of_every_kind() {
        let text = "a: 1\nb: [x, 1e-05, -1, '2', null, ~]\nc:\n  d: true\n  e: \"no\"\n  f:\n  - .5\n  - {g: +3}\ninf: inf\n";
        let expected = json!({
            "a": 1, "b": ["x", 1e-5, -1, "2", null, null],
            "c": {"d": true, "e": "no", "f": [0.5, {"g": 3}]}, "inf": "inf",
        });
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), Value::Null);
        assert_eq!(parse("--- 1\n--- 2\n").unwrap(), json!(1));
    }

    #[test]
    fn what_grows_or_breaks_is_refused() {
        for (text, expected) in [
            ("a: &x [1]\nb: *x\n".to_owned(), "aliases"),
            ("[".repeat(100), "more than 64"),
            ("? [a]\n: b\n".to_owned(), "a key is a list"),
            ("a: [1\nb: 2".to_owned(), "line"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
