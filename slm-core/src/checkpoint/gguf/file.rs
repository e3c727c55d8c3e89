//! A file whose header was read; its tensors are read where they lie when their turn comes.
//!
//! It is not mapped into memory, as safetensors are not: pages of a map that were read count as memory of the process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cursor::Failure;
use super::header::{Header, TensorInfo};
use super::{GgufError, GgufProblem, Metadata, Quantized};
use crate::checkpoint::large_pages::room;

/// Into how many files a model is cut.
const PARTS: &str = "split.count";

/// A file whose header was read and checked.
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    header: Header,
}

impl GgufFile {
    /// Reads the header of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`GgufError`] when it cannot be read, or is damaged. No more memory is taken than a part of the file's size.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let io = |source| GgufError::Io { path: path.into(), source };
        let fail = |problem| GgufError::Header { path: path.into(), problem };
        let file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let header = Header::read(BufReader::new(file), size).map_err(|failure| match failure {
            Failure::Io(source) => io(source),
            Failure::Problem(problem) => fail(problem),
        })?;
        if let Ok(Some(parts @ 2..)) = header.metadata.count(PARTS) {
            return Err(fail(GgufProblem::Parts(parts)));
        }
        Ok(Self { path: path.into(), header })
    }

    /// The file's own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its keys and values.
    pub fn metadata(&self) -> &Metadata {
        &self.header.metadata
    }

    /// What it says of its tensors, by their names in the file.
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.header.tensors
    }

    /// The tensor `name`, in the form in which the file holds it.
    ///
    /// # Errors
    ///
    /// [`GgufError::Tensor`] when there is none of this name, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Quantized, GgufError> {
        let fail = |source| GgufError::Tensor { path: self.path.clone(), name: name.to_owned(), source };
        let info = self.tensors().get(name).ok_or_else(|| fail(io::ErrorKind::NotFound.into()))?;
        let mut file = File::open(&self.path).map_err(fail)?;
        file.seek(SeekFrom::Start(info.start)).map_err(fail)?;
        let mut bytes = room(usize::try_from(info.bytes).unwrap_or_default());
        // The file may have become shorter since its header was read.
        file.take(info.bytes).read_to_end(&mut bytes).map_err(fail)?;
        let whole = Quantized::new(info.kind, info.shape.clone(), bytes);
        whole.ok_or_else(|| fail(io::ErrorKind::UnexpectedEof.into()))
    }
}
