//! `slm-cli` as a user runs it: answers on stdout, the rest on stderr, exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Ran, repository, run, slm, spoken};
use hound::{SampleFormat, WavSpec, WavWriter};

fn wav(path: &Path, samples: impl IntoIterator<Item = i16>) {
    let spec =
        WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn transcribes_several_files_in_order() {
    let spoken = spoken(4);
    let mut args = vec!["transcribe"];
    args.extend(spoken.iter().map(|(path, _)| path.as_str()));
    let ran = run(&args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), spoken.len(), "{}", ran.stdout);
    // The scores over whole test sets are in weights/README.md; here most words must be right.
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (mut right, mut all) = (0, 0);
    for (line, (_, text)) in lines.iter().zip(&spoken) {
        let said = words(text);
        right += words(line).iter().filter(|word| said.contains(word)).count();
        all += said.len();
    }
    assert!(10 * right >= 9 * all, "{right} of {all} words:\n{}", ran.stdout);
    assert_eq!(ran.stderr.lines().last(), Some("4 transcribed, 0 failed"));
}

#[test]
fn an_installed_program_brings_its_model() {
    let (path, _) = &spoken(1)[0];
    let elsewhere = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let program = elsewhere.path().join("slm-cli");
    fs::copy(env!("CARGO_BIN_EXE_slm-cli"), &program).unwrap();
    let installed = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(elsewhere.path()).env("TMPDIR", temporary.path()).args(args);
        Ran::from(command.output().unwrap())
    };
    assert!(installed(&["info"]).stdout.contains("in the program"));
    let found = installed(&["transcribe", path]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert_eq!(found.stdout, run(&["transcribe", path]).stdout);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn folders_are_described_and_checked() {
    let bundle = repository().join("weights/slm-tiny");
    let info = |dir: &Path, args: &[&str]| {
        let mut all = vec!["info", dir.to_str().unwrap()];
        all.extend(args);
        run(&all)
    };
    for (part, words) in [
        ("", ["bundle", "adapter"]),
        ("encoder", ["speech encoder with a CTC head", "parakeet_ctc"]),
        ("llm", ["language model", "t5"]),
    ] {
        let described = info(&bundle.join(part), &[]);
        assert_eq!(described.code, 0, "{}", described.stderr);
        assert!(words.iter().all(|word| described.stdout.contains(word)), "{}", described.stdout);
        assert!(!described.stdout.contains("checked"));
        assert!(info(&bundle.join(part), &["--load"]).stdout.contains("every tensor loads"), "{part}");
    }

    // Half of the weights: a download that was cut off.
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(bundle.join("llm").join(file), dir.path().join(file)).unwrap();
    }
    let found = info(dir.path(), &[]);
    assert_eq!(found.code, 2);
    assert!(found.stderr.contains("model.safetensors"), "{}", found.stderr);
    let weights = fs::read(bundle.join("llm/model.safetensors")).unwrap();
    fs::write(dir.path().join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    let found = info(dir.path(), &["--load"]);
    assert_eq!(found.code, 2);
    assert!(found.stderr.contains("model.safetensors") && found.stdout.is_empty(), "{}", found.stderr);
}

/// One short file, greedily and few tokens of it, as a software driver of a graphics interface takes long for a step.
/// The numbers of each backend are compared with those of transformers by `doctor` and the test `parity`.
#[test]
fn every_backend_of_the_build_writes_the_same() {
    let shortest = spoken(12).into_iter().map(|(path, _)| path);
    let shortest = shortest.min_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let transcribe = |backend: &str| {
        let args = ["--backend", backend, "transcribe", "--beam", "1", "--max-new-tokens", "4", &shortest];
        Ran::from(slm(&args).output().unwrap())
    };
    let reference = transcribe("flex");
    assert_eq!(reference.code, 0, "{}", reference.stderr);
    assert_ne!(reference.stdout.trim(), "");
    let devices = run(&["devices"]).stdout;
    let mut compared = 0;
    for line in devices.lines() {
        let name = line.split_whitespace().next().unwrap();
        if line.contains("not in this build") || name == "flex" {
            continue;
        }
        if line.contains("finds no device") && ["tch-cuda", "tch-mps", "cuda"].contains(&name) {
            // These need hardware of their own; the others run on any machine that tests run on.
            continue;
        }
        let found = transcribe(name);
        assert_eq!(found.code, 0, "{name}: {}", found.stderr);
        assert_eq!(found.stdout, reference.stdout, "{name}");
        // The text was cut, which is told, and that kernels are compiled; backends and their libraries tell nothing.
        let preparing = format!("note: `{name}` compiles its kernels");
        let is_ours = |line: &str| line.starts_with("warning: `") || line.starts_with(&preparing);
        assert!(found.stderr.lines().all(is_ours), "{name}: {}", found.stderr);
        compared += 1;
    }
    assert!(compared > 0, "only flex is in this build:\n{devices}");
}

#[test]
fn libraries_of_the_graphics_stack_say_nothing() {
    for args in [&["devices"][..], &["info"]] {
        let mut command = slm(args);
        for display in ["DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"] {
            command.env_remove(display);
        }
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn json_is_one_record_an_input() {
    let spoken = spoken(1);
    let ran = run(&["transcribe", "--json", &spoken[0].0, "missing.wav"]);
    assert_eq!(ran.code, 1);
    let records: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2);
    assert!(records[0]["text"].is_string());
    assert!(records[0]["duration"].as_f64().unwrap() > 1.0);
    assert_eq!(records[1]["error"]["kind"], "io");
    assert_eq!(ran.stderr.lines().last(), Some("1 transcribed, 1 failed"));
}

#[test]
fn an_empty_file_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.wav");
    fs::write(&path, b"").unwrap();
    let ran = run(&["transcribe", path.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout, "");
    let expected = format!("error: cannot read audio `{}`: file is empty (0 bytes)", path.display());
    assert_eq!(ran.stderr.lines().next(), Some(expected.as_str()));
}

#[test]
fn text_named_wav_fails_and_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.wav");
    fs::write(&path, "this is not a sound but a sentence\n").unwrap();
    let ran = run(&["transcribe", path.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout, "");
    let expected =
        format!("error: cannot read audio `{}`: not an audio file: content looks like text", path.display());
    assert_eq!(ran.stderr.lines().next(), Some(expected.as_str()));
    assert!(ran.stderr.contains("\nhint: "), "{}", ran.stderr);
}

#[test]
fn truncated_data_is_used_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.wav");
    let (whole, _) = &spoken(1)[0];
    let bytes = fs::read(whole).unwrap();
    fs::write(&path, &bytes[..=bytes.len() * 3 / 4]).unwrap();
    let ran = run(&["transcribe", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 1);
    assert_ne!(ran.stdout.trim(), "");
    assert!(
        ran.stderr.starts_with(&format!("warning: `{}`: data ends after ", path.display())),
        "{}",
        ran.stderr
    );
    // The same is a failure when warnings are.
    let strict = run(&["transcribe", "--strict", path.to_str().unwrap()]);
    assert_eq!((strict.code, strict.stdout.as_str()), (1, ""));
}

#[test]
fn silence_is_an_empty_line_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("silent.wav");
    wav(&path, std::iter::repeat_n(0, 32_000));
    let ran = run(&["transcribe", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "\n");
    assert_eq!(ran.stderr.trim_end(), format!("warning: `{}`: no speech found", path.display()));
    let json = run(&["transcribe", "--json", path.to_str().unwrap()]);
    let record: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((record["text"].as_str(), record["no_speech"].as_bool()), (Some(""), Some(true)));
}

#[test]
fn a_failed_input_does_not_end_the_others() {
    let spoken = spoken(2);
    let ran = run(&["transcribe", &spoken[0].0, "missing.wav", &spoken[1].0]);
    assert_eq!(ran.code, 1);
    // What failed keeps its line, so that lines and inputs stay in step.
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines.len() == 3 && lines[1].is_empty() && !lines[2].is_empty(), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().last(), Some("2 transcribed, 1 failed"));
    let fast = run(&["transcribe", "--fail-fast", "missing.wav", &spoken[1].0]);
    assert_eq!((fast.code, fast.stdout.as_str()), (1, "\n"));
}

#[test]
fn every_verb_answers() {
    let spoken = spoken(1);
    let file = spoken[0].0.as_str();
    for args in [
        vec!["translate", "--to", "german", file],
        vec!["ask", "what should be bought", file],
        vec!["run", "--instruction", "translate to french", file],
        vec!["transcribe", "--task", "reply", file],
        vec!["transcribe", "--task", "field.place", file],
    ] {
        let ran = run(&args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout.lines().count(), 1, "{args:?}");
        assert_ne!(ran.stdout.trim(), "", "{args:?}");
    }
}

#[test]
fn an_unknown_backend_lists_those_of_the_build() {
    let ran = run(&["--backend", "gpu", "transcribe", "a.wav"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    let first = ran.stderr.lines().next().unwrap();
    assert!(first.starts_with("error: unknown backend `gpu`; this build has flex"), "{first}");
}

#[test]
fn a_backend_that_is_not_in_the_build_says_how_to_get_it() {
    let devices = run(&["devices"]).stdout;
    let Some(line) = devices.lines().find(|line| line.contains("not in this build")) else { return };
    let name = line.split_whitespace().next().unwrap();
    let ran = run(&["--backend", name, "transcribe", "a.wav"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains(&format!("backend `{name}` is not in this build; it has flex")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: build with `--features"), "{}", ran.stderr);
}

#[test]
fn a_closed_stdout_is_a_quiet_end() {
    let spoken = spoken(2);
    let mut child = slm(&["transcribe", &spoken[0].0, &spoken[1].0])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A copy of the reference bundle that a test may spoil.
fn bundle_copy(dir: &Path) -> PathBuf {
    let from = repository().join("weights/slm-tiny");
    let to = dir.join("bundle");
    for part in ["encoder", "llm", "adapter"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for entry in fs::read_dir(from.join(part)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(part).join(entry.file_name())).unwrap();
        }
    }
    fs::copy(from.join("slm.json"), to.join("slm.json")).unwrap();
    to
}

fn with_bundle(bundle: &Path) -> Ran {
    run(&["--bundle", bundle.to_str().unwrap(), "transcribe", "a.wav"])
}

#[test]
fn a_changed_part_is_refused_by_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = bundle_copy(dir.path());
    let weights = bundle.join("llm/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let ran = with_bundle(&bundle);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("llm/model.safetensors"), "{}", ran.stderr);
    assert!(ran.stderr.contains("sha256"), "{}", ran.stderr);
    assert!(ran.stderr.contains("expected"), "{}", ran.stderr);
}

/// Puts the hash of `file` in `part` into the bundle's manifest.
fn rehash(bundle: &Path, part: &str, file: &str) {
    let path = bundle.join("slm.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let hash = slm_core::models::checkpoint::hash::sha256_file(&bundle.join(part).join(file)).unwrap();
    manifest["parts"][part]["files"][file] = hash.into();
    fs::write(&path, manifest.to_string()).unwrap();
}

#[test]
fn a_renamed_tensor_is_named_as_missing_and_unexpected() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = bundle_copy(dir.path());
    let weights = bundle.join("adapter/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    let renamed = header.replacen("\"output.weight\"", "\"outpux.weight\"", 1);
    assert_ne!(header, renamed);
    fs::write(&weights, [&bytes[..8], renamed.as_bytes(), &bytes[8 + length..]].concat()).unwrap();
    rehash(&bundle, "adapter", "model.safetensors");
    let ran = with_bundle(&bundle);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("1 missing, 1 unexpected"), "{}", ran.stderr);
    assert!(ran.stderr.contains("missing `output.weight`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nearest in the file: `outpux.weight`"), "{}", ran.stderr);
}

#[test]
fn a_config_that_disagrees_with_the_weights_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = bundle_copy(dir.path());
    let path = bundle.join("llm/config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["d_ff"] = 100.into();
    fs::write(&path, config.to_string()).unwrap();
    rehash(&bundle, "llm", "config.json");
    let ran = with_bundle(&bundle);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("misshaped"), "{}", ran.stderr);
    assert!(ran.stderr.contains("encoder.block.0.layer.1.DenseReluDense.wi_0.weight"), "{}", ran.stderr);
    assert!(ran.stderr.contains("expected [100, "), "{}", ran.stderr);
}
