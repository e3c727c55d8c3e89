//! A field of a config in which `null` says something.

use serde::{Deserialize, Deserializer};

/// A field in which `null` means that there is none, and an absent key the default. It needs `#[serde(default)]`, and its
/// name among the nulls that [`json_with_nulls`](crate::checkpoint::Checkpoint::json_with_nulls) keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Nullable<T> {
    /// The file does not speak of it.
    #[default]
    Absent,
    /// What the file says.
    Given(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Given)
    }
}

impl<T> Nullable<T> {
    /// What the file says, or `default`.
    pub(crate) fn or(self, default: Option<T>) -> Option<T> {
        match self {
            Self::Absent => default,
            Self::Given(value) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_nothing_are_two_things() {
        #[derive(Deserialize)]
        struct Config {
            #[serde(default)]
            window: Nullable<usize>,
        }
        let read = |text: &str| serde_json::from_str::<Config>(text).unwrap().window;
        assert_eq!(read("{}").or(Some(3)), Some(3));
        assert_eq!(read(r#"{"window": null}"#).or(Some(3)), None);
        assert_eq!(read(r#"{"window": 5}"#), Nullable::Given(Some(5)));
        assert!(serde_json::from_str::<Config>(r#"{"window": "wide"}"#).is_err());
    }
}
