//! `null` in the settings of a model counts as absent.
//!
//! transformers writes `null` for what it leaves open. Fields of that value are blanked out in the text itself, so that
//! errors still tell the line and column of the file.

use std::ops::Range;

use serde::de::IgnoredAny;

/// The place of a scan in an object or a list.
enum Open {
    Object {
        /// The last comma that is still there.
        comma: Option<usize>,
        /// Where the field begins that is read, and its name.
        field: usize,
        name: Range<usize>,
        /// Whether the scan is at the field's value.
        at_value: bool,
    },
    List,
}

impl Open {
    fn object() -> Self {
        Self::Object { comma: None, field: 0, name: 0..0, at_value: false }
    }
}

/// JSON without the fields that are `null`, but for those whose names are in `kept`; in lists nothing changes. What is
/// not JSON stays as it is, for the reader to complain about.
pub(crate) fn without_nulls(mut text: Vec<u8>, kept: &[&str]) -> Vec<u8> {
    if serde_json::from_slice::<IgnoredAny>(&text).is_err() {
        return text;
    }
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let mut next = at + 1;
        match (byte, open.last_mut()) {
            (b'{', _) => open.push(Open::object()),
            (b'[', _) => open.push(Open::List),
            (b'}' | b']', _) => {
                open.pop();
            }
            (b'"', place) => {
                next = end_of_string(&text, at);
                if let Some(Open::Object { field, name, at_value: false, .. }) = place {
                    (*field, *name) = (at, at + 1..next - 1);
                }
            }
            (b':', Some(Open::Object { at_value, .. })) => *at_value = true,
            (b',', Some(Open::Object { comma, at_value, .. })) => (*comma, *at_value) = (Some(at), false),
            // No other word of JSON begins with this letter.
            (b'n', place) => {
                next = at + b"null".len();
                if let Some(Open::Object { comma, field, name, at_value }) = place
                    && !kept.iter().any(|kept| text.get(name.clone()) == Some(kept.as_bytes()))
                {
                    let after = text[next..].iter().position(|byte| !byte.is_ascii_whitespace());
                    let after = next + after.unwrap_or_default();
                    if text.get(after) == Some(&b',') {
                        next = after + 1;
                        *at_value = false;
                    } else if let Some(comma) = comma.take() {
                        text[comma] = b' ';
                    }
                    blank(&mut text[*field..next]);
                }
            }
            _ => {}
        }
        at = next;
    }
    text
}

/// The place after the string that begins at `start`.
fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Spaces in the place of all but the ends of lines.
fn blank(text: &mut [u8]) {
    text.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn value(text: &str, kept: &[&str]) -> Value {
        serde_json::from_slice(&without_nulls(text.as_bytes().to_vec(), kept)).unwrap()
    }

    #[test]
    fn nulls_go_wherever_they_stand() {
        for (text, expected) in [
            ("null", "null"),
            (r#"{"a": null}"#, "{}"),
            (r#"{"a":null,"b":1}"#, r#"{"b":1}"#),
            (r#"{"b":1,"a":null}"#, r#"{"b":1}"#),
            (r#"{"b":1,"a":null,"c":null}"#, r#"{"b":1}"#),
            (r#"{"a":null,"c":null , "b":1, "d": null}"#, r#"{"b":1}"#),
            (r#"{"a":[null,{"x":null}],"b":{"y":null,"z":"null"}}"#, r#"{"a":[null,{}],"b":{"z":"null"}}"#),
            (r#"{"q\"":null,"n":": null,","keep":null}"#, r#"{"n":": null,","keep":null}"#),
        ] {
            assert_eq!(value(text, &["keep"]), serde_json::from_str::<Value>(expected).unwrap(), "{text}");
        }
    }

    #[test]
    fn places_stay_and_what_is_no_json_stays() {
        let text = "{\"a\":\n null,\n \"b\": 1}";
        let found = without_nulls(text.as_bytes().to_vec(), &[]);
        assert_eq!((found.len(), found.split(|&byte| byte == b'\n').count() - 1), (text.len(), 2));
        assert_eq!(&found[text.len() - 7..], b"\"b\": 1}");
        for text in ["{\"a\": null \"b\": 1}", "{\"a\": null", "{,\"a\":null}", "\"\\", "", "n"] {
            assert_eq!(without_nulls(text.as_bytes().to_vec(), &[]), text.as_bytes(), "{text}");
        }
    }

    /// What the scan should leave of a value.
    fn dropped(value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
                Value::Object(fields.map(|(name, value)| (name, dropped(value))).collect())
            }
            Value::Array(values) => Value::Array(values.into_iter().map(dropped).collect()),
            other => other,
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            3 => Just(Value::Null),
            1 => any::<i32>().prop_map(Value::from),
            1 => any::<bool>().prop_map(Value::from),
            1 => "[a-z\"\\\\,:{}\\[\\] \u{e4}]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\:, ]{0,4}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_nulls_go(found in values(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&found) } else { serde_json::to_string(&found) };
            prop_assert_eq!(value(&text.unwrap(), &[]), dropped(found));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            without_nulls(bytes, &[]);
        }
    }
}
