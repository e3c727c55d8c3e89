//! Puts a bundle together: the frozen parts or pointers to them, the adapter, and `slm.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use slm_core::DecodeConfig;
use slm_core::models::adapter::Adapter;
use slm_core::models::checkpoint::{
    ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, Bundle, BundleManifest, Checkpoint, Part, PromptSettings,
    TaskDecoding,
};
use slm_core::models::llm::TrainableLora;
use slm_core::models::nn::weights::StorageType;
use slm_core::models::speech::MAX_SEGMENT_SECONDS;

use super::model;

/// Where the frozen parts of a bundle lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartsPlace {
    /// In the bundle, as copies.
    #[default]
    Copy,
    /// Where they are.
    Link,
}

/// What a bundle is made of.
#[derive(Debug, Clone)]
pub struct BundleContent<'a> {
    /// A short name.
    pub name: &'a str,
    /// The speech encoder.
    pub encoder: &'a Checkpoint,
    /// The language model.
    pub llm: &'a Checkpoint,
    /// Where these two will lie.
    pub place: PartsPlace,
    /// The adapter between them.
    pub adapter: &'a Adapter,
    /// The type in which it is stored.
    pub storage: StorageType,
    /// What was trained beside the language model with it, where there is such.
    pub lora: Option<&'a TrainableLora>,
    /// Phrasings of the instruction for each task, by the task's key, the one to use first.
    pub templates: &'a BTreeMap<String, Vec<String>>,
    /// How the prompts of a decoder-only language model are written, as far as its folder does not say it.
    pub prompt: &'a PromptSettings,
    /// How tasks are decoded, by their keys, as far as it is said.
    pub decoding: &'a BTreeMap<String, TaskDecoding>,
    /// Seconds of the longest utterance that the adapter was trained on.
    pub longest_seconds: f64,
    /// How the parts were trained.
    pub training: serde_json::Value,
}

/// The keys of the tasks whose answer has the words that were said, and so may say the same words twice.
const VERBATIM: [&str; 2] = ["transcribe", "spell"];

/// Writes the bundle into the folder `out`, which is there.
///
/// # Errors
///
/// Files that cannot be read or written.
pub fn write(out: &Path, content: &BundleContent<'_>) -> anyhow::Result<()> {
    let adapter_dir = create(out, "adapter")?;
    content.adapter.save(&adapter_dir, content.storage)?;

    let place = |model: &Checkpoint, name: &str| match content.place {
        PartsPlace::Copy => copy(model, out, name),
        PartsPlace::Link => link(model, out),
    };
    let mut manifest = BundleManifest::new(content.name);
    manifest.parts.encoder = place(content.encoder, "encoder")?;
    manifest.parts.llm = place(content.llm, "llm")?;
    let mut files = Checkpoint::open(&adapter_dir)?.model_files()?;
    if let Some(lora) = content.lora {
        let llm = content.llm.place().file_name().unwrap_or_default();
        lora.save(&adapter_dir, &llm.to_string_lossy())?;
        files.extend([ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE].map(str::to_owned));
    }
    manifest.parts.adapter = part(out, Path::new("adapter"), &files)?;
    manifest.templates = content.templates.clone();
    manifest.prompt = content.prompt.clone();
    manifest.decoding = decoding(content.llm)?;
    for (task, said) in content.decoding {
        manifest.decoding.entry(task.clone()).or_default().override_by(said);
    }
    // Recordings are cut into segments that are no longer than what the model knows.
    manifest.max_segment_seconds = Some(content.longest_seconds.clamp(1.0, MAX_SEGMENT_SECONDS));
    manifest.training = Some(content.training.clone());
    Bundle::write(out, &manifest)?;
    Ok(())
}

/// Copies the files of `model` into the folder `name` of the bundle.
fn copy(model: &Checkpoint, out: &Path, name: &str) -> anyhow::Result<Part> {
    let files = model::copy(model, &out.join(name))?;
    part(out, Path::new(name), &files)
}

/// Describes the files of `model` where they are.
fn link(model: &Checkpoint, out: &Path) -> anyhow::Result<Part> {
    let files = model.model_files()?;
    let file = files.first().map_or_else(|| model.place().to_owned(), |file| model.path_of(file));
    // Of the folder and not of the file, which may itself be a link to elsewhere.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).with_context(|| format!("cannot find `{}`", folder.display()))?;
    part(out, &folder, &files)
}

fn part(out: &Path, path: &Path, files: &[String]) -> anyhow::Result<Part> {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    Ok(Bundle::hash_part(out, path, &files)?)
}

fn create(out: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let dir = out.join(name);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    Ok(dir)
}

/// Where the language model may not repeat itself, so as not to fall into loops, a transcript still may.
fn decoding(llm: &Checkpoint) -> anyhow::Result<BTreeMap<String, TaskDecoding>> {
    let own = DecodeConfig::from_checkpoint(llm)?;
    let free = TaskDecoding {
        no_repeat_ngram_size: own.no_repeat_ngram.map(|_| 0),
        repetition_penalty: own.repetition_penalty.map(|_| 1.0),
        ..TaskDecoding::default()
    };
    if free == TaskDecoding::default() {
        return Ok(BTreeMap::new());
    }
    Ok(VERBATIM.map(|task| (task.to_owned(), free.clone())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_penalty_of_repetition_is_not_for_transcripts() {
        let dir = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            fs::write(dir.path().join("generation_config.json"), text).unwrap();
            decoding(&Checkpoint::open(dir.path()).unwrap()).unwrap()
        };
        assert!(of(r#"{"num_beams": 4}"#).is_empty());
        assert!(of(r#"{"no_repeat_ngram_size": 0}"#).is_empty());
        let found = of(r#"{"repetition_penalty": 1.1}"#);
        assert!(found.len() == 2 && found.values().all(|task| task.repetition_penalty == Some(1.0)));
        let found = of(r#"{"no_repeat_ngram_size": 6}"#);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["spell", "transcribe"]);
        assert!(found.values().all(|task| task.no_repeat_ngram_size == Some(0)));
        assert_eq!(
            serde_json::to_value(found).unwrap(),
            serde_json::json!({"transcribe": {"no_repeat_ngram_size": 0}, "spell": {"no_repeat_ngram_size": 0}})
        );
    }
}
