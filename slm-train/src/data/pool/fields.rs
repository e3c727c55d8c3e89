//! The fields of a row by name, as a task asks for them.

use serde_json::{Map, Value};

use super::error::Misfit;
use crate::data::manifest::{self, Utterance};

/// What a field of words may be.
const WORDS: &str = "a text, a number or a list of these";
/// What parts the entries of a list.
const BETWEEN: &str = ", ";

/// The fields of a row.
pub(super) struct Fields {
    row: Map<String, Value>,
}

/// The same, and those of an entry of one of its lists, which come first.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    row: &'a Map<String, Value>,
    entry: Option<&'a Map<String, Value>>,
}

impl Fields {
    pub(super) fn of(row: &Utterance) -> Self {
        match serde_json::to_value(row) {
            Ok(Value::Object(row)) => Self { row },
            // A path that is no text has no JSON, and the row no fields.
            _ => Self { row: Map::new() },
        }
    }

    /// The row as a whole, or with `each` for every entry of that list.
    ///
    /// # Errors
    ///
    /// [`Misfit`] where there is no such list, or it has nothing.
    pub(super) fn views(&self, each: Option<&str>) -> Result<Vec<View<'_>>, Misfit> {
        let whole = View { row: &self.row, entry: None };
        let Some(name) = each else { return Ok(vec![whole]) };
        let is_not = |found| Misfit::Kind { field: name.to_owned(), found, expected: "a list of objects" };
        let entries = match whole.find(name) {
            Some(Value::Array(entries)) if !entries.is_empty() => entries,
            Some(Value::Array(_)) | None => return Err(whole.absent(name)),
            Some(other) => return Err(is_not(kind(other))),
        };
        entries
            .iter()
            .map(|entry| match entry.as_object() {
                Some(entry) => Ok(View { row: &self.row, entry: Some(entry) }),
                None => Err(is_not(kind(entry))),
            })
            .collect()
    }
}

impl<'a> View<'a> {
    /// The words of a field.
    ///
    /// # Errors
    ///
    /// [`Misfit`] where it is absent, blank, or no words.
    pub(super) fn words(&self, name: &str) -> Result<String, Misfit> {
        let value = self.find(name).ok_or_else(|| self.absent(name))?;
        let words = words(value).ok_or_else(|| Misfit::Kind {
            field: name.to_owned(),
            found: kind(value),
            expected: WORDS,
        })?;
        if words.trim().is_empty() { Err(self.absent(name)) } else { Ok(words) }
    }

    /// The field itself, the one that a corpus may have it as, or one inside another: `fields.name`.
    fn find(&self, name: &str) -> Option<&'a Value> {
        let of = |map: &'a Map<String, Value>| {
            let inside = || {
                let (outer, inner) = name.split_once('.')?;
                map.get(outer)?.get(inner)
            };
            let known = || map.get(manifest::field_of(name)?);
            map.get(name).or_else(known).or_else(inside).filter(|value| !value.is_null())
        };
        self.entry.and_then(of).or_else(|| of(self.row))
    }

    pub(super) fn absent(&self, name: &str) -> Misfit {
        let all = self.entry.into_iter().chain([self.row]).flat_map(|map| map.keys());
        let has: Vec<String> = all.map(|name| format!("`{name}`")).collect();
        Misfit::Absent { field: name.to_owned(), has: has.join(", ") }
    }
}

/// A value as words, where it is made of such.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(entries) => {
            let all = entries.iter().map(|entry| if entry.is_array() { None } else { words(entry) });
            Some(all.collect::<Option<Vec<_>>>()?.join(BETWEEN))
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
