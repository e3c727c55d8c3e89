//! The record of a run: what was run, with which settings.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const NAME: &str = "run.json";

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The stage, such as `adapter`.
    pub stage: String,
    /// Its settings, after all overrides.
    pub settings: Value,
    /// Where tensors lived.
    pub backend: String,
    /// The version of this program.
    pub version: String,
}

impl RunRecord {
    /// Of a run that begins now.
    pub fn new(stage: &str, settings: Value, backend: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { stage: stage.to_owned(), settings, backend: backend.to_owned(), version }
    }

    /// Writes it into the folder of the run, which is made.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, run: &Path) -> anyhow::Result<()> {
        let path = run.join(NAME);
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::create_dir_all(run)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Reads it from the folder of a run; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(run: &Path) -> anyhow::Result<Option<Self>> {
        let path = run.join(NAME);
        if !path.exists() {
            return Ok(None);
        }
        let fail = || format!("cannot read `{}`", path.display());
        Ok(Some(serde_json::from_slice(&fs::read(&path).with_context(fail)?).with_context(fail)?))
    }

    /// The settings as `key.path` and value, in order.
    pub fn flat(&self) -> Vec<(String, String)> {
        let mut flat = Vec::new();
        flatten("", &self.settings, &mut flat);
        flat
    }
}

fn flatten(path: &str, value: &Value, flat: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, flat);
            }
        }
        Value::Null => {}
        Value::String(text) => flat.push((path.to_owned(), text.clone())),
        value => flat.push((path.to_owned(), value.to_string())),
    }
}
