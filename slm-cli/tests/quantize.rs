//! `slm-cli quantize`: a bundle in few bits, made by one command, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;

use common::{FIRST, answer, run};

#[test]
fn a_bundle_in_few_bits_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("small");
    let out = out.to_str().unwrap();
    let args = ["quantize", "weights/slm-tiny", "--dtype", "int8", "--out", out];
    let ran = run(&args);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("adapter: copied as it is\n"), "{}", ran.stderr);
    for part in ["encoder: ", "llm: "] {
        let line = ran.stderr.lines().find(|line| line.starts_with(part)).unwrap();
        assert!(line.ends_with(" matrices in Q8_0"), "{line}");
    }
    assert!(ran.stderr.contains(&format!("MB in q8_0, in `{out}`\nhint: ")), "{}", ran.stderr);
    let expected = answer(&["--dtype", "int8", "transcribe", FIRST]);
    assert_eq!(answer(&["--bundle", out, "transcribe", FIRST]), expected);
    let described = answer(&["info", out]);
    let llm = described.lines().find(|line| line.starts_with("llm ")).unwrap();
    assert!(llm.contains("F16 and Q8_0"), "{llm}");
    let memory = described.lines().find(|line| line.starts_with("memory ")).unwrap();
    assert!(memory.contains(" in mixed (flex"), "{memory}");
    assert!(answer(&["info", "--load", out]).contains("every tensor loads"));
    // Once more: it is there.
    let ran = run(&args);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("it is there already\nhint: "), "{}", ran.stderr);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    // It has nothing that would be smaller.
    let other = dir.path().join("other");
    let ran = run(&["quantize", out, "--dtype", "int8", "--out", other.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("no matrix of it would have fewer bits in q8_0"), "{}", ran.stderr);
    assert!(!other.exists());
}

#[test]
fn what_cannot_start_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    for (args, expected) in [
        (
            &["quantize", "weights/slm-tiny", "--out", out][..],
            "`slm-cli quantize` needs `--dtype`\nhint: types are",
        ),
        (
            &["quantize", "weights/slm-tiny", "--dtype", "f16", "--out", out],
            "cannot quantize to f16: types are q8_0, q4_0 and q4_k",
        ),
        (
            &["quantize", "tests/fixtures/parity/nemo_ctc_x4", "--dtype", "q8_0", "--out", out],
            "it is an archive of NeMo\nhint: ",
        ),
        (&["quantize", "no/folder", "--dtype", "q8_0", "--out", out], "cannot read `no/folder`"),
        (
            &["--backend", "flex", "quantize", "weights/slm-tiny", "--dtype", "q8_0", "--out", out],
            "`--backend` has no effect on `slm-cli quantize`",
        ),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(expected), "{}", ran.stderr);
    }
    // Started, and failed on the way.
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let inside = file.join("model");
    let ran = run(&["quantize", "weights/slm-tiny", "--dtype", "q8_0", "--out", inside.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot write `"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
