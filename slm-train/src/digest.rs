//! Short hashes of values, for fingerprints and the names of cache files.

use serde::Serialize;
use slm_core::models::checkpoint::hash::sha256;

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
