//! The pool of the reference model gives the prompts and answers that its tasks had when they were written in Rust.

use std::path::{Path, PathBuf};

use burn::prelude::*;
use serde::Deserialize;
use serde_json::json;
use slm_core::models::prompt::PromptIds;

use super::prompts::Prompts;
use super::words::Words;
use super::{AdapterStage, Frozen};
use crate::data::pool::{Asker, PromptWriter, TaskPool};

/// What the code before wrote of a stage.
#[derive(Deserialize)]
struct Before {
    /// Of each task the ids of each phrasing, cut where the speech stands.
    prompts: Vec<Vec<Vec<Vec<u32>>>>,
    #[serde(default)]
    examples: Vec<ExampleBefore>,
}

#[derive(Deserialize)]
struct ExampleBefore {
    speech: usize,
    task: usize,
    target: Vec<u32>,
    /// The ids of each phrasing with the text in the place of speech, of the first examples.
    taught: Option<Vec<Vec<Vec<u32>>>>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn before(name: &str) -> Before {
    let text = std::fs::read(repository().join("tests/fixtures/adapter_tasks.json")).unwrap();
    let mut all: serde_json::Value = serde_json::from_slice(&text).unwrap();
    serde_json::from_value(all[name].take()).unwrap()
}

fn check(name: &str, llm: &str, order: &str) {
    let (root, cache) = (repository(), tempfile::tempdir().unwrap());
    let stage: AdapterStage = serde_json::from_value(json!({
        "name": "x",
        "encoder": root.join("weights/slm-tiny/encoder"),
        "llm": root.join(llm),
        "train_manifest": root.join("tests/audio/test/manifest.jsonl"),
        "dev_manifest": root.join("tests/audio/test/manifest.jsonl"),
        "cache": cache.path(),
        "order": order,
        "tasks": root.join("weights/recipe/tasks.toml"),
        "batch_tokens": 240,
        "train": {},
    }))
    .unwrap();
    let parts = Frozen::load(&stage.encoder, &stage.llm, &Device::flex()).unwrap();
    let writer =
        PromptWriter::new(parts.llm.sizes(), &parts.llm_files, &parts.tokenizer, &stage.prompt).unwrap();
    let pool = TaskPool::read(&stage.tasks, stage.order).unwrap();
    let (mut asker, mut prompts) = (Asker::new(&pool), Prompts::new(writer));
    let words = Words::read(&stage.train_manifest, &stage.cache, &mut asker, &mut prompts).unwrap();
    words.check_taught(&prompts).unwrap();
    let taught = words.examples.iter().map(|example| {
        let text = words.rows.get(example.speech.unwrap()).unwrap().text;
        let all = prompts.taught(&example, &text).unwrap();
        for (phrasing, taught) in all.iter().enumerate() {
            assert_eq!(prompts.taught_by(&example, phrasing, &text).unwrap(), *taught);
        }
        all
    });
    let expected = before(name);
    let ids = |prompt: PromptIds| prompt.parts().to_vec();

    for (task, expected) in expected.prompts.iter().enumerate() {
        let example = words.examples.iter().find(|example| example.task == task).unwrap();
        let found: Vec<_> = (0..prompts.phrasings(task)).map(|n| ids(prompts.prompt(&example, n))).collect();
        assert_eq!(found, *expected, "task {task}");
    }
    assert!(expected.examples.is_empty() || expected.examples.len() == words.examples.len());
    for ((found, taught), expected) in words.examples.iter().zip(taught).zip(expected.examples) {
        assert_eq!((found.speech, found.task), (Some(expected.speech), expected.task));
        assert_eq!(found.target, expected.target);
        if let Some(expected) = expected.taught {
            assert_eq!(taught.into_iter().map(ids).collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn an_encoder_decoder_is_asked_as_before() {
    check("t5", "weights/slm-tiny/llm", "speech-first");
    check("t5_instruction_first", "weights/slm-tiny/llm", "instruction-first");
}

#[test]
fn a_decoder_alone_is_asked_as_before() {
    check("chat", "tests/fixtures/conversation", "speech-first");
}
