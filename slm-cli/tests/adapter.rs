//! `--adapter`: another adapter for one run.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{FIRST, answer, repository, run};

#[test]
fn an_adapter_is_named_by_its_folder() {
    let own = "weights/slm-tiny/adapter";
    let said = answer(&["transcribe", FIRST]);
    assert_eq!(answer(&["--adapter", own, "transcribe", FIRST]), said);
    assert_eq!(answer(&["transcribe", "--adapter", "weights/slm-tiny", FIRST]), said);
    let limits = answer(&["info", "--limits", "--adapter", own]);
    assert!(limits.lines().any(|line| line.starts_with("adapter ") && line.ends_with(own)), "{limits}");
    let without = answer(&["info", "--limits"]);
    assert!(without.lines().any(|line| line.starts_with("adapter ") && line.ends_with("the model's own")));
}

#[test]
fn one_that_does_not_fit_is_refused_before_any_input() {
    let ran = run(&["transcribe", "--adapter", "tests/fixtures/lora/t5_all", FIRST]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("(made for `parity/t5_v11_gated_untied`) does not fit: "), "{}", ran.stderr);
    let encoder = repository().join("weights/slm-tiny/encoder");
    let bundle = ["--bundle", encoder.to_str().unwrap()];
    let ran = run(&[&bundle[..], &["transcribe", "--adapter", "weights/slm-tiny/adapter", FIRST]].concat());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: adapters change a language model, and the model has none"));
}
