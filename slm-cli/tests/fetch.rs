//! `slm-cli fetch` against a server of this test: no other network is touched.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

/// How a file is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    /// In full, or the part that is asked for.
    Well,
    /// In full, whatever part is asked for.
    NoRanges,
    /// The first half, then the connection ends.
    Cut,
    /// To the same address again.
    Loop,
    /// To an address without TLS on another machine.
    OtherScheme,
    /// With this status and nothing else.
    Status(u16),
}

#[derive(Debug, Clone)]
struct Hosted {
    content: Vec<u8>,
    /// What the listing says, where that is not the truth.
    stated_hash: Option<String>,
    stated_size: Option<u64>,
    manner: Manner,
    tag: &'static str,
}

/// A hub with one repository, `owner/model`.
#[derive(Clone)]
struct Hub {
    files: Arc<Mutex<BTreeMap<String, Hosted>>>,
    requests: Arc<Mutex<Vec<String>>>,
    listing: Arc<Mutex<Option<String>>>,
    address: String,
}

fn sha256(content: &[u8]) -> String {
    slm_core::models::checkpoint::hash::sha256(content)
}

impl Hub {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let hub = Self { files: Arc::default(), requests: Arc::default(), listing: Arc::default(), address };
        let server = hub.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = server.clone();
                thread::spawn(move || server.answer(stream.unwrap()));
            }
        });
        hub.put("config.json", br#"{"model_type": "t5"}"#);
        hub.put("model.safetensors", &(0..200_000_u32).map(|i| (i * 7 % 251) as u8).collect::<Vec<u8>>());
        hub.put("tf_model.h5", b"for other programs");
        hub
    }

    fn put(&self, name: &str, content: &[u8]) {
        let hosted = Hosted {
            content: content.to_vec(),
            stated_hash: None,
            stated_size: None,
            manner: Manner::Well,
            tag: "\"one\"",
        };
        self.files.lock().unwrap().insert(name.into(), hosted);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Hosted)) {
        change(self.files.lock().unwrap().get_mut(name).unwrap());
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    fn listing(&self) -> String {
        if let Some(text) = &*self.listing.lock().unwrap() {
            return text.clone();
        }
        let files = self.files.lock().unwrap();
        let entries = files.iter().map(|(path, hosted)| {
            let hash = hosted.stated_hash.clone().unwrap_or_else(|| sha256(&hosted.content));
            let size = hosted.stated_size.unwrap_or(hosted.content.len() as u64);
            serde_json::json!({
                "type": "file", "path": path, "oid": "0", "size": 130, "lfs": {"oid": hash, "size": size},
            })
        });
        serde_json::Value::Array(entries.collect()).to_string()
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut from = None;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap() <= 2 {
                break;
            }
            let header = header.trim().to_lowercase();
            if let Some(range) = header.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse::<usize>().ok();
            }
        }
        self.requests.lock().unwrap().push(match from {
            Some(from) => format!("{path} from {from}"),
            None => path.clone(),
        });
        let reply = |stream: &mut TcpStream, head: &str, body: &[u8]| {
            let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
            let _ = stream.write_all(body);
        };
        if path.starts_with("/api/models/owner/model/tree/main") {
            let text = self.listing();
            let head = format!("200 OK\r\nContent-Length: {}", text.len());
            return reply(&mut stream, &head, text.as_bytes());
        }
        let name = path.strip_prefix("/owner/model/resolve/main/").unwrap_or_default().to_owned();
        let Some(hosted) = self.files.lock().unwrap().get(&name).cloned() else {
            return reply(&mut stream, "404 Not Found\r\nContent-Length: 0", b"");
        };
        let (all, tag) = (hosted.content.len(), hosted.tag);
        match hosted.manner {
            Manner::Status(status) => {
                reply(&mut stream, &format!("{status} No\r\nContent-Length: 0"), b"");
            }
            Manner::Loop => {
                reply(&mut stream, &format!("302 Found\r\nLocation: {path}\r\nContent-Length: 0"), b"");
            }
            Manner::OtherScheme => {
                let head = "302 Found\r\nLocation: ftp://example.org/x\r\nContent-Length: 0";
                reply(&mut stream, head, b"");
            }
            Manner::Cut => {
                let head = format!("200 OK\r\nContent-Length: {all}\r\nETag: {tag}");
                reply(&mut stream, &head, &hosted.content[..all / 2]);
            }
            Manner::Well | Manner::NoRanges => {
                if let Some(from) = from.filter(|_| hosted.manner == Manner::Well) {
                    let head = format!(
                        "206 Partial Content\r\nContent-Length: {}\r\nETag: {tag}\r\nContent-Range: bytes {from}-{}/{all}",
                        all - from,
                        all - 1
                    );
                    reply(&mut stream, &head, &hosted.content[from..]);
                } else {
                    let head = format!("200 OK\r\nContent-Length: {all}\r\nETag: {tag}");
                    reply(&mut stream, &head, &hosted.content);
                }
            }
        }
    }

    /// Runs `fetch` with these arguments more; gives exit code and stderr.
    fn fetch(&self, out: &Path, args: &[&str]) -> (i32, String) {
        self.fetch_in(out, args, &[])
    }

    fn fetch_in(&self, out: &Path, args: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slm-cli"));
        for name in ["HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.args(["fetch", "owner/model", "--endpoint", &self.address, "--out"]).arg(out).args(args);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        assert!(output.stdout.is_empty());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn assert_whole(&self, out: &Path, names: &[&str]) {
        for name in names {
            let expected = self.files.lock().unwrap()[*name].content.clone();
            assert!(fs::read(out.join(name)).unwrap() == expected, "{name}");
        }
        let mut found: Vec<String> = fs::read_dir(out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, names);
    }
}

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
