//! `slm.json`: what a bundle is made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BundleError, Part, PromptSettings, TaskDecoding};
use crate::checkpoint::json;
use crate::checkpoint::{PREPROCESSOR_FILE, TOKENIZER_FILES};

/// The format that this build writes and reads.
pub const FORMAT_VERSION: u32 = 1;
/// The only rate of audio that a bundle can ask for.
const SAMPLE_RATE: u32 = 16_000;

/// The content of `slm.json`. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleManifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The program that wrote it, with its version.
    pub writer: String,
    /// A short name.
    pub name: String,
    /// What it can do and what it was trained on.
    #[serde(default)]
    pub description: String,
    /// Samples a second of the audio that the encoder expects.
    pub sample_rate: u32,
    /// The models.
    pub parts: Parts,
    /// Phrasings of the instruction for each task, by the task's key, the one to use first.
    pub templates: BTreeMap<String, Vec<String>>,
    /// What tasks want decoded otherwise than the language model's folder says, by the task's key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decoding: BTreeMap<String, TaskDecoding>,
    /// How the prompts of a decoder-only language model are written, as far as its folder does not say it.
    #[serde(default, skip_serializing_if = "PromptSettings::is_empty")]
    pub prompt: PromptSettings,
    /// The longest audio that the model was trained on, in seconds: recordings are cut into segments no longer than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_segment_seconds: Option<f64>,
    /// How the parts were trained, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<serde_json::Value>,
}

/// The models of a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// The speech encoder, with `preprocessor_config.json` and, for its labels, `tokenizer.json`.
    pub encoder: Part,
    /// The language model, with `tokenizer.json`.
    pub llm: Part,
    /// The adapter between them.
    pub adapter: Part,
}

/// Only the version, which decides how the rest is read.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl Parts {
    /// Encoder, language model, adapter.
    pub fn all(&self) -> [&Part; 3] {
        [&self.encoder, &self.llm, &self.adapter]
    }
}

impl BundleManifest {
    /// A manifest of this build's format without parts, templates or description.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            writer: format!("slm {}", env!("CARGO_PKG_VERSION")),
            name: name.into(),
            description: String::new(),
            sample_rate: SAMPLE_RATE,
            parts: Parts::default(),
            templates: BTreeMap::new(),
            decoding: BTreeMap::new(),
            prompt: PromptSettings::default(),
            max_segment_seconds: None,
            training: None,
        }
    }

    /// Reads and checks the manifest at `path` of the bundle in `dir`.
    pub(super) fn read(path: &Path, dir: &Path) -> Result<Self, BundleError> {
        let Version { format_version } = json::read(path)?;
        if format_version != FORMAT_VERSION {
            let dir = dir.into();
            return Err(BundleError::Version { dir, found: format_version });
        }
        Ok(json::checked(json::read(path)?, path, Self::problems)?)
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.format_version != FORMAT_VERSION {
            problems.push(format!("`format_version` is {}, expected {FORMAT_VERSION}", self.format_version));
        }
        if self.name.is_empty() {
            problems.push("`name` is empty".to_owned());
        }
        if self.sample_rate != SAMPLE_RATE {
            problems.push(format!("`sample_rate` is {}, expected {SAMPLE_RATE}", self.sample_rate));
        }
        let parts = [
            ("encoder", &self.parts.encoder, &[PREPROCESSOR_FILE][..]),
            ("llm", &self.parts.llm, &TOKENIZER_FILES),
            ("adapter", &self.parts.adapter, &[]),
        ];
        for (name, part, own) in parts {
            part.add_problems(name, own, &mut problems);
        }
        for (task, phrasings) in &self.templates {
            if phrasings.is_empty() {
                problems.push(format!("`templates.{task}` is empty"));
            }
        }
        for (task, decoding) in &self.decoding {
            let of_task = |problem: String| format!("`decoding.{task}`: {problem}");
            problems.extend(decoding.problems().into_iter().map(of_task));
        }
        if let Some(seconds) = self.max_segment_seconds
            && !(1.0..=3600.0).contains(&seconds)
        {
            problems.push(format!("`max_segment_seconds` is {seconds}, must be 1 to 3600"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::bundle::Form;

    #[test]
    fn all_problems_are_told() {
        let mut manifest = BundleManifest::new("");
        manifest.sample_rate = 8000;
        manifest.parts.llm.files.insert("../config.json".into(), "A".repeat(64));
        manifest.templates.insert("ask".into(), Vec::new());
        let wrong = TaskDecoding { num_beams: Some(0), ..TaskDecoding::default() };
        manifest.decoding.insert("ask".into(), wrong);
        let problems = manifest.problems();
        // Name, rate, three paths, eight files, a name, a hash, a template, beams.
        assert_eq!(problems.len(), 17, "{problems:#?}");
        assert_eq!(problems.last().unwrap(), "`decoding.ask`: `num_beams` is 0, must be 1 to 64");
    }

    #[test]
    fn unknown_keys_are_refused() {
        let mut value = serde_json::to_value(BundleManifest::new("x")).unwrap();
        value["extra"] = serde_json::json!(1);
        let error = serde_json::from_value::<BundleManifest>(value).unwrap_err();
        assert!(error.to_string().contains("unknown field `extra`"));
    }

    #[test]
    fn decoding_and_prompts_are_written_where_there_are_any() {
        let mut manifest = BundleManifest::new("x");
        let value = serde_json::to_value(&manifest).unwrap();
        assert!(value.get("decoding").is_none() && value.get("prompt").is_none());
        assert_eq!(serde_json::from_value::<BundleManifest>(value).unwrap(), manifest);
        manifest.prompt.chat_template = Some("{{ messages }}".into());
        let own = TaskDecoding { no_repeat_ngram_size: Some(0), ..TaskDecoding::default() };
        manifest.decoding.insert("transcribe".into(), own);
        let value = serde_json::to_value(&manifest).unwrap();
        assert_eq!(value["decoding"], serde_json::json!({"transcribe": {"no_repeat_ngram_size": 0}}));
        assert_eq!(value["prompt"], serde_json::json!({"chat_template": "{{ messages }}"}));
        assert_eq!(serde_json::from_value::<BundleManifest>(value).unwrap(), manifest);
    }

    #[test]
    fn every_form_is_checked() {
        let mut manifest = BundleManifest::new("x");
        let before = manifest.problems().len();
        manifest.parts.llm.or.push(Form::default());
        let problems = manifest.problems();
        let of_form = "`parts.llm.or[0].files` lacks `config.json`".to_owned();
        assert!(problems.len() == before + 3 && problems.contains(&of_form), "{problems:#?}");
    }

    #[test]
    fn forms_are_written_where_there_are_any() {
        let mut manifest = BundleManifest::new("x");
        let value = serde_json::to_value(&manifest).unwrap();
        let keys: Vec<&String> = value["parts"]["llm"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["files", "path"]);
        let files = BTreeMap::from([("x.gguf".to_owned(), "0".repeat(64))]);
        manifest.parts.llm.form = "Q4_1".into();
        manifest.parts.llm.or.push(Form { form: String::new(), files });
        manifest.parts.llm.source = Some("`sh fetch.sh`".into());
        let value = serde_json::to_value(&manifest).unwrap();
        assert_eq!(value["parts"]["llm"]["or"], serde_json::json!([{"files": {"x.gguf": "0".repeat(64)}}]));
        assert_eq!(value["parts"]["llm"]["source"], "`sh fetch.sh`");
        assert_eq!(serde_json::from_value::<BundleManifest>(value).unwrap(), manifest);
    }
}
