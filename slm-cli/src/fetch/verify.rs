//! Compares a file with what the hub says of it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha1::{Digest, Sha1};
use slm_core::models::checkpoint::hash;

use super::FetchError;
use super::listing::{Hash, RemoteFile};

/// Whether the file at `path` is `remote`.
///
/// # Errors
///
/// [`FetchError::Mismatch`] telling the size or the hash that differs, [`FetchError::Io`] when it cannot be read.
pub(crate) fn check(path: &Path, remote: &RemoteFile) -> Result<(), FetchError> {
    let io = |source| FetchError::Io { path: path.into(), source };
    let mismatch = |what, expected: String, found: String| FetchError::Mismatch {
        path: path.into(),
        what,
        expected,
        found,
    };
    let size = std::fs::metadata(path).map_err(io)?.len();
    if size != remote.size {
        return Err(mismatch("size", remote.size.to_string(), size.to_string()));
    }
    let (what, expected, found) = match &remote.hash {
        Hash::Sha256(expected) => ("sha256", expected, hash::sha256_file(path).map_err(io)?),
        Hash::GitBlob(expected) => ("git hash", expected, git_blob(path, size).map_err(io)?),
    };
    if !expected.eq_ignore_ascii_case(&found) {
        return Err(mismatch(what, expected.clone(), found));
    }
    Ok(())
}

/// The name that git gives a file's content: SHA-1 of `blob SIZE\0` and the content.
fn git_blob(path: &Path, size: u64) -> std::io::Result<String> {
    let mut digest = Sha1::new();
    digest.update(format!("blob {size}\0").as_bytes());
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    Ok(hash::hexadecimal(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_name_that_git_gives_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "hello\n").unwrap();
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(git_blob(&path, 6).unwrap(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
