//! Event files of TensorBoard: figures by step, as `tensorboard --logdir` shows them.
//!
//! A file is a row of records (TFRecord): the length and its checksum, the bytes and theirs. The bytes are a message
//! `Event` of `tensorflow/core/util/event.proto`, of which these fields are used: `wall_time` (1), `step` (2),
//! `file_version` (3), `summary` (5) with `value` (1) of `tag` (1) and `simple_value` (2), and `session_log` (7) with
//! `status` (1), by which a run that goes on takes back the steps after its checkpoint.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

/// The folder of event files in that of a run.
const FOLDER: &str = "tensorboard";
/// `SessionLog.START`.
const START: u64 = 1;

/// An event file that is written.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: fs::File,
}

impl EventFile {
    /// Begins a file for the run in `dir`, of which `step` steps are made.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn begin(dir: &Path, step: u64) -> anyhow::Result<Self> {
        let folder = dir.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        // The names sort by time, which is the order in which TensorBoard reads them; the steps tell two of a second apart.
        let path = folder.join(format!("events.out.tfevents.{:010}.slm.{step:08}", seconds() as u64));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        let mut events = Self { path, file };
        events.write(&event(0, |event| bytes(event, 3, b"brain.Event:2")))?;
        // What was told of this step and the ones before stays.
        events.write(&event(step + 1, |event| {
            let mut log = Vec::new();
            varint_field(&mut log, 1, START);
            bytes(event, 7, &log);
        }))?;
        Ok(events)
    }

    /// Writes figures of a step.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(super) fn scalars<'a>(
        &mut self,
        step: u64,
        scalars: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> anyhow::Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let mut one = Vec::new();
            bytes(&mut one, 1, tag.as_bytes());
            key(&mut one, 2, 5);
            one.extend((value as f32).to_le_bytes());
            bytes(&mut summary, 1, &one);
        }
        self.write(&event(step, |event| bytes(event, 5, &summary)))
    }

    fn write(&mut self, event: &[u8]) -> anyhow::Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_crc32c(&length).to_le_bytes());
        record.extend(event);
        record.extend(masked_crc32c(event).to_le_bytes());
        self.file.write_all(&record).with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// An event at `step` with what `fill` says.
fn event(step: u64, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, 1);
    event.extend(seconds().to_le_bytes());
    varint_field(&mut event, 2, step);
    fill(&mut event);
    event
}

/// The number of a field and how its value is written.
fn key(out: &mut Vec<u8>, field: u64, kind: u64) {
    varint(out, field << 3 | kind);
}

fn varint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, 0);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// Seven bits a byte, the lowest first.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The checksum of Castagnoli's polynomial, changed so that one of data with checksums in it is sound too.
fn masked_crc32c(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C, with the mask taken off (RFC 3720, appendix B.4).
    #[test]
    fn the_checksum_is_castagnoli_s() {
        let unmasked = |data: &[u8]| masked_crc32c(data).wrapping_sub(0xA282_EAD8).rotate_left(15);
        assert_eq!(unmasked(b"123456789"), 0xE306_9283);
        assert_eq!(unmasked(&[0; 32]), 0x8A91_36AA);
    }

    #[test]
    fn records_are_framed() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = EventFile::begin(dir.path(), 300).unwrap();
        file.scalars(301, [("loss", 0.5)]).unwrap();
        let data = fs::read(&file.path).unwrap();
        let mut rest = data.as_slice();
        let mut events = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_at(8);
            let count = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            assert_eq!(after[..4], masked_crc32c(length).to_le_bytes());
            let event = &after[4..4 + count];
            assert_eq!(after[4 + count..8 + count], masked_crc32c(event).to_le_bytes());
            events.push(event.to_vec());
            rest = &after[8 + count..];
        }
        assert_eq!(events.len(), 3);
        assert!(events[0].ends_with(b"brain.Event:2"));
        // Field 2, 301 in two bytes; then the summary: value, tag, simple value.
        let expected =
            [&[0x10, 0xAD, 0x02, 0x2A, 13, 0x0A, 11, 0x0A, 4][..], b"loss", &[0x15, 0, 0, 0, 0x3F]].concat();
        assert_eq!(events[2][9..], expected);
    }
}
