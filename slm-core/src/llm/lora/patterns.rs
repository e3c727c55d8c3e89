//! Values for some of the maps of a model, by patterns of their paths: `rank_pattern` and `alpha_pattern` of PEFT.
//!
//! Reference: PEFT 0.21.2, `get_pattern_key`. The first pattern counts, in the order of the file, that is the whole path of a
//! map or its end after a dot.

use std::fmt;
use std::marker::PhantomData;

use regex::Regex;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Values by patterns, in the order of the file.
#[derive(Debug)]
pub(super) struct Patterns<T>(Vec<(Regex, T)>);

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Patterns<T> {
    /// The value for the map at `path`; `None` where no pattern is for it.
    pub(super) fn of(&self, path: &str) -> Option<T> {
        self.0.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, value)| *value)
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = T> {
        self.0.iter().map(|(_, value)| *value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patterns<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

/// Reads an object without losing the order of its keys.
struct InOrder<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
    type Value = Patterns<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with patterns of paths")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Patterns<T>, A::Error> {
        let mut all = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, T>()? {
            let pattern = Regex::new(&format!(r"^(?:.*\.)?(?:{key})$"))
                .map_err(|error| A::Error::custom(format!("`{key}` is no pattern that is known: {error}")))?;
            all.push((pattern, value));
        }
        Ok(Patterns(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &str, path: &str) -> Option<usize> {
        serde_json::from_str::<Patterns<usize>>(patterns).unwrap().of(path)
    }

    #[test]
    fn the_first_pattern_counts_that_is_a_path_or_its_end() {
        let q = "model.layers.0.self_attn.q_proj";
        for (patterns, path, expected) in [
            (r#"{"q_proj": 3}"#, q, Some(3)),
            (r#"{"proj": 3}"#, q, None),
            (r#"{"self_attn": 3}"#, q, None),
            (r#"{"self_attn.q_proj": 3}"#, q, Some(3)),
            // A dot stands for any character, as in Python.
            (r#"{"self_attnxq_proj": 3}"#, q, None),
            (r#"{"self.attn.q_proj": 3}"#, q, Some(3)),
            // In the order of the file, not of the names.
            (r#"{"q_proj": 3, "layers.0.self_attn.q_proj": 5}"#, q, Some(3)),
            (r#"{"layers.0.self_attn.q_proj": 5, "q_proj": 3}"#, q, Some(5)),
            (r#"{"layers\\.[1-9]\\..*": 5, "q_proj|v_proj": 3}"#, q, Some(3)),
            (r#"{"layers\\.[1-9]\\..*": 5}"#, "model.layers.3.mlp.up_proj", Some(5)),
            (r#"{"^model.layers.0.self_attn.q_proj": 5}"#, q, Some(5)),
            (r#"{"^layers.0.self_attn.q_proj": 5}"#, q, None),
            (r#"{"lm_head": 2}"#, "lm_head", Some(2)),
            ("{}", q, None),
        ] {
            assert_eq!(found(patterns, path), expected, "{patterns}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        let error = serde_json::from_str::<Patterns<usize>>(r#"{"q_(proj": 3}"#).unwrap_err().to_string();
        assert!(error.contains("`q_(proj` is no pattern that is known"), "{error}");
        assert!(serde_json::from_str::<Patterns<usize>>(r#"{"q_proj": "3"}"#).is_err());
    }
}
