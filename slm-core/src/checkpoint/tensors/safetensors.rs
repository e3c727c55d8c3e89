//! A safetensors file, whose tensors are read where they lie when their turn comes.
//!
//! It is not mapped into memory: pages of a map that were read count as memory of the process, beside the tensors that
//! are made of them. So read, nothing but the tensor itself is held.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use burn::tensor::DType;

use super::entry::float_type;
use super::header::{self, Header};
use super::{Cause, WeightsError};

/// A file whose header was checked.
pub(super) struct SafetensorsFile {
    file: File,
    header: Header,
}

impl SafetensorsFile {
    /// Opens the file at `path` and reads its header.
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let file = File::open(path).map_err(|source| WeightsError::Io { path: path.into(), source })?;
        Ok(Self { file, header: header::read(path)? })
    }

    /// The bytes of a tensor, little-endian, and their type.
    pub(super) fn read(&mut self, name: &str) -> Result<(Vec<u8>, DType), Cause> {
        let entry = self.header.get(name).ok_or("not found")?;
        let dtype = float_type(&entry.dtype).ok_or("not a float")?;
        let (start, length) = entry.place();
        let mut bytes = vec![0; usize::try_from(length)?];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut bytes)?;
        Ok((bytes, dtype))
    }
}
