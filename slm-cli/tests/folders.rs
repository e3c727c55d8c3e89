//! `slm-cli info` on folders that are not sound, `doctor`, and `--dtype`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::run;
use safetensors::{Dtype, SafeTensors, serialize_to_file, tensor::TensorView};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/parity").join(name)
}

/// The config and the weights of a fixture, with `change` applied to the tensors.
fn altered(name: &str, change: impl Fn(&mut Vec<(String, Vec<usize>, Vec<u8>)>)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixture(name).join("config.json"), dir.path().join("config.json")).unwrap();
    let bytes = fs::read(fixture(name).join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .filter(|(_, view)| view.dtype() == Dtype::F32)
        .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
        .collect();
    change(&mut tensors);
    let views: Vec<(String, TensorView)> = tensors
        .iter()
        .map(|(name, shape, data)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap()))
        .collect();
    serialize_to_file(views, None, &dir.path().join("model.safetensors")).unwrap();
    dir
}

/// What `info --load` says of a folder that it refuses.
fn refusal(dir: &Path) -> String {
    let ran = run(&["info", "--load", dir.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    ran.stderr
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let nan = altered("lasr_ctc", |tensors| {
        let (_, _, data) = tensors.iter_mut().find(|(name, ..)| name == "ctc_head.weight").unwrap();
        data[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let text = refusal(nan.path());
    assert!(text.contains("tensor `ctc_head.weight`: 1 non-finite values, first at index 2"), "{text}");

    let renamed = altered("lasr_ctc", |tensors| {
        let (name, ..) = tensors.iter_mut().find(|(name, ..)| name == "encoder.out_norm.weight").unwrap();
        *name = "encoder.final_norm.weight".into();
    });
    let text = refusal(renamed.path());
    assert!(text.contains("1 missing, 1 unexpected"), "{text}");
    assert!(text.contains("missing `encoder.out_norm.weight` [32], nearest in the file"), "{text}");

    let misshaped = altered("t5_v11_gated_untied", |tensors| {
        let (_, shape, data) = tensors.iter_mut().find(|(name, ..)| name == "shared.weight").unwrap();
        let width: usize = shape[1];
        shape[0] -= 1;
        data.truncate(4 * shape[0] * width);
    });
    let text = refusal(misshaped.path());
    assert!(text.contains("tensor `shared.weight`: shape [63, 32], expected [64, 32]"), "{text}");
}

#[test]
fn files_that_do_not_fit_are_named() {
    // The features are wider than what the encoder reads.
    let dir = altered("lasr_ctc", |_| ());
    let text = refusal(dir.path());
    assert!(text.contains("preprocessor_config.json"), "{text}");
    let settings = r#"{"feature_extractor_type": "LasrFeatureExtractor", "feature_size": 128}"#;
    fs::write(dir.path().join("preprocessor_config.json"), settings).unwrap();
    let text = refusal(dir.path());
    assert!(text.contains("features have width 128, the encoder reads 32"), "{text}");
    // More labels than the head has rows.
    let settings = r#"{"feature_extractor_type": "LasrFeatureExtractor", "feature_size": 32}"#;
    fs::write(dir.path().join("preprocessor_config.json"), settings).unwrap();
    let labels: serde_json::Map<String, serde_json::Value> =
        (0..21).map(|id| (format!("label{id}"), id.into())).collect();
    fs::write(dir.path().join("vocab.json"), serde_json::Value::Object(labels).to_string()).unwrap();
    let text = refusal(dir.path());
    assert!(text.contains("21 tokens, embedding has 20 rows"), "{text}");
    fs::remove_file(dir.path().join("vocab.json")).unwrap();
    let ran = run(&["info", "--load", dir.path().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    let dir = altered("t5_v11_gated_untied", |_| ());
    let config = fs::read_to_string(dir.path().join("config.json")).unwrap();
    let config = config.replace("\"eos_token_id\": 1,", "\"eos_token_id\": 4000,");
    fs::write(dir.path().join("config.json"), config).unwrap();
    let text = refusal(dir.path());
    assert!(text.contains("`eos_token_id` 4000, vocabulary has 64"), "{text}");
}

#[test]
fn a_folder_is_described() {
    let dir = altered("t5_v11_gated_untied", |_| ());
    fs::write(dir.path().join("README.md"), "---\nlanguage:\n- en\nlicense: mit\n---\n# It\n").unwrap();
    let ran = run(&["info", "--json", dir.path().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let record: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record["family"], "t5");
    assert_eq!(record["languages"], "en");
    assert_eq!(record["licence"], "mit");
    assert_eq!(record["missing"], "tokenizer.json");
    assert!(record["parts"].as_str().unwrap().contains("decoder "), "{record}");
    assert!(record["memory"].as_str().unwrap().contains("MB in f16 (flex"), "{record}");
}

#[test]
fn the_doctor_says_what_a_folder_lacks() {
    let dir = altered("t5_v11_gated_untied", |tensors| {
        tensors.retain(|(name, ..)| name != "encoder.final_layer_norm.weight");
    });
    let ran = run(&["doctor", dir.path().to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].contains("kind") && lines[0].ends_with("language model"), "{lines:?}");
    let tokenizer =
        lines.iter().position(|line| line.starts_with("llm          tokenizer     WRONG")).unwrap();
    assert!(lines[tokenizer].contains("tokenizer.json`: no such file"), "{lines:?}");
    assert!(lines[tokenizer + 1].contains("hint:  take the file from the repository"), "{lines:?}");
    assert!(ran.stdout.contains("missing `encoder.final_layer_norm.weight`"), "{}", ran.stdout);
    let ran = run(&["doctor", "--json", dir.path().to_str().unwrap()]);
    let records: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[0]["state"], "ok");
    let wrong = records.iter().filter(|record| record["state"] == "WRONG");
    assert!(
        wrong.clone().count() == 2 && wrong.clone().all(|record| record["advice"].is_string()),
        "{records:?}"
    );
    // A model that answers has nothing to tell.
    let ran = run(&["doctor", "weights/slm-tiny"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(!ran.stdout.contains("hint:") && ran.stdout.contains("transcribe"), "{}", ran.stdout);
}

#[test]
fn a_lora_adapter_is_described() {
    let ran = run(&["info", "--load", "--json", "tests/fixtures/lora/queries_values"]);
    let record: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&record["kind"], &record["base"]), (&"LoRA adapter".into(), &"parity/llama_tied".into()));
    let ran = run(&["doctor", "tests/fixtures/lora/queries_values"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

#[test]
fn published_models_are_listed() {
    let ran = run(&["models"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("weights/slm-tiny\n  kind            bundle\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("slm-cli fetch openai/whisper-base && slm-cli --bundle whisper-base"));
}

#[test]
fn the_doctor_finds_the_cpu_well() {
    let ran = run(&["--backend", "flex", "doctor"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.lines().nth(1).unwrap().starts_with("flex      ok"), "{}", ran.stdout);
    let ran = run(&["--backend", "flex", "doctor", "--json"]);
    let record: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(record["max_error"].as_f64().unwrap() < 1e-4, "{record}");
    assert!(record["tokens_per_second"].as_f64().unwrap() > 0.0, "{record}");
    let ran = run(&["--backend", "tch-mps", "doctor"]);
    assert!(ran.stdout.contains("absent"), "{}", ran.stdout);
}

#[test]
fn other_types_are_used_where_the_backend_has_them() {
    let audio = fixture("../../audio/test/wav/000000-16147b07.wav");
    let audio = audio.to_str().unwrap();
    let full = run(&["transcribe", audio]);
    for dtype in ["f16", "int8"] {
        let fewer = run(&["--dtype", dtype, "transcribe", audio]);
        assert_eq!((fewer.code, &fewer.stdout), (0, &full.stdout), "{dtype}: {}", fewer.stderr);
    }
    let ran = run(&["--dtype", "int3", "transcribe", audio]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("types are f32, f16, bf16, q8_0"), "{}", ran.stderr);
    let ran = run(&["--backend", "ndarray", "--dtype", "bf16", "transcribe", audio]);
    assert_eq!(ran.code, 2);
    let refused = "the backend does not compute in bf16 on this device";
    assert!(ran.stderr.contains(refused) || ran.stderr.contains("not in this build"), "{}", ran.stderr);
}
