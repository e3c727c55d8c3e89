//! GGUF files that are damaged, or made to do harm: each is a named error, and none takes much memory.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use slm_core::models::checkpoint::gguf::{GgufError, GgufFolder};
use slm_tests::fixtures;

fn folder(name: &str) -> PathBuf {
    fixtures().join("gguf").join(name)
}

/// What is said of a file.
fn problem(path: &Path) -> String {
    match GgufFolder::open(path) {
        Err(error) => error.to_string(),
        Ok(_) => "it is sound".to_owned(),
    }
}

#[test]
fn damaged_files_are_named() {
    for (name, expected) in [
        ("g01_magic", "it begins with `GGML`, expected `GGUF`"),
        ("g02_cut_data", "file has 10264 bytes"),
        ("g03_dims", "tensor `token_embd.weight` "),
    ] {
        let path = folder("bad").join(name).with_extension("gguf");
        let problem = problem(&path);
        assert!(problem.starts_with(&format!("cannot open `{}`: ", path.display())), "{problem}");
        assert!(problem.contains(expected), "{problem}");
    }
    let missing = GgufFolder::open(&folder("bad").join("none.gguf")).unwrap_err();
    assert!(matches!(missing, GgufError::Io { .. }), "{missing}");
}

/// The largest memory that this process had, in bytes, where the system tells it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Reads all that a file offers.
fn exhaust(path: &Path) {
    let Ok(gguf) = GgufFolder::open(path) else { return };
    for name in ["config.json", "tokenizer_config.json", "tokenizer.json"] {
        drop(gguf.read(name));
    }
    for (name, ..) in gguf.tensors() {
        drop(gguf.tensor(name).map(|tensor| tensor.dequantize()));
    }
}

#[test]
fn no_damage_panics_or_takes_much_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    let whole = fs::read(folder("llama_mixed").join("model.gguf")).unwrap();
    // Metadata and descriptions; what follows is numbers.
    let header = 5000;
    let before = peak();
    for step in 0..1200_usize {
        let mut bytes = whole.clone();
        let place = step * 7919 % header;
        match step % 4 {
            0 => bytes[place] ^= 1 << (step % 8),
            1 => bytes[place] = 0xff,
            // A count or a length that is as large as can be.
            2 => bytes[place..place + 8].fill(if step % 3 == 0 { 0xff } else { 0x7f }),
            _ => bytes.truncate(place),
        }
        fs::write(&path, bytes).unwrap();
        exhaust(&path);
    }
    if let Some((before, after)) = before.zip(peak()) {
        assert!(after - before < 64 << 20, "{} bytes", after - before);
    }
}
