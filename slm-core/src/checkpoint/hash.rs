//! SHA-256 in lower-case hexadecimal, of bytes and of files read in pieces.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The SHA-256 of the file at `path`.
///
/// # Errors
///
/// When it cannot be read.
pub fn sha256_file(path: &Path) -> io::Result<String> {
    // It is never told to stop, so there is always one.
    Ok(sha256_file_watched(path, &|| true)?.unwrap_or_default())
}

/// The SHA-256 of the file at `path`; `None` where `keep_going`, which is asked before every piece that is read, says no.
///
/// # Errors
///
/// When it cannot be read.
pub fn sha256_file_watched(path: &Path, keep_going: &dyn Fn() -> bool) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        if !keep_going() {
            return Ok(None);
        }
        match file.read(&mut chunk) {
            Ok(0) => return Ok(Some(hexadecimal(&hasher.finalize()))),
            Ok(count) => hasher.update(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// `digest` in lower-case hexadecimal.
pub fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(2 * digest.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_standard_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
        assert_eq!(sha256_file(&path).unwrap(), expected);
        assert!(sha256_file(dir.path()).is_err());
    }

    #[test]
    fn it_stops_between_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        std::fs::write(&path, vec![7; 3 * CHUNK_BYTES]).unwrap();
        let asked = std::cell::Cell::new(0);
        let twice = || {
            asked.set(asked.get() + 1);
            asked.get() <= 2
        };
        assert_eq!(sha256_file_watched(&path, &twice).unwrap(), None);
        assert_eq!(asked.get(), 3);
        assert_eq!(sha256_file_watched(&path, &|| true).unwrap(), Some(sha256_file(&path).unwrap()));
    }
}
