//! One file: what is there is kept, what was begun is gone on with, and what came is checked before it gets its name.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::FetchError;
use super::http::Http;
use super::listing::RemoteFile;
use super::verify;

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 16;

/// What is done with a file that is there with another content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is left alone, as an error.
    Keep,
    /// It is replaced.
    Replace,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// It was there.
    Present,
    /// It came, in full or the rest of it.
    New,
}

/// `path` with `suffix` at the end of its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Where what came of the file at `path` is kept until it is whole.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    beside(path, ".part")
}

/// Brings `remote` from `url` into `folder`; `progress` is told the bytes that are there of it.
///
/// # Errors
///
/// [`FetchError`]; what came so far stays for the next attempt, unless it is wrong.
pub(crate) fn fetch(
    http: &Http,
    url: &str,
    remote: &RemoteFile,
    folder: &Path,
    existing: Existing,
    progress: &dyn Fn(u64),
) -> Result<Fetched, FetchError> {
    let path = folder.join(&remote.path);
    let io = |path: &Path, source| FetchError::Io { path: path.into(), source };
    if path.exists() {
        match verify::check(&path, remote) {
            Ok(()) => {
                progress(remote.size);
                return Ok(Fetched::Present);
            }
            Err(FetchError::Mismatch { .. }) if existing == Existing::Replace => {}
            Err(FetchError::Mismatch { .. }) => return Err(FetchError::Exists { path }),
            Err(error) => return Err(error),
        }
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
    }
    let (part, tag) = (part_of(&path), beside(&path, ".part.etag"));
    receive(http, url, remote, &part, &tag, progress)?;
    if let Err(error) = verify::check(&part, remote) {
        // What is wrong would be gone on with for ever.
        let _ = fs::remove_file(&part);
        let _ = fs::remove_file(&tag);
        return Err(error);
    }
    fs::rename(&part, &path).map_err(|source| io(&path, source))?;
    let _ = fs::remove_file(&tag);
    Ok(Fetched::New)
}

/// Receives what is lacking of `part`; `tag` holds the server's tag of the file that it is a part of.
fn receive(
    http: &Http,
    url: &str,
    remote: &RemoteFile,
    part: &Path,
    tag: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FetchError> {
    let io = |path: &Path, source| FetchError::Io { path: path.into(), source };
    let mut have = fs::metadata(part).map_or(0, |metadata| metadata.len());
    if have > remote.size {
        fs::remove_file(part).map_err(|source| io(part, source))?;
        have = 0;
    }
    if have == remote.size && have > 0 {
        return Ok(());
    }
    let mut answer = http.get(url, (have > 0).then_some(have))?;
    let found = answer.header("etag").unwrap_or_default();
    let known = fs::read_to_string(tag).unwrap_or_default();
    if have > 0 && answer.is_part() && found != known {
        // The file is another one than that which was begun.
        answer = http.get(url, None)?;
    }
    if !answer.is_part() {
        have = 0;
    }
    let file = if have > 0 {
        OpenOptions::new().append(true).open(part)
    } else {
        fs::write(tag, answer.header("etag").unwrap_or_default()).map_err(|source| io(tag, source))?;
        File::create(part)
    };
    let mut file = file.map_err(|source| io(part, source))?;
    let mut body = answer.into_reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(FetchError::Network { host: host_of(url), reason: error.to_string() });
            }
        };
        have += count as u64;
        if have > remote.size {
            break;
        }
        file.write_all(&buffer[..count]).map_err(|source| io(part, source))?;
        progress(have);
    }
    file.sync_all().map_err(|source| io(part, source))?;
    if have < remote.size {
        let reason = format!("the connection ended after {have} of {} bytes", remote.size);
        return Err(FetchError::Network { host: host_of(url), reason });
    }
    Ok(())
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}
