//! Fields of an archive's settings that ask for what is not there.

use std::path::Path;

use serde_json::Value;

use super::NemoError;

/// Collects them, so that all are told at once.
#[derive(Debug, Default)]
pub(crate) struct FieldProblems(Vec<String>);

impl FieldProblems {
    /// The value `found` of `field` is one of `expected`, or a problem.
    pub(crate) fn expect(&mut self, field: &str, found: impl Into<Value>, expected: &[Value]) {
        let found = found.into();
        if !expected.contains(&found) {
            let expected: Vec<String> = expected.iter().map(Value::to_string).collect();
            self.0.push(format!("`{field}` is {found}, expected {}", expected.join(" or ")));
        }
    }

    /// The same of the class that a part is made of, whatever module it is from.
    pub(crate) fn expect_class(&mut self, field: &str, target: &str, expected: &str) {
        self.expect(field, target.rsplit('.').next().unwrap_or_default(), &[expected.into()]);
    }

    /// Adds others, one text each.
    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = String>) {
        self.0.extend(problems);
    }

    /// `value`, where there were none; else an error about the archive at `path`.
    pub(crate) fn none_or<T>(self, path: &Path, value: T) -> Result<T, NemoError> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(NemoError::Config { path: path.into(), problems: self.0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_told_at_once() {
        let mut problems = FieldProblems::default();
        problems.expect("a", 1, &[1.into()]);
        problems.expect_class("b._target_", "nemo.x.B", "B");
        assert_eq!(problems.none_or("x".as_ref(), 7).unwrap(), 7);
        let mut problems = FieldProblems::default();
        problems.expect("a", 2, &[1.into(), Value::Null]);
        problems.expect_class("b._target_", "nemo.x.C", "B");
        problems.extend(["`c` is 0".to_owned()]);
        assert_eq!(
            problems.none_or("x.nemo".as_ref(), 7).unwrap_err().to_string(),
            "cannot load config `x.nemo`: 3 invalid fields: `a` is 2, expected 1 or null, `b._target_` is \"C\", \
             expected \"B\", `c` is 0"
        );
    }
}
