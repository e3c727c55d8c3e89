//! Puts a bundle together: copies of the frozen parts, the adapter, and `slm.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use slm_core::adapter::Adapter;
use slm_core::bundle::{Bundle, BundleManifest, Part};
use slm_core::text;
use slm_core::weights::{self, StorageType};

use super::adapter::Order;
use crate::data::domain::Field;
use crate::data::domain::tasks::{Language, Task, instructions};

/// Files of a speech encoder's folder that a bundle takes along beside the weights.
const ENCODER_FILES: [&str; 3] = ["config.json", "preprocessor_config.json", "tokenizer_config.json"];
/// Files of a language model's folder that a bundle takes along beside the weights.
const LLM_FILES: [&str; 3] = ["config.json", "generation_config.json", "tokenizer_config.json"];
/// Files of an adapter's folder.
const ADAPTER_FILES: [&str; 2] = ["config.json", "model.safetensors"];

/// Writes the bundle `out` from the folders of the frozen parts and the trained adapter.
///
/// # Errors
///
/// Files that cannot be read or written.
pub fn write(
    out: &Path,
    name: &str,
    encoder: &Path,
    llm: &Path,
    adapter: &Adapter,
    order: Order,
    training: serde_json::Value,
) -> anyhow::Result<()> {
    let adapter_dir = out.join("adapter");
    fs::create_dir_all(&adapter_dir).with_context(|| format!("cannot create `{}`", adapter_dir.display()))?;
    adapter.save(&adapter_dir, StorageType::F32)?;

    let mut manifest = BundleManifest::new(name);
    manifest.parts.encoder = copy(encoder, out, "encoder", &ENCODER_FILES)?;
    manifest.parts.llm = copy(llm, out, "llm", &LLM_FILES)?;
    manifest.parts.adapter = part(out, "adapter", &ADAPTER_FILES)?;
    manifest.templates = templates(order);
    manifest.training = Some(training);
    Bundle::write(out, &manifest)?;
    Ok(())
}

/// Copies weights and tokenizer in `from`, and those of `files` that it has, into the folder `name` of the bundle.
fn copy(from: &Path, out: &Path, name: &str, files: &[&'static str]) -> anyhow::Result<Part> {
    let to = out.join(name);
    fs::create_dir_all(&to).with_context(|| format!("cannot create `{}`", to.display()))?;
    let weights = weights::folder_files(from)?;
    let present: Vec<&str> = files
        .iter()
        .copied()
        .chain(text::FILE_NAMES)
        .filter(|file| from.join(file).exists())
        .chain(weights.iter().map(String::as_str))
        .collect();
    for file in &present {
        let (source, target) = (from.join(file), to.join(file));
        fs::copy(&source, &target).with_context(|| format!("cannot copy `{}`", source.display()))?;
    }
    part(out, name, &present)
}

fn part(out: &Path, name: &str, files: &[&str]) -> anyhow::Result<Part> {
    Ok(Bundle::hash_part(out, Path::new(name), files)?)
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
