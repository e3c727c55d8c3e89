//! A checkout as Git for Windows makes it by default, with `core.autocrlf`, has the bytes that were committed.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that tells why it is skipped")]

use std::fs;
use std::path::Path;
use std::process::Command;

use slm_core::models::checkpoint::{Bundle, BundleError};

/// The folder of the reference model in a checkout.
const BUNDLE: &str = "weights/slm-tiny";

/// What git says in `dir`, or why it does not.
fn git(dir: &Path, args: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(dir).args(args).output();
    let output = output.map_err(|error| format!("git does not start: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Files of the checkout that do not have the ends of lines that were committed.
fn converted(checkout: &Path) -> Vec<String> {
    let listed = git(checkout, &["ls-files", "--eol"]).unwrap();
    let is_converted = |line: &&str| line.contains("w/crlf") || line.contains("w/mixed");
    listed.lines().filter(is_converted).map(str::to_owned).collect()
}

#[test]
fn line_ends_stay_and_the_hashes_of_the_bundle_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if let Err(reason) = git(root, &["cat-file", "-e", "HEAD:.gitattributes"]) {
        eprintln!("skipped: no git, or no checkout of it: {}", reason.trim());
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let checkout = scratch.path().join("checkout");
    let (from, to) = (root.to_str().unwrap(), checkout.to_str().unwrap());
    git(scratch.path(), &["clone", "--quiet", "--shared", "--config", "core.autocrlf=true", from, to])
        .unwrap();
    assert!(converted(&checkout).is_empty(), "{:?}", converted(&checkout));
    Bundle::open(&checkout.join(BUNDLE)).unwrap();

    // Without what `.gitattributes` says, it is as on Windows before: the test can fail.
    fs::write(checkout.join(".git/info/attributes"), "* text=auto eol=crlf\n").unwrap();
    fs::remove_dir_all(checkout.join(BUNDLE)).unwrap();
    git(&checkout, &["checkout", "--quiet", "--", BUNDLE]).unwrap();
    assert!(!converted(&checkout).is_empty());
    let error = Bundle::open(&checkout.join(BUNDLE)).unwrap_err();
    assert!(!matches!(error, BundleError::NoManifest { .. }), "{error}");
}
