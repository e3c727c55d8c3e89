//! WAV files built chunk by chunk, right and wrong ones, and what reading them must come to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what is not expected must fail the test")]

use std::path::Path;

use slm_core::audio::{self, Audio, AudioError};

/// The format tag of integer samples.
pub const PCM: u16 = 1;
/// That of floats.
pub const FLOAT: u16 = 3;
/// That of a header that tells more.
pub const EXTENSIBLE: u16 = 0xfffe;

/// A `fmt ` payload of 16 bytes.
pub fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let align = channels.wrapping_mul(bits.div_ceil(8));
    let mut payload = Vec::new();
    payload.extend(tag.to_le_bytes());
    payload.extend(channels.to_le_bytes());
    payload.extend(rate.to_le_bytes());
    payload.extend(rate.wrapping_mul(u32::from(align)).to_le_bytes());
    payload.extend(align.to_le_bytes());
    payload.extend(bits.to_le_bytes());
    payload
}

/// A `fmt ` payload of 40 bytes for sub-format `sub`.
pub fn extensible(sub: u16, channels: u16, container: u16, valid: u16, mask: u32) -> Vec<u8> {
    let mut payload = fmt(EXTENSIBLE, channels, 16_000, container);
    payload.extend(22_u16.to_le_bytes());
    payload.extend(valid.to_le_bytes());
    payload.extend(mask.to_le_bytes());
    payload.extend(sub.to_le_bytes());
    payload.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    payload
}

/// A chunk that claims `size` bytes.
pub fn sized(id: [u8; 4], size: u32, payload: &[u8]) -> Vec<u8> {
    let mut chunk = id.to_vec();
    chunk.extend(size.to_le_bytes());
    chunk.extend(payload);
    chunk
}

/// A chunk with its true size and no pad byte.
pub fn chunk(id: [u8; 4], payload: &[u8]) -> Vec<u8> {
    sized(id, payload.len() as u32, payload)
}

/// `RIFF`, size, `WAVE` and these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32 + 4).to_le_bytes());
    file.extend(b"WAVE");
    file.extend(body);
    file
}

/// A well-formed file.
pub fn wav(fmt: &[u8], data: &[u8]) -> Vec<u8> {
    riff(&[chunk(*b"fmt ", fmt), chunk(*b"data", data)])
}

/// Mono, 16 kHz, 16 bit.
pub fn mono() -> Vec<u8> {
    fmt(PCM, 1, 16_000, 16)
}

/// `count` 16-bit samples that count up from 1.
pub fn ramp(count: i16) -> Vec<u8> {
    (1..=count).flat_map(i16::to_le_bytes).collect()
}

/// What [`ramp`] decodes to.
pub fn ramp_samples(count: i16) -> Vec<f32> {
    (1..=count).map(|n| f32::from(n) / 32_768.0).collect()
}

/// Reads a file from memory.
///
/// # Errors
///
/// As [`audio::read_bytes`].
pub fn load(bytes: &[u8]) -> Result<Audio, AudioError> {
    audio::read_bytes(bytes, Path::new("talk.wav"))
}

/// Checks that the file is refused with this kind and text.
///
/// # Panics
///
/// If it is not.
pub fn refused(bytes: &[u8], kind: &str, text: &str) -> AudioError {
    let error = load(bytes).expect_err(text);
    assert_eq!(error.to_string(), format!("cannot read audio `talk.wav`: {text}"));
    assert_eq!(error.kind().as_str(), kind, "{text}");
    error
}

/// Checks that the file is read with these warnings.
///
/// # Panics
///
/// If it is not.
pub fn accepted(bytes: &[u8], warnings: &[&str]) -> Vec<f32> {
    let audio = load(bytes).unwrap();
    let found: Vec<String> = audio.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(found, warnings);
    assert!(audio.samples.iter().all(|sample| sample.is_finite()));
    audio.samples
}
