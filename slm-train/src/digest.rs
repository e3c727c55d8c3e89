//! Short hashes of values, for fingerprints and the names of cache files.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};
use slm_core::models::checkpoint::hash::{hexadecimal, sha256};

/// Hexadecimal digits of a digest: 64 bits.
const DIGITS: usize = 16;

/// A short hash of settings, texts and other hashes.
pub fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut hash = sha256(&json);
    hash.truncate(DIGITS);
    hash
}

/// The same with 128 bits, for what a corpus has millions of.
pub fn wide_digest(value: &impl Serialize) -> u128 {
    let json = serde_json::to_vec(value).unwrap_or_default();
    u128::from_str_radix(&sha256(&json)[..2 * DIGITS], 16).unwrap_or_default()
}

/// As [`digest`], of what is too large to be written down in memory, or has to be read meanwhile.
///
/// # Errors
///
/// What the value cannot give.
pub fn streamed_digest(value: &impl Serialize) -> anyhow::Result<String> {
    struct Hasher(Sha256);
    impl Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hasher = Hasher(Sha256::new());
    serde_json::to_writer(&mut hasher, value)?;
    let mut hash = hexadecimal(&hasher.0.finalize());
    hash.truncate(DIGITS);
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_pieces_it_is_the_same() {
        let value = (vec![vec![1_u32, 2], Vec::new()], "grüß \"dich\"", Some(0.5), None::<u32>);
        assert_eq!(streamed_digest(&value).unwrap(), digest(&value));
    }
}
