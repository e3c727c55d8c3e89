//! What a file of tasks says, with the places of its texts.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::task::{Metric, Reads, Unfit};

/// The whole file. Unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolFile {
    #[serde(default = "one")]
    pub(super) temperature: f64,
    #[serde(default)]
    pub(super) languages: BTreeMap<String, String>,
    #[serde(default, rename = "task")]
    pub(super) tasks: Vec<TaskEntry>,
    #[serde(default)]
    pub(super) zero_shot: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
}

/// A `[[task]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskEntry {
    pub(super) name: Spanned<String>,
    pub(super) target: Spanned<String>,
    pub(super) phrasings: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) templates: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) from: Reads,
    #[serde(default)]
    pub(super) language: OneOrSeveral,
    #[serde(default)]
    pub(super) target_language: OneOrSeveral,
    #[serde(default)]
    pub(super) sources: OneOrSeveral,
    #[serde(default)]
    pub(super) each: Option<Spanned<String>>,
    #[serde(default = "one")]
    pub(super) weight: f64,
    #[serde(default)]
    pub(super) unfit: Unfit,
    #[serde(default)]
    pub(super) metric: Option<Metric>,
}

/// A text, or a list of texts.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl Default for OneOrSeveral {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl OneOrSeveral {
    pub(super) fn into_list(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        }
    }
}

fn one() -> f64 {
    1.0
}
