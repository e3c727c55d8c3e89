//! The keys and values that a file begins with.

use std::collections::BTreeMap;

use super::{FieldProblem, Numbers, Value};

/// The keys and values that a file begins with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(BTreeMap<String, Value>);

impl Metadata {
    /// Adds a value; whether its key is new.
    pub(super) fn insert(&mut self, key: String, value: Value) -> bool {
        self.0.insert(key, value).is_none()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// What `read` makes of the value of `key`, where there is one.
    fn read<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FieldProblem> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let mistaken = || FieldProblem::Type { key: key.to_owned(), expected, found: value.kind() };
        read(value).map(Some).ok_or_else(mistaken)
    }

    /// The text of `key`.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it is none.
    pub fn text(&self, key: &str) -> Result<Option<&str>, FieldProblem> {
        self.read(
            key,
            "a text",
            |value| if let Value::Text(text) = value { Some(text.as_str()) } else { None },
        )
    }

    /// The flag of `key`.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it is none.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, FieldProblem> {
        self.read(key, "a flag", |value| if let Value::Flag(flag) = value { Some(*flag) } else { None })
    }

    /// The integer of `key`, which counts something.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it is none.
    pub fn count(&self, key: &str) -> Result<Option<u64>, FieldProblem> {
        self.read(key, "an integer of at least 0", |value| {
            if let Value::Integer(count) = value { u64::try_from(*count).ok() } else { None }
        })
    }

    /// The float of `key`. One of 32 bits is the shortest decimal that it is nearest to: 1e-5 and not 9.99999974e-6.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it is none, or not finite.
    pub fn float(&self, key: &str) -> Result<Option<f64>, FieldProblem> {
        self.read(key, "a finite float", |value| match value {
            Value::F32(float) if float.is_finite() => float.to_string().parse().ok(),
            Value::F64(float) if float.is_finite() => Some(*float),
            _ => None,
        })
    }

    /// The texts of `key`.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it has none.
    pub fn texts(&self, key: &str) -> Result<Option<&[Box<str>]>, FieldProblem> {
        self.read(key, "an array of texts", |value| {
            if let Value::Texts(texts) = value { Some(texts.as_slice()) } else { None }
        })
    }

    /// The integers of `key`.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it has none.
    pub fn integers(&self, key: &str) -> Result<Option<Vec<i128>>, FieldProblem> {
        self.read(key, "an array of integers", |value| numbers(value)?.integers())
    }

    /// The floats of `key`.
    ///
    /// # Errors
    ///
    /// [`FieldProblem::Type`] where it has none.
    pub fn floats(&self, key: &str) -> Result<Option<Vec<f64>>, FieldProblem> {
        self.read(key, "an array of floats", |value| numbers(value)?.floats())
    }
}

fn numbers(value: &Value) -> Option<&Numbers> {
    if let Value::Numbers(numbers) = value { Some(numbers) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_the_type_that_is_asked_for() {
        let mut metadata = Metadata::default();
        assert!(metadata.insert("eps".into(), Value::F32(1e-5)));
        assert!(metadata.insert("n".into(), Value::Integer(-1)));
        assert!(metadata.insert("inf".into(), Value::F64(f64::INFINITY)));
        assert!(!metadata.insert("n".into(), Value::Integer(3)));
        assert_eq!(metadata.float("eps"), Ok(Some(1e-5)));
        assert_eq!(metadata.count("n"), Ok(Some(3)));
        assert_eq!(metadata.text("none"), Ok(None));
        for (problem, expected) in [
            (metadata.text("n").unwrap_err(), "`n` is an integer, expected a text"),
            (metadata.float("inf").unwrap_err(), "`inf` is a float, expected a finite float"),
            (metadata.texts("eps").unwrap_err(), "`eps` is a float, expected an array of texts"),
            (metadata.integers("eps").unwrap_err(), "`eps` is a float, expected an array of integers"),
        ] {
            assert_eq!(problem.to_string(), expected);
        }
    }
}
