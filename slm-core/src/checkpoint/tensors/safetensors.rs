//! A safetensors file, whose tensors are read where they lie when their turn comes.
//!
//! It is not mapped into memory: pages of a map that were read count as memory of the process, beside the tensors that
//! are made of them. So read, nothing but the tensor itself is held.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use burn::tensor::DType;

use super::entry::float_type;
use super::header::{self, Header};
use super::{Cause, WeightsError};
use crate::checkpoint::gguf::Quantized;
use crate::checkpoint::large_pages::room;

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

    /// The bytes of a tensor, little-endian, and their type. Those in few bits become floats of 32.
    pub(super) fn read(&mut self, name: &str) -> Result<(Vec<u8>, DType), Cause> {
        let entry = self.header.get(name).ok_or("not found")?;
        if entry.blocks.is_some() {
            return Ok((self.few_bits(name)?.dequantize_to_bytes(), DType::F32));
        }
        let dtype = float_type(&entry.dtype).ok_or("not a float")?;
        let place = entry.place();
        Ok((self.bytes(place)?, dtype))
    }

    /// A matrix in few bits, as rows and columns.
    pub(super) fn few_bits(&mut self, name: &str) -> Result<Quantized, Cause> {
        let entry = self.header.get(name).ok_or("not found")?;
        let (kind, shape) = (entry.blocks.ok_or("not in few bits")?, entry.shape.iter().take(2));
        let (shape, place) = (shape.copied().collect(), entry.place());
        Ok(Quantized::new(kind, shape, self.bytes(place)?).ok_or("its bytes are not those of its shape")?)
    }

    fn bytes(&mut self, (start, length): (u64, u64)) -> Result<Vec<u8>, Cause> {
        let mut bytes = room(usize::try_from(length)?);
        self.file.seek(SeekFrom::Start(start))?;
        self.file.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        Ok(bytes)
    }
}
