//! `slm-cli fetch` against a server of this test: no other network is touched.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "common/hub.rs"]
mod hub;

use std::fs;
use std::net::TcpListener;

use hub::{Hub, Manner, sha256};

const NEEDED: [&str; 2] = ["config.json", "model.safetensors"];

#[test]
fn what_a_model_needs_comes_and_is_there_the_next_time() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    let out = dir.path().join("model");
    let (code, stderr) = hub.fetch(&out, &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.starts_with("2 files, 0.2 MB"), "{stderr}");
    hub.assert_whole(&out, &NEEDED);
    hub.requests();
    let (code, stderr) = hub.fetch(&out, &[]);
    assert_eq!(code, 0);
    assert!(stderr.contains("(2 were there)"), "{stderr}");
    assert_eq!(hub.requests().len(), 1, "only the listing is asked for");
    let all = dir.path().join("all");
    assert_eq!(hub.fetch(&all, &["--all"]).0, 0);
    hub.assert_whole(&all, &["config.json", "model.safetensors", "tf_model.h5"]);
    let some = dir.path().join("some");
    assert_eq!(hub.fetch(&some, &["--include", "*.h5"]).0, 0);
    hub.assert_whole(&some, &["tf_model.h5"]);
}

#[test]
fn d1_a_cut_connection_is_gone_on_with() {
    for manner in [Manner::Well, Manner::NoRanges] {
        let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
        hub.change("model.safetensors", |hosted| hosted.manner = Manner::Cut);
        let (code, stderr) = hub.fetch(dir.path(), &[]);
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.starts_with("error: cannot reach `127.0.0.1"), "{stderr}");
        assert_eq!(fs::metadata(dir.path().join("model.safetensors.part")).unwrap().len(), 100_000);
        assert!(!dir.path().join("model.safetensors").exists());
        hub.change("model.safetensors", |hosted| hosted.manner = manner);
        hub.requests();
        let (code, stderr) = hub.fetch(dir.path(), &[]);
        assert_eq!(code, 0, "{stderr}");
        assert!(hub.requests().iter().any(|request| request.ends_with("model.safetensors from 100000")));
        hub.assert_whole(dir.path(), &NEEDED);
    }
}

#[test]
fn d2_another_hash_is_refused_and_removed() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.change("model.safetensors", |hosted| hosted.stated_hash = Some("ab".repeat(32)));
    let (code, stderr) = hub.fetch(dir.path(), &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("sha256 abab") && stderr.contains("expected"), "{stderr}");
    assert!(!dir.path().join("model.safetensors").exists());
    assert!(!dir.path().join("model.safetensors.part").exists());
    // A web page in place of the weights is another content, too.
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.change("model.safetensors", |hosted| hosted.stated_hash = Some(sha256(&hosted.content)));
    hub.change("model.safetensors", |hosted| hosted.content = vec![b'<'; hosted.content.len()]);
    assert_eq!(hub.fetch(dir.path(), &[]).0, 1);
}

#[test]
fn d3_a_file_that_changed_in_between_starts_again() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.change("model.safetensors", |hosted| hosted.manner = Manner::Cut);
    assert_eq!(hub.fetch(dir.path(), &[]).0, 1);
    hub.change("model.safetensors", |hosted| {
        hosted.content.iter_mut().for_each(|byte| *byte ^= 1);
        (hosted.manner, hosted.tag) = (Manner::Well, "\"two\"");
    });
    let (code, stderr) = hub.fetch(dir.path(), &[]);
    assert_eq!(code, 0, "{stderr}");
    hub.assert_whole(dir.path(), &NEEDED);
}

#[test]
fn d4_names_that_leave_the_folder_are_refused() {
    for name in ["../x.json", "/etc/x", "a/../../x"] {
        let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
        hub.put(name, b"x");
        let (code, stderr) = hub.fetch(&dir.path().join("model"), &["--all"]);
        assert_eq!(code, 2);
        assert!(stderr.contains("which leaves the folder"), "{stderr}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn d5_redirects_stay_with_tls_and_end() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.change("model.safetensors", |hosted| hosted.manner = Manner::Loop);
    let (code, stderr) = hub.fetch(dir.path(), &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("more than 5 redirects"), "{stderr}");
    hub.change("model.safetensors", |hosted| hosted.manner = Manner::OtherScheme);
    let (_, stderr) = hub.fetch(dir.path(), &[]);
    assert!(stderr.contains("it redirects to `ftp://example.org/x`, only https is used"), "{stderr}");
    *hub.listing.lock().unwrap() = Some("<!DOCTYPE html><html>sign in</html>".into());
    let (code, stderr) = hub.fetch(dir.path(), &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("the answer is an HTML page"), "{stderr}");
    let (_, stderr) = hub.fetch(dir.path(), &["--endpoint", "http://example.org"]);
    assert!(
        stderr.contains("cannot be used multiple times") || stderr.contains("only https is used"),
        "{stderr}"
    );
}

/// The system's error is passed on when a file cannot be written; the folder is a file here.
#[test]
fn d6_what_cannot_be_written_is_named() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    let out = dir.path().join("model");
    fs::write(&out, "in the way").unwrap();
    let (code, stderr) = hub.fetch(&out, &[]);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: cannot write `"), "{stderr}");
}

#[test]
fn d6_a_disk_without_room_is_told_before_anything_comes() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.change("model.safetensors", |hosted| hosted.stated_size = Some(1 << 60));
    let out = dir.path().join("a/model");
    let (code, stderr) = hub.fetch(&out, &[]);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: no space left for `"), "{stderr}");
    assert!(stderr.contains("needs 1152921504606.8 MB, "), "{stderr}");
    assert!(!out.exists() && hub.requests().iter().all(|request| request.starts_with("/api/")));
}

#[test]
fn d7_without_a_network_it_says_that_nothing_else_needs_one() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = Hub { address: format!("http://{closed}"), ..hub.clone() };
    let (code, stderr) = nowhere.fetch(dir.path(), &[]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: cannot reach `127.0.0.1`"), "{stderr}");
    assert!(stderr.contains("\nhint: what is here already works without a network"), "{stderr}");
    let (code, stderr) = hub.fetch_in(dir.path(), &[], &[("HF_HUB_OFFLINE", "1")]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: `HF_HUB_OFFLINE` is set"), "{stderr}");
    assert!(hub.requests().is_empty());
}

#[test]
fn refusals_have_hints_and_other_files_are_left_alone() {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    for (status, hint) in [(401, "in `HF_TOKEN`"), (403, "in `HF_TOKEN`"), (404, "case-sensitive")] {
        hub.change("model.safetensors", |hosted| hosted.manner = Manner::Status(status));
        let (code, stderr) = hub.fetch(dir.path(), &[]);
        assert_eq!(code, 1);
        assert!(stderr.contains(&format!("status {status}")) && stderr.contains(hint), "{stderr}");
    }
    hub.change("model.safetensors", |hosted| hosted.manner = Manner::Well);
    fs::write(dir.path().join("config.json"), "mine").unwrap();
    let (code, stderr) = hub.fetch(dir.path(), &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("is there already with another content"), "{stderr}");
    assert_eq!(hub.fetch(dir.path(), &["--force"]).0, 0);
    hub.assert_whole(dir.path(), &NEEDED);
    // Nothing that SLM reads.
    hub.files.lock().unwrap().remove("model.safetensors");
    let (code, stderr) = hub.fetch(&dir.path().join("x"), &[]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("has no weights that SLM reads; its files are config.json, tf_model.h5"),
        "{stderr}"
    );
}
