//! What a frozen language model says of answers, kept on disk: for each position the most probable tokens.
//!
//! A file is a row of groups, each of what was said at once. Little-endian:
//!
//! | part | bytes |
//! |---|---|
//! | group: its answers | 4 |
//! | index entry: key, bytes, hash of these bytes | 16 + 4 + 8 |
//! | hash of the group and its index | 8 |
//! | answer: positions | 4 |
//! | position: its tokens, the probability of all others | 4 + 4 |
//! | token: its id, its log-probability in 16 bits | 4 + 2 |
//!
//! Groups are only ever added. What a kill cut off is taken away when the file is opened again, a whole group at a time: what
//! was computed together is so again, with the same bits.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use half::f16;
use slm_core::models::checkpoint::hash::sha256;

use crate::digest::digest;
use crate::file_lock;

/// To be changed when files are written in another form.
const FORM: u32 = 1;
/// The most probable tokens of a position are kept until they have this much of the probability ..
const SHARE: f64 = 0.9999;
/// .. or are so many.
const MOST: usize = 1024;
const ENTRY: usize = 16 + 4 + 8;
const HASH: usize = 8;
/// Bytes of a token.
const TOKEN: usize = 6;
const FILE: &str = "said.answers";

/// What an answer, and all that comes before it, is told apart by.
pub(super) type Key = u128;

/// The tokens of a position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    /// With their log-probabilities, the most probable first.
    pub(super) tokens: Vec<(u32, f32)>,
    /// The probability of all others together.
    pub(super) rest: f32,
}

/// A file of answers.
#[derive(Debug)]
pub(super) struct KeptAnswers {
    path: PathBuf,
    file: File,
    /// First byte, bytes and hash of each.
    places: HashMap<Key, (u64, u32, u64)>,
    end: u64,
}

impl Said {
    /// What is kept of a position whose log-probabilities are these, as it is read again.
    pub(super) fn of(log_probs: &[f32]) -> Self {
        let mut order: Vec<u32> = (0..log_probs.len() as u32).collect();
        let probable = |id: &u32| log_probs[*id as usize];
        let sorted = |a: &u32, b: &u32| probable(b).total_cmp(&probable(a)).then(a.cmp(b));
        if order.len() > MOST {
            order.select_nth_unstable_by(MOST, sorted);
            order.truncate(MOST);
        }
        order.sort_unstable_by(sorted);
        let mut sum = 0.0;
        let mut tokens = Vec::new();
        for id in order {
            let log_prob = f16::from_f32(probable(&id)).to_f32();
            sum += f64::from(probable(&id)).exp();
            tokens.push((id, log_prob));
            if sum >= SHARE {
                break;
            }
        }
        Self { tokens, rest: (1.0 - sum).max(0.0) as f32 }
    }
}

impl KeptAnswers {
    /// Opens the answers of the language model with this hash in the folder `dir`. `None` where another process writes
    /// there; `note` is told of it, and of what is taken away.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written.
    pub(super) fn open(dir: &Path, llm_hash: &str, note: &dyn Fn(String)) -> anyhow::Result<Option<Self>> {
        let dir = dir.join(format!("teacher-{}", digest(&(llm_hash, FORM, SHARE, MOST))));
        fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let path = dir.join(FILE);
        let failed = || format!("cannot open `{}`", path.display());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(failed)?;
        if !file_lock::take(&file).with_context(failed)? {
            note(format!("`{}` is in use: what the teacher says is not kept", path.display()));
            return Ok(None);
        }
        let mut kept = Self { path: path.clone(), file, places: HashMap::new(), end: 0 };
        let length = kept.file.metadata().with_context(failed)?.len();
        while kept.end < length && kept.take_group(length).with_context(failed)? {}
        if kept.end < length {
            note(format!("the last {} bytes of `{}` are made again", length - kept.end, path.display()));
            kept.file.set_len(kept.end).with_context(failed)?;
        }
        Ok(Some(kept))
    }

    /// Reads the index of the next group; `false` where it is not whole.
    fn take_group(&mut self, length: u64) -> std::io::Result<bool> {
        let mut head = vec![0; 4];
        if length - self.end < 4 {
            return Ok(false);
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.read_exact(&mut head)?;
        let index = u64::from(number(&head)) * ENTRY as u64;
        let start = self.end + 4 + index + HASH as u64;
        if index == 0 || start > length {
            return Ok(false);
        }
        head.resize(4 + index as usize, 0);
        self.file.read_exact(&mut head[4..])?;
        let mut check = [0; HASH];
        self.file.read_exact(&mut check)?;
        if hash(&head) != u64::from_le_bytes(check) {
            return Ok(false);
        }
        let mut places = Vec::new();
        let mut place = start;
        for entry in head[4..].chunks_exact(ENTRY) {
            let (key, rest) = entry.split_at(16);
            let bytes = number(rest);
            places.push((wide(key), (place, bytes, long(&rest[4..]))));
            place += u64::from(bytes);
        }
        if place > length {
            return Ok(false);
        }
        // Of two with the same key the later one counts: the earlier one was damaged.
        self.places.extend(places);
        self.end = place;
        Ok(true)
    }

    /// The answer of a key; `None` where there is none that is sound.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub(super) fn read(&mut self, key: Key) -> anyhow::Result<Option<Vec<Said>>> {
        let Some(&(place, bytes, expected)) = self.places.get(&key) else { return Ok(None) };
        let mut packed = vec![0; bytes as usize];
        let mut read = || {
            self.file.seek(SeekFrom::Start(place))?;
            self.file.read_exact(&mut packed)
        };
        read().with_context(|| format!("cannot read `{}`", self.path.display()))?;
        Ok(if hash(&packed) == expected { unpack(&packed) } else { None })
    }

    /// Adds answers, all or none.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(super) fn add(&mut self, answers: &[(Key, Vec<Said>)]) -> anyhow::Result<()> {
        let packed: Vec<Vec<u8>> = answers.iter().map(|(_, said)| pack(said)).collect();
        ensure!(!packed.is_empty(), "no answers to keep");
        let mut group = (packed.len() as u32).to_le_bytes().to_vec();
        for ((key, _), packed) in answers.iter().zip(&packed) {
            group.extend(key.to_le_bytes());
            group.extend((packed.len() as u32).to_le_bytes());
            group.extend(hash(packed).to_le_bytes());
        }
        let check = hash(&group);
        group.extend(check.to_le_bytes());
        let mut place = self.end + group.len() as u64;
        group.extend(packed.iter().flatten());
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.end))?;
            self.file.write_all(&group)
        };
        write().with_context(|| format!("cannot write `{}`", self.path.display()))?;
        for ((key, _), packed) in answers.iter().zip(&packed) {
            self.places.insert(*key, (place, packed.len() as u32, hash(packed)));
            place += packed.len() as u64;
        }
        self.end = place;
        Ok(())
    }
}

fn pack(said: &[Said]) -> Vec<u8> {
    let mut bytes = (said.len() as u32).to_le_bytes().to_vec();
    for Said { tokens, rest } in said {
        bytes.extend((tokens.len() as u32).to_le_bytes());
        bytes.extend(rest.to_le_bytes());
        for (id, log_prob) in tokens {
            bytes.extend(id.to_le_bytes());
            bytes.extend(f16::from_f32(*log_prob).to_le_bytes());
        }
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Option<Vec<Said>> {
    let (count, mut bytes) = bytes.split_at_checked(4)?;
    let mut said = Vec::new();
    for _ in 0..number(count) {
        let (head, rest) = bytes.split_at_checked(8)?;
        let (packed, rest) = rest.split_at_checked(number(head) as usize * TOKEN)?;
        let token = |token: &[u8]| (number(token), f16::from_le_bytes([token[4], token[5]]).to_f32());
        let tokens = packed.chunks_exact(TOKEN).map(token).collect();
        said.push(Said { tokens, rest: f32::from_bits(number(&head[4..])) });
        bytes = rest;
    }
    Some(said)
}

/// The first 64 bits of the SHA-256.
fn hash(bytes: &[u8]) -> u64 {
    u64::from_str_radix(&sha256(bytes)[..16], 16).unwrap_or_default()
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn long(bytes: &[u8]) -> u64 {
    u64::from(number(bytes)) | u64::from(number(&bytes[4..])) << 32
}

fn wide(bytes: &[u8]) -> u128 {
    u128::from(long(bytes)) | u128::from(long(&bytes[8..])) << 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(positions: usize) -> Vec<Said> {
        let position = |n: usize| Said { tokens: vec![(n as u32, -0.25), (9, -1.5 - n as f32)], rest: 0.01 };
        (0..positions).map(position).collect()
    }

    fn open(dir: &Path) -> KeptAnswers {
        KeptAnswers::open(dir, "x", &|_| ()).unwrap().unwrap()
    }

    #[test]
    fn what_is_added_is_there_again_and_a_second_writer_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut kept = open(dir.path());
        kept.add(&[(1, answer(2)), (u128::MAX, answer(0))]).unwrap();
        kept.add(&[(7, answer(3))]).unwrap();
        let told = std::cell::Cell::new(0);
        assert!(KeptAnswers::open(dir.path(), "x", &|_| told.set(told.get() + 1)).unwrap().is_none());
        assert_eq!(told.get(), 1);
        let check = |kept: &mut KeptAnswers| {
            for (key, expected) in
                [(1, Some(answer(2))), (u128::MAX, Some(answer(0))), (7, Some(answer(3))), (2, None)]
            {
                assert_eq!(kept.read(key).unwrap(), expected, "{key}");
            }
        };
        check(&mut kept);
        drop(kept);
        check(&mut open(dir.path()));
        assert!(KeptAnswers::open(dir.path(), "other", &|_| ()).unwrap().unwrap().places.is_empty());
    }

    #[test]
    fn every_cut_leaves_whole_groups_and_every_changed_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut kept = open(dir.path());
        kept.add(&[(1, answer(2))]).unwrap();
        let first = kept.end as usize;
        kept.add(&[(2, answer(1)), (3, answer(1))]).unwrap();
        let path = kept.path.clone();
        drop(kept);
        let sound = fs::read(&path).unwrap();
        for cut in 0..sound.len() {
            fs::write(&path, &sound[..cut]).unwrap();
            let mut kept = open(dir.path());
            assert_eq!(kept.read(1).unwrap().is_some(), cut >= first, "cut to {cut}");
            assert!(kept.read(2).unwrap().is_none() && kept.read(3).unwrap().is_none());
            kept.add(&[(2, answer(4))]).unwrap();
            drop(kept);
            assert_eq!(open(dir.path()).read(2).unwrap(), Some(answer(4)));
        }
        for place in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[place] ^= 1;
            fs::write(&path, bytes).unwrap();
            let mut kept = open(dir.path());
            let found = [(1, 2), (2, 1), (3, 1)].map(|(key, positions)| {
                let read = kept.read(key).unwrap();
                read.is_none_or(|read| {
                    assert_eq!(read, answer(positions));
                    false
                })
            });
            assert!(found.contains(&true), "byte {place}");
        }
    }

    #[test]
    fn the_most_probable_are_kept_until_they_are_enough() {
        let log = |p: f64| p.ln() as f32;
        let said = Said::of(&[log(0.00004), log(0.6), log(0.3), log(0.09995 - 0.00004), log(0.00005)]);
        assert_eq!(said.tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3]);
        assert!((said.rest - 0.00009).abs() < 1e-6, "{said:?}");
        let flat = Said::of(&vec![log(1.0 / 5000.0); 5000]);
        assert_eq!(flat.tokens.len(), MOST);
        assert!((flat.rest - (1.0 - MOST as f32 / 5000.0)).abs() < 1e-4);
        assert_eq!(flat, unpack(&pack(std::slice::from_ref(&flat))).unwrap()[0]);
    }
}
