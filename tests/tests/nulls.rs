//! `null` in any field of any `config.json` counts as absent, but for three fields where it says something.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use slm_core::models::checkpoint::CONFIG_FILE;
use slm_core::models::{encoder, llm};
use slm_tests::{checkpoint, fixtures, sub_folders};

/// The fields whose `null` means that there is no such thing.
const MEANT: [&str; 4] =
    ["position_embeddings_type", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window"];

/// The fields of `value` and of all objects in it, each as a pointer.
fn pointers(value: &Value, prefix: &str, found: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let pointer = format!("{prefix}/{name}");
        pointers(value, &pointer, found);
        found.push(pointer);
    }
}

/// What a config of the text `config` says, or what is wrong with it, without the place in the file.
fn said(dir: &Path, config: &Value) -> Result<String, String> {
    fs::write(dir.join(CONFIG_FILE), config.to_string()).unwrap();
    let checkpoint = checkpoint(dir);
    let family = checkpoint.model_type().map_err(|error| error.to_string())?.unwrap_or_default();
    let said = if encoder::family_of(&family).is_some() {
        encoder::sizes(&checkpoint).map(|sizes| format!("{sizes:?}")).map_err(|error| error.to_string())
    } else {
        llm::sizes(&checkpoint).map(|sizes| format!("{sizes:?}")).map_err(|error| error.to_string())
    };
    said.map_err(|error| error.split(" at line ").next().unwrap_or_default().to_owned())
}

#[test]
fn in_any_field_it_is_as_if_the_field_were_absent() {
    let dir = tempfile::tempdir().unwrap();
    let (mut fields, mut needed) = (0, 0);
    for folder in sub_folders(&fixtures().join("parity")) {
        let Ok(text) = fs::read(folder.join(CONFIG_FILE)) else { continue };
        let config: Value = serde_json::from_slice(&text).unwrap();
        let mut all = Vec::new();
        pointers(&config, "", &mut all);
        for pointer in all {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let (mut null, mut absent) = (config.clone(), config.clone());
            *null.pointer_mut(&pointer).unwrap() = Value::Null;
            absent.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(name);
            let (null, absent) = (said(dir.path(), &null), said(dir.path(), &absent));
            if MEANT.contains(&name) {
                // It may say something else, but it is never refused.
                null.unwrap_or_else(|error| panic!("{}: {pointer}: {error}", folder.display()));
                continue;
            }
            assert_eq!(null, absent, "{}: {pointer}", folder.display());
            fields += 1;
            // Where a value is needed, or the others do not fit without it, it is named.
            if let Err(error) = null {
                needed += 1;
                assert!(error.contains("config.json`: ") && error.contains('`'), "{error}");
            }
        }
    }
    assert!(fields > 1000 && needed > 0, "{fields} fields, {needed} needed");
}

#[test]
fn a_field_that_is_needed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (config, field) in [
        (serde_json::json!({"model_type": "t5gemma", "encoder": null, "decoder": {}}), "encoder"),
        (serde_json::json!({"model_type": "t5gemma2", "encoder": {}, "decoder": null}), "decoder"),
    ] {
        let error = said(dir.path(), &config).unwrap_err();
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
    }
}
