//! Puts a bundle together: copies of the frozen parts, the adapter, and `slm.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use slm_core::adapter::{Adapter, AdapterShape, LengthReduction, OutputSpace};
use slm_core::audio::SAMPLE_RATE;
use slm_core::batch::PaddedBatch;
use slm_core::bundle::{Bundle, BundleManifest, Part};
use slm_core::weights::{self, StorageType};
use slm_core::{nemo, text};

use super::adapter::{AdapterStage, Frozen, Order, PartsPlace};
use crate::data::domain::Field;
use crate::data::domain::tasks::{Language, Task, instructions};

/// Files of a speech encoder's folder that a bundle takes along beside the weights.
const ENCODER_FILES: [&str; 3] = ["config.json", "preprocessor_config.json", "tokenizer_config.json"];
/// Files of a language model's folder that a bundle takes along beside the weights.
const LLM_FILES: [&str; 3] = ["config.json", "generation_config.json", "tokenizer_config.json"];
/// Files of an adapter's folder.
const ADAPTER_FILES: [&str; 2] = ["config.json", "model.safetensors"];

/// Writes the bundle `out` of the stage's frozen parts and the trained adapter.
///
/// # Errors
///
/// Files that cannot be read or written.
pub fn write(
    out: &Path,
    stage: &AdapterStage,
    adapter: &Adapter,
    training: serde_json::Value,
) -> anyhow::Result<()> {
    let adapter_dir = out.join("adapter");
    fs::create_dir_all(&adapter_dir).with_context(|| format!("cannot create `{}`", adapter_dir.display()))?;
    adapter.save(&adapter_dir, StorageType::F32)?;

    let place = |from: &Path, name: &str, files: &[&'static str]| match stage.parts {
        PartsPlace::Copy => copy(from, out, name, files),
        PartsPlace::Link => link(from, out, files),
    };
    let mut manifest = BundleManifest::new(&stage.name);
    manifest.parts.encoder = place(&stage.encoder, "encoder", &ENCODER_FILES)?;
    manifest.parts.llm = place(&stage.llm, "llm", &LLM_FILES)?;
    manifest.parts.adapter = part(out, Path::new("adapter"), &ADAPTER_FILES)?;
    manifest.templates = templates(stage.order);
    manifest.training = Some(training);
    Bundle::write(out, &manifest)?;
    Ok(())
}

/// Copies weights and tokenizer in `from`, and those of `files` that it has, into the folder `name` of the bundle.
fn copy(from: &Path, out: &Path, name: &str, files: &[&'static str]) -> anyhow::Result<Part> {
    let to = out.join(name);
    fs::create_dir_all(&to).with_context(|| format!("cannot create `{}`", to.display()))?;
    let (folder, present) = (folder_of(from), present(from, files)?);
    for file in &present {
        let (source, target) = (folder.join(file), to.join(file));
        fs::copy(&source, &target).with_context(|| format!("cannot copy `{}`", source.display()))?;
    }
    part(out, Path::new(name), &present)
}

/// Describes the same files where they are.
fn link(from: &Path, out: &Path, files: &[&'static str]) -> anyhow::Result<Part> {
    let whole =
        |path: &Path| fs::canonicalize(path).with_context(|| format!("cannot find `{}`", path.display()));
    let (from, place) = (whole(from)?, whole(&folder_of(from))?);
    if from.is_file() && nemo::find(&place).as_ref() != Some(&from) {
        bail!("cannot link `{}`: it must be the only model of its folder", from.display());
    }
    part(out, &place, &present(&from, files)?)
}

/// The folder of a model that is a folder, or a `.nemo` archive in one.
fn folder_of(model: &Path) -> PathBuf {
    let parent = model.parent().filter(|parent| !parent.as_os_str().is_empty());
    if model.is_file() { parent.unwrap_or(Path::new(".")).to_owned() } else { model.to_owned() }
}

/// Weights and tokenizer in `from`, and those of `files` that it has.
fn present(from: &Path, files: &[&'static str]) -> anyhow::Result<Vec<String>> {
    let others = files.iter().copied().chain(text::FILE_NAMES).filter(|file| from.join(file).exists());
    Ok(others.map(str::to_owned).chain(weights::folder_files(from)?).collect())
}

fn part(out: &Path, path: &Path, files: &[impl AsRef<str>]) -> anyhow::Result<Part> {
    let files: Vec<&str> = files.iter().map(AsRef::as_ref).collect();
    Ok(Bundle::hash_part(out, path, &files)?)
}

/// Soft tokens a second that an adapter makes of an encoder without a CTC head: about the rate of text.
const TOKENS_A_SECOND: f64 = 6.25;
/// Width of a head of a derived adapter.
const HEAD_WIDTH: usize = 64;

/// The shape of an adapter between two models: what their configs leave open has the defaults that were found by
/// measurement on the reference model (`weights/README.md`). With a CTC head, one state a label, and soft tokens where
/// the labels have a tokenizer; without one, neighbouring states side by side until they come at the rate of text.
///
/// # Errors
///
/// A device that fails.
pub fn shape_between(parts: &Frozen) -> anyhow::Result<AdapterShape> {
    let reduction = if parts.encoder.labels().is_some() {
        LengthReduction::CtcAverage
    } else {
        let second = parts.features.extract(&vec![0.0; SAMPLE_RATE as usize]);
        let rows = [second.values.as_slice()];
        let batch = PaddedBatch::from_rows(&rows, parts.features.width(), &parts.device);
        let states = parts.encoder.forward(&batch).lengths()[0];
        LengthReduction::Stack { count: (states as f64 / TOKENS_A_SECOND).round().max(1.0) as usize }
    };
    let has_soft_tokens = reduction.needs_ctc() && parts.labels.is_some();
    let hidden_size = (parts.llm.d_model() / 2).div_ceil(HEAD_WIDTH) * HEAD_WIDTH;
    Ok(AdapterShape {
        reduction,
        output: if has_soft_tokens { OutputSpace::SoftTokens } else { OutputSpace::Projected },
        hidden_size,
        num_layers: 2,
        num_heads: hidden_size / HEAD_WIDTH,
        intermediate_size: 2 * hidden_size,
        dropout: 0.05,
    })
}

/// The template of an instruction in the user's words; in training all instructions begin with a colon.
fn free_instruction(order: Order) -> &'static str {
    match order {
        Order::SpeechFirst => "{speech} : {instruction}",
        Order::InstructionFirst => ": {instruction} {speech}",
    }
}

/// The phrasings of every task that the reference language model knows, by the task's key.
pub fn templates(order: Order) -> BTreeMap<String, Vec<String>> {
    let mut tasks = vec![
        ("transcribe".to_owned(), Task::Repeat),
        ("spell".to_owned(), Task::Spell),
        ("ask".to_owned(), Task::Question),
        ("continue".to_owned(), Task::Continue),
        ("reply".to_owned(), Task::Reply),
        ("chat".to_owned(), Task::Chat),
    ];
    tasks.extend(Language::ALL.map(|to| (format!("translate.{}", to.as_str()), Task::Translate(to))));
    tasks.extend(Field::ALL.map(|field| (format!("field.{}", field.as_str()), Task::Field(field))));
    tasks
        .into_iter()
        .map(|(key, task)| {
            let phrasings = instructions(task)
                .iter()
                .map(|text| match order {
                    Order::SpeechFirst => format!("{{speech}} {text}"),
                    Order::InstructionFirst => format!("{text} {{speech}}"),
                })
                .collect();
            (key, phrasings)
        })
        .chain([("instruction".to_owned(), vec![free_instruction(order).to_owned()])])
        .collect()
}
