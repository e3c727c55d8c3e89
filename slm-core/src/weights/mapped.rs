//! One safetensors file, mapped into memory by burn-store.
//!
//! Pages of a mapped file that were read count as memory of the process until the system takes them back, so the map is
//! made anew after every [`WINDOW_BYTES`]: what was read before is let go, and the peak stays near the size of the
//! loaded model.

use std::path::{Path, PathBuf};

use burn::store::{ModuleStore, SafetensorsStore};
use burn::tensor::{Bytes, DType};

/// Bytes that are read before the map is made anew.
const WINDOW_BYTES: u64 = 16 << 20;

/// A safetensors file whose header was checked.
pub(super) struct MappedFile {
    path: PathBuf,
    store: Option<SafetensorsStore>,
    read: u64,
}

impl MappedFile {
    /// Of the file at `path`, which is mapped when a tensor is asked for.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), store: None, read: 0 }
    }

    /// The bytes of a tensor and their type.
    pub(super) fn read(&mut self, name: &str) -> Result<(Bytes, DType), String> {
        if self.read >= WINDOW_BYTES {
            (self.store, self.read) = (None, 0);
        }
        let store = self.store.get_or_insert_with(|| SafetensorsStore::from_file(&self.path));
        let tensors = store.get_all_tensors().map_err(|error| error.to_string())?;
        let tensor = tensors.get(name).ok_or("not found")?;
        let bytes = tensor.to_bytes().map_err(|error| error.to_string())?;
        self.read += bytes.len() as u64;
        Ok((bytes, tensor.dtype))
    }
}
