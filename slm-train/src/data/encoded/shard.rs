//! A file with what a frozen encoder gives for some recordings.
//!
//! Little-endian: a header, an index entry a recording, a hash of both, and then the recordings one after the other, so that
//! one is read by its place alone. `T'` states of width `E`:
//!
//! | part | bytes |
//! |---|---|
//! | header: mark, width, blank, recordings, whether there are labels | 8 + 4 × 4 |
//! | index entry: key, `T'`, hash of the recording's bytes | 16 + 4 + 8 |
//! | hash of the header and the index | 8 |
//! | recording: states in 16 bits, label and the blank's probability of each state | 2 `T' E` + 8 `T'` |
//!
//! Files are read in place and not mapped: the project has no `unsafe`, and mapped pages count as memory.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use half::f16;
use slm_core::models::checkpoint::hash::sha256;
use slm_core::models::nn::{CtcFrame, EncodedSpeech};

/// The first bytes of a file. To be changed when files are written in another form.
const MARK: [u8; 8] = *b"SLMENC3\n";
const HEADER: usize = MARK.len() + 4 * 4;
const ENTRY: usize = 16 + 4 + 8;
const HASH: usize = 8;
/// Bytes of a label and of the blank's probability.
const FRAME: usize = 8;

/// What a recording's sound is told apart by.
pub(super) type Key = u128;

/// Outputs as a file has them, of one recording.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    states: usize,
    width: usize,
    blank: u32,
    has_labels: bool,
}

/// A recording in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) states: u32,
    /// The first byte.
    pub(super) start: u64,
    pub(super) hash: u64,
}

/// A file whose index is sound; the recordings are checked when they are read.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    path: PathBuf,
    width: usize,
    blank: u32,
    has_labels: bool,
}

impl Packed {
    /// Packs the outputs.
    ///
    /// # Errors
    ///
    /// States that 16 bits do not hold.
    pub(super) fn new(speech: &EncodedSpeech) -> anyhow::Result<Self> {
        ensure!(speech.states.iter().all(|value| value.is_finite()), "a state is not finite");
        let largest = speech.states.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        ensure!(largest <= f16::MAX.to_f32(), "a state of {largest:e} does not fit 16 bits");
        let mut bytes = Vec::with_capacity(2 * speech.states.len() + FRAME * speech.ctc.len());
        bytes.extend(speech.states.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
        bytes.extend(speech.ctc.iter().flat_map(|frame| frame.label.to_le_bytes()));
        bytes.extend(speech.ctc.iter().flat_map(|frame| frame.blank.to_le_bytes()));
        Ok(Self {
            bytes,
            states: speech.len(),
            width: speech.width,
            blank: speech.blank,
            // An encoder without a CTC head has none.
            has_labels: !speech.ctc.is_empty(),
        })
    }
}

/// Writes a file under a temporary name first, so that it is there as a whole or not at all.
pub(super) fn write(path: &Path, recordings: &[(Key, Packed)]) -> anyhow::Result<()> {
    let (width, blank) = recordings.first().map_or((0, 0), |(_, first)| (first.width, first.blank));
    let has_labels = recordings.iter().any(|(_, packed)| packed.has_labels);
    let mut head = MARK.to_vec();
    for value in [width as u32, blank, recordings.len() as u32, u32::from(has_labels)] {
        head.extend(value.to_le_bytes());
    }
    for (key, packed) in recordings {
        head.extend(key.to_le_bytes());
        head.extend((packed.states as u32).to_le_bytes());
        head.extend(hash(&packed.bytes).to_le_bytes());
    }
    let check = hash(&head);
    head.extend(check.to_le_bytes());

    let scratch = path.with_extension("tmp");
    let written = || {
        use std::io::Write;
        let mut file = File::create(&scratch)?;
        file.write_all(&head)?;
        recordings.iter().try_for_each(|(_, packed)| file.write_all(&packed.bytes))?;
        file.sync_all()?;
        fs::rename(&scratch, path)
    };
    written().with_context(|| format!("cannot write `{}`", path.display()))
}

impl Shard {
    /// Opens a file and reads its index.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, whose index is damaged, or that is cut.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, Vec<Entry>)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = vec![0; HEADER];
        file.read_exact(&mut head).context("it has no header")?;
        ensure!(head.starts_with(&MARK), "it is of another form");
        let word = |n: usize| u32::from_le_bytes(four(&head[MARK.len() + 4 * n..]));
        let [width, blank, count, labels] = [0, 1, 2, 3].map(word);
        let index = count as usize * ENTRY;
        ensure!((HEADER + index + HASH) as u64 <= length, "it is cut");
        head.resize(HEADER + index, 0);
        file.read_exact(&mut head[HEADER..])?;
        let mut check = [0; HASH];
        file.read_exact(&mut check)?;
        ensure!(hash(&head) == u64::from_le_bytes(check), "the checksum of its index is another");

        let shard = Self { path: path.to_owned(), width: width as usize, blank, has_labels: labels != 0 };
        let mut start = (HEADER + index + HASH) as u64;
        let entry = |bytes: &[u8]| {
            let (key, rest) = bytes.split_at(16);
            let mut wide = [0; 16];
            wide.copy_from_slice(key);
            let states = u32::from_le_bytes(four(rest));
            let hash = u64::from_le_bytes(eight(&rest[4..]));
            let entry = Entry { key: Key::from_le_bytes(wide), states, start, hash };
            start += shard.bytes(states) as u64;
            entry
        };
        let entries: Vec<Entry> = head[HEADER..].chunks_exact(ENTRY).map(entry).collect();
        ensure!(start == length, "it has {length} bytes, expected {start}");
        Ok((shard, entries))
    }

    /// Bytes of a recording.
    fn bytes(&self, states: u32) -> usize {
        states as usize * (2 * self.width + if self.has_labels { FRAME } else { 0 })
    }

    /// Reads a recording and compares it with its checksum.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or another checksum.
    pub(super) fn read(&self, states: u32, start: u64, expected: u64) -> anyhow::Result<EncodedSpeech> {
        let mut bytes = vec![0; self.bytes(states)];
        // Opened each time: a corpus may have more files than a process may have open.
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        ensure!(hash(&bytes) == expected, "the checksum of a recording is another");
        let states = states as usize;
        let (values, frames) = bytes.split_at(2 * states * self.width);
        let (labels, blanks) = frames.split_at(frames.len() / 2);
        let ctc = labels.chunks_exact(4).zip(blanks.chunks_exact(4)).map(|(label, blank)| CtcFrame {
            label: u32::from_le_bytes(four(label)),
            blank: f32::from_le_bytes(four(blank)),
        });
        Ok(EncodedSpeech {
            states: values.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            width: self.width,
            ctc: ctc.collect(),
            blank: self.blank,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The first 64 bits of the SHA-256.
fn hash(bytes: &[u8]) -> u64 {
    u64::from_str_radix(&sha256(bytes)[..16], 16).unwrap_or_default()
}

fn four(bytes: &[u8]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    let [low, high] = [four(bytes), four(&bytes[4..])];
    [low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<EncodedSpeech> {
        let speech = |n: u32| EncodedSpeech {
            states: (0..n * 2).map(|v| v as f32 * 0.5).collect(),
            width: 2,
            ctc: (0..n).map(|t| CtcFrame { label: t, blank: 0.25 }).collect(),
            blank: 9,
        };
        vec![speech(3), speech(0), speech(1)]
    }

    fn write_all(path: &Path, speech: &[EncodedSpeech]) {
        let packed = speech.iter().enumerate().map(|(n, speech)| (n as Key, Packed::new(speech).unwrap()));
        write(path, &packed.collect::<Vec<_>>()).unwrap();
    }

    fn read_all(path: &Path) -> anyhow::Result<Vec<EncodedSpeech>> {
        let (shard, entries) = Shard::open(path)?;
        entries.iter().map(|entry| shard.read(entry.states, entry.start, entry.hash)).collect()
    }

    #[test]
    fn written_and_read_back_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.states");
        write_all(&path, &sample());
        assert_eq!(read_all(&path).unwrap(), sample());
        let bare: Vec<EncodedSpeech> =
            sample().into_iter().map(|speech| EncodedSpeech { ctc: Vec::new(), ..speech }).collect();
        write_all(&path, &bare);
        assert_eq!(read_all(&path).unwrap(), bare);
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.states");
        write_all(&path, &sample());
        let sound = fs::read(&path).unwrap();
        for place in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[place] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(read_all(&path).is_err(), "byte {place} of {}", sound.len());
            fs::write(&path, &sound[..place]).unwrap();
            assert!(read_all(&path).is_err(), "cut to {place} of {}", sound.len());
        }
        fs::write(&path, [sound.as_slice(), &[0]].concat()).unwrap();
        assert!(read_all(&path).is_err());
    }

    #[test]
    fn states_that_16_bits_do_not_hold_are_refused() {
        let mut speech = sample().remove(0);
        for (value, part) in [(1e5, "does not fit 16 bits"), (f32::NAN, "not finite")] {
            speech.states[1] = value;
            let error = Packed::new(&speech).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
