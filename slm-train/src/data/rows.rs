//! The rows of a corpus in a file, so that memory holds [`BYTES_A_ROW`] of each.
//!
//! Manifests of every kind come here row by row, and are read back by their number, in any order and from any thread.
//! The file is JSON: of a number that is not whole, the last bit may be another.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::manifest::{Member, Utterance};

/// What is held of a row: where it begins in the file, and its seconds.
pub const BYTES_A_ROW: usize = size_of::<u64>() + size_of::<f32>();

/// Rows that are read by their number.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    file: Mutex<File>,
    /// Where each row begins, and where the last one ends.
    starts: Vec<u64>,
    seconds: Vec<f32>,
    longest: f64,
}

/// Takes rows, one after the other.
#[derive(Debug)]
pub struct RowsWriter {
    path: PathBuf,
    file: BufWriter<File>,
    starts: Vec<u64>,
    seconds: Vec<f32>,
    longest: f64,
}

/// What the fields of a row do not say: name, first byte and length of its member.
type InArchive = Option<(String, u64, u64)>;

impl RowsWriter {
    /// A file in the folder `dir`, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written.
    pub fn create(dir: &Path) -> anyhow::Result<Self> {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let (path, file) = loop {
            let number = FILES.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!(".rows-{}-{number}", process::id()));
            // Another machine may have a process of the same number.
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => {
                    let file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
                    break (path, file);
                }
            }
        };
        // Where an open file may be removed, nothing is left of it, however the process ends.
        let _ = fs::remove_file(&path);
        Ok(Self { file: BufWriter::new(file), path, starts: vec![0], seconds: Vec::new(), longest: 0.0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn push(&mut self, row: &Utterance) -> anyhow::Result<()> {
        let member: InArchive =
            row.member.as_ref().map(|member| (member.name.clone(), member.start, member.bytes));
        let bytes = serde_json::to_vec(&(row, member))?;
        let written = self.file.write_all(&bytes);
        written.with_context(|| format!("cannot write `{}`", self.path.display()))?;
        let end = self.starts.last().copied().unwrap_or_default() + bytes.len() as u64;
        self.starts.push(end);
        self.seconds.push(row.duration as f32);
        self.longest = self.longest.max(row.duration);
        Ok(())
    }

    /// How many were added.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// The rows that were added.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn finish(self) -> anyhow::Result<Rows> {
        let Self { path, file, mut starts, mut seconds, longest } = self;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        let file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
        starts.shrink_to_fit();
        seconds.shrink_to_fit();
        Ok(Rows { path, file: Mutex::new(file), starts, seconds, longest })
    }
}

impl Rows {
    /// Keeps `utterances` in the folder `dir`.
    ///
    /// # Errors
    ///
    /// As [`RowsWriter::create`].
    pub fn keep(dir: &Path, utterances: &[Utterance]) -> anyhow::Result<Self> {
        let mut rows = RowsWriter::create(dir)?;
        utterances.iter().try_for_each(|row| rows.push(row))?;
        rows.finish()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// Seconds of row `index`.
    pub fn seconds(&self, index: usize) -> f64 {
        f64::from(self.seconds[index])
    }

    /// Seconds of the longest row.
    pub fn longest(&self) -> f64 {
        self.longest
    }

    /// Reads row `index`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn get(&self, index: usize) -> anyhow::Result<Utterance> {
        let (start, end) = (self.starts[index], self.starts[index + 1]);
        let read = || -> anyhow::Result<Utterance> {
            let mut bytes = vec![0; (end - start) as usize];
            {
                let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(start))?;
                file.read_exact(&mut bytes)?;
            }
            let (row, member): (Utterance, InArchive) = serde_json::from_slice(&bytes)?;
            let member = member.map(|(name, start, bytes)| Member { name, start, bytes });
            Ok(Utterance { member, ..row })
        };
        read().with_context(|| format!("cannot read row {index} of `{}` again", self.path.display()))
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // It is gone already where an open file may be removed.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn rows_come_back_in_any_order_and_leave_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let row = |n: usize| Utterance {
            audio_filepath: format!("archive-{}.tar", n % 3).into(),
            duration: 0.25 * (n + 1) as f64,
            offset: n.is_multiple_of(2).then_some(0.75),
            channel: n.is_multiple_of(5).then_some(2),
            member: n.is_multiple_of(4).then(|| Member {
                name: format!("{n}.wav"),
                start: 512,
                bytes: n as u64,
            }),
            text: "grüß \"dich\"\n".repeat(n % 4),
            language: Some("de".into()),
            others: BTreeMap::from([("speaker".to_owned(), serde_json::json!([n]))]),
            ..Utterance::default()
        };
        let utterances: Vec<Utterance> = (0..50).map(row).collect();
        let rows = Rows::keep(&dir.path().join("new"), &utterances).unwrap();
        assert_eq!(rows.len(), 50);
        for index in (0..50).rev() {
            assert_eq!(rows.get(index).unwrap(), utterances[index]);
            assert!((rows.seconds(index) - utterances[index].duration).abs() < 1e-5);
        }
        assert!((rows.longest() - utterances[49].duration).abs() < f64::EPSILON);
        drop(rows);
        assert_eq!(std::fs::read_dir(dir.path().join("new")).unwrap().count(), 0);
    }
}
