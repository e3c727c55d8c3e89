//! Checks JSON against the part of JSON Schema that `tests/schema` uses; other keywords are errors.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

use std::path::Path;

use serde_json::Value;

/// What is wrong with a document that `--format json` wrote; nothing where it is right.
pub(crate) fn faults(document: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/schema/whisper.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut faults = Vec::new();
    check(&schema, document, "$", &mut faults);
    faults
}

/// Keywords that say nothing, or nothing of a value of another type.
const KNOWN: [&str; 9] = [
    "$schema",
    "title",
    "description",
    "minimum",
    "maximum",
    "required",
    "additionalProperties",
    "properties",
    "items",
];

fn check(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let mut expect = |is_right: bool| {
            if !is_right {
                faults.push(format!("{place}: {value} is not as `{keyword}` says: {rule}"));
            }
        };
        match (keyword.as_str(), value) {
            ("type", _) => {
                let types = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
                expect(types.iter().any(|name| is_a(value, name.as_str().unwrap())));
            }
            ("enum", _) => expect(rule.as_array().unwrap().contains(value)),
            ("minimum", Value::Number(number)) => expect(number.as_f64() >= rule.as_f64()),
            ("maximum", Value::Number(number)) => expect(number.as_f64() <= rule.as_f64()),
            ("required", Value::Object(fields)) => {
                expect(
                    rule.as_array().unwrap().iter().all(|name| fields.contains_key(name.as_str().unwrap())),
                );
            }
            ("additionalProperties", Value::Object(fields)) => {
                assert_eq!(rule, false, "{place}");
                let known = &schema["properties"];
                expect(fields.keys().all(|name| known.get(name).is_some()));
            }
            ("properties", Value::Object(fields)) => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(field) = fields.get(name) {
                        check(rule, field, &format!("{place}.{name}"), faults);
                    }
                }
            }
            ("items", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    check(rule, item, &format!("{place}[{index}]"), faults);
                }
            }
            (keyword, _) if KNOWN.contains(&keyword) => {}
            _ => faults.push(format!("{place}: the check does not know `{keyword}`")),
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        _ => false,
    }
}
