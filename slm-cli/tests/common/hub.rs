//! A hub of this test on this machine, with one repository.

#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use sha1::{Digest, Sha1};

/// How a file is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Manner {
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
pub(crate) struct Hosted {
    pub(crate) content: Vec<u8>,
    /// What the listing says, where that is not the truth.
    pub(crate) stated_hash: Option<String>,
    pub(crate) stated_size: Option<u64>,
    pub(crate) manner: Manner,
    pub(crate) tag: &'static str,
}

/// A hub with one repository, `owner/model`.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(crate) files: Arc<Mutex<BTreeMap<String, Hosted>>>,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    pub(crate) listing: Arc<Mutex<Option<String>>>,
    pub(crate) address: String,
}

pub(crate) fn sha256(content: &[u8]) -> String {
    slm_core::models::checkpoint::hash::sha256(content)
}

impl Hub {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let hosted = Hosted {
            content: content.to_vec(),
            stated_hash: None,
            stated_size: None,
            manner: Manner::Well,
            tag: "\"one\"",
        };
        self.files.lock().unwrap().insert(name.into(), hosted);
    }

    /// Hosts the files that `listing` names, in the form of the hub's answer: of each its own name, with its true size and hash.
    pub(crate) fn host(&self, listing: &str) {
        self.files.lock().unwrap().clear();
        let mut entries: Vec<serde_json::Value> = serde_json::from_str(listing).unwrap();
        for entry in entries.iter_mut().filter(|entry| entry["type"] == "file") {
            let path = entry["path"].as_str().unwrap().to_owned();
            self.put(&path, path.as_bytes());
            let blob = [format!("blob {}\0", path.len()).as_bytes(), path.as_bytes()].concat();
            entry["oid"] = slm_core::models::checkpoint::hash::hexadecimal(&Sha1::digest(blob)).into();
            entry["size"] = path.len().into();
            if entry.get("lfs").is_some() {
                entry["lfs"]["oid"] = sha256(path.as_bytes()).into();
                entry["lfs"]["size"] = path.len().into();
            }
        }
        *self.listing.lock().unwrap() = Some(serde_json::Value::Array(entries).to_string());
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Hosted)) {
        change(self.files.lock().unwrap().get_mut(name).unwrap());
    }

    pub(crate) fn requests(&self) -> Vec<String> {
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
    pub(crate) fn fetch(&self, out: &Path, args: &[&str]) -> (i32, String) {
        self.fetch_in(out, args, &[])
    }

    pub(crate) fn fetch_in(&self, out: &Path, args: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slm-cli"));
        for name in ["HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.args(["fetch", "owner/model", "--endpoint", &self.address, "--out"]).arg(out).args(args);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        assert!(output.stdout.is_empty());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn assert_whole(&self, out: &Path, names: &[&str]) {
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
