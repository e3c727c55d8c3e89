//! What the `README.md` of a folder from the hub states in its front matter: languages, licence, task.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::yaml;

/// The card of a model.
pub(crate) const CARD_FILE: &str = "README.md";
/// The most that is read of a card; its front matter is at the start.
const MAX_CARD_BYTES: u64 = 64 << 10;

/// The statements of a model card; empty where it makes none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// Languages, as the card names them.
    pub languages: Vec<String>,
    /// The licence's name.
    pub license: Option<String>,
    /// What the model is for.
    pub pipeline_tag: Option<String>,
}

impl ModelCard {
    /// Reads the card at `path`; one that cannot be read states nothing.
    pub(super) fn read(path: &Path) -> Self {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_CARD_BYTES).read_to_end(&mut text));
        if read.is_err() {
            return Self::default();
        }
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// The front matter lies between two lines of dashes.
    fn parse(text: &str) -> Self {
        let front = text.strip_prefix("---").and_then(|rest| rest.split_once("\n---"));
        let matter = front.and_then(|(matter, _)| yaml::parse(matter).ok()).unwrap_or_default();
        let texts = |name: &str| -> Vec<String> {
            match &matter[name] {
                Value::String(text) => vec![text.clone()],
                Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            }
        };
        Self {
            languages: texts("language"),
            license: texts("license").into_iter().next(),
            pipeline_tag: texts("pipeline_tag").into_iter().next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_read_and_all_else_is_not() {
        let text = "---\nlanguage:\n- en\n- 'no'\ntags: [a, b]\nlicense: apache-2.0\nmodel:\n  license: x\n---\nlanguage: fr\n";
        let card = ModelCard::parse(text);
        assert_eq!(card.languages, ["en", "no"]);
        assert_eq!(card.license.as_deref(), Some("apache-2.0"));
        assert_eq!(card.pipeline_tag, None);
        let card = ModelCard::parse("---\nlanguage: [de, \"fr\"]\npipeline_tag: translation\n---\n");
        assert_eq!(card.languages, ["de", "fr"]);
        assert_eq!(card.pipeline_tag.as_deref(), Some("translation"));
        assert_eq!(ModelCard::parse("# A model\nlanguage: en\n"), ModelCard::default());
    }
}
