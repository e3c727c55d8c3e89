//! The files in an archive, and where they lie.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{NemoError, NemoSettings};

/// The settings of the model.
const CONFIG: &str = "model_config.yaml";
/// The weights of the model.
pub(crate) const WEIGHTS: &str = "model_weights.ckpt";
/// Files in an archive; real ones have about six.
const MAX_MEMBERS: usize = 10_000;
/// Bytes of the settings; with a vocabulary in them they have some tens of kilobytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// An archive whose list of files was read. The files are read where they lie.
#[derive(Debug)]
pub struct NemoArchive {
    path: PathBuf,
    /// Place and size of each file, by its name without folders.
    members: BTreeMap<String, (u64, u64)>,
}

impl NemoArchive {
    /// Reads the list of files in the archive at `path`.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when it is no tar or has too many files.
    pub fn open(path: &Path) -> Result<Self, NemoError> {
        let io = |source| NemoError::Io { path: path.into(), source };
        let fail = |source: Box<dyn Error + Send + Sync>| NemoError::Archive { path: path.into(), source };
        let mut file = File::open(path).map_err(io)?;
        let mut start = [0; 2];
        if file.read_exact(&mut start).is_ok() && start == [0x1f, 0x8b] {
            return Err(fail("it is compressed; unpack it with `gunzip` first".into()));
        }
        let bytes = file.metadata().map_err(io)?.len();
        file.rewind().map_err(io)?;
        let mut tar = tar::Archive::new(file);
        let mut members = BTreeMap::new();
        for entry in tar.entries_with_seek().map_err(|error| fail(error.into()))? {
            let entry = entry.map_err(|error| fail(error.into()))?;
            if members.len() == MAX_MEMBERS {
                return Err(fail(format!("it has more than {MAX_MEMBERS} files").into()));
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.rsplit('/').next().unwrap_or_default().to_owned();
            let (place, size) = (entry.raw_file_position(), entry.size());
            if !entry.header().entry_type().is_file() {
                continue;
            }
            if place.checked_add(size).is_none_or(|end| end > bytes) {
                return Err(fail(format!("it ends within `{name}`").into()));
            }
            members.insert(name, (place, size));
        }
        Ok(Self { path: path.into(), members })
    }

    /// The archive's own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings, `model_config.yaml`.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when they cannot be read, or a field is not of its type.
    pub fn settings(&self) -> Result<NemoSettings, NemoError> {
        let bytes = self.read(CONFIG, MAX_CONFIG_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|_| self.fail(format!("`{CONFIG}` is not UTF-8")))?;
        NemoSettings::parse(&text)
            .map_err(|problem| NemoError::Config { path: self.path.clone(), problems: vec![problem] })
    }

    /// The content of a file of at most `limit` bytes; as in the settings, `nemo:` may stand before the name.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when there is no such file, it is larger, or it cannot be read.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, NemoError> {
        let name = name.strip_prefix("nemo:").unwrap_or(name);
        let mut window = self.window(name)?;
        if window.size > limit {
            let (path, member, bytes) = (self.path.clone(), name.to_owned(), window.size);
            return Err(NemoError::TooLarge { path, member, bytes, limit });
        }
        let mut content = Vec::new();
        let read = window.read_to_end(&mut content);
        read.map_err(|source| NemoError::Io { path: self.path.clone(), source })?;
        Ok(content)
    }

    /// A file of the archive as one of its own.
    pub(crate) fn window(&self, name: &str) -> Result<Window, NemoError> {
        let &(start, size) =
            self.members.get(name).ok_or_else(|| self.fail(format!("it has no `{name}`")))?;
        let io = |source| NemoError::Io { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        Ok(Window { file, start, size, position: 0 })
    }

    fn fail(&self, reason: String) -> NemoError {
        NemoError::Archive { path: self.path.clone(), source: reason.into() }
    }
}

/// Part of a file, read as if it were one.
#[derive(Debug)]
pub(crate) struct Window {
    file: File,
    start: u64,
    size: u64,
    position: u64,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.position);
        let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.file.read(&mut buffer[..count])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let place = position.and_then(|position| Some((position, self.start.checked_add(position)?)));
        let (position, place) = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.file.seek(SeekFrom::Start(place))?;
        self.position = position;
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_reason_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.nemo");
        // The header of a file takes 512 bytes.
        std::fs::write(&path, "not a tar, not at all").unwrap();
        let error = NemoArchive::open(&path).unwrap_err();
        assert!(matches!(error, NemoError::Archive { .. }), "{error}");
        let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(error.to_string(), format!("cannot open archive `{}`: {source}", path.display()));
    }
}
