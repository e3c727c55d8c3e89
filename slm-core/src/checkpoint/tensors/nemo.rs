//! The state dict in a `.nemo` archive: a file of PyTorch within the archive.
//!
//! `pytorch-reader`, which reads files of PyTorch on their own, opens paths only; so here the zip is opened in its
//! window of the archive, and its pickle read by [`pickle`]. Storages are read when a tensor is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::path::Path;

use burn::tensor::DType;
use zip::ZipArchive;

use super::entry::{TensorEntry, float_type};
use super::pickle::{self, PickledTensor};
use super::{Cause, WeightsError};
use crate::checkpoint::nemo::{NemoArchive, WEIGHTS, Window};

/// Bytes of the pickle; a state dict has about 150 a tensor.
const MAX_PICKLE_BYTES: u64 = 16 << 20;

/// The weights of an archive; their bytes are not yet read.
pub(super) struct StateDict {
    zip: ZipArchive<BufReader<Window>>,
    /// The folder of the zip that all is in, with its slash.
    root: String,
    tensors: BTreeMap<String, PickledTensor>,
}

impl fmt::Debug for StateDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDict").field("tensors", &self.tensors).finish_non_exhaustive()
    }
}

/// What is wrong with a file in an archive or a zip.
#[derive(Debug, thiserror::Error)]
#[error("`{name}`: {source}")]
struct MemberError {
    name: String,
    source: Cause,
}

impl MemberError {
    /// What `source` says of the file `name`.
    fn cause(name: &str, source: Cause) -> Cause {
        Box::new(Self { name: name.to_owned(), source })
    }
}

impl StateDict {
    /// Reads what the archive at `path` says of its tensors.
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let window = NemoArchive::open(path)?.window(WEIGHTS)?;
        Self::of(window).map_err(|error| {
            let source = MemberError::cause(WEIGHTS, error);
            WeightsError::Torch { path: path.into(), source }
        })
    }

    fn of(window: Window) -> Result<Self, Cause> {
        let mut zip = ZipArchive::new(BufReader::new(window))?;
        let root = zip
            .file_names()
            .filter_map(Result::ok)
            .find_map(|name| name.strip_suffix("data.pkl").map(str::to_owned))
            .ok_or("it has no `data.pkl`")?;
        let order = entry(&mut zip, &format!("{root}byteorder"), 16);
        if order.is_ok_and(|order| order != b"little") {
            return Err("its numbers are not little-endian".into());
        }
        let tensors = pickle::tensors(&entry(&mut zip, &format!("{root}data.pkl"), MAX_PICKLE_BYTES)?)?;
        Ok(Self { zip, root, tensors })
    }

    /// The tensors by name.
    pub(super) fn entries(&self) -> BTreeMap<String, TensorEntry> {
        let entry = |tensor: &PickledTensor| TensorEntry {
            dtype: tensor.dtype.to_owned(),
            shape: tensor.shape.clone(),
        };
        self.tensors.iter().map(|(name, tensor)| (name.clone(), entry(tensor))).collect()
    }

    /// The bytes of a tensor, little-endian, in the order of its shape.
    pub(super) fn read(&mut self, name: &str) -> Result<(Vec<u8>, DType), Cause> {
        let tensor = self.tensors.get(name).ok_or("not found")?;
        let dtype = float_type(tensor.dtype).ok_or("not a float")?;
        let storage = entry(&mut self.zip, &format!("{}data/{}", self.root, tensor.storage), u64::MAX)?;
        let bytes = gather(tensor, storage, dtype.size()).ok_or("it does not lie within its storage")?;
        Ok((bytes, dtype))
    }
}

/// A whole file of the zip, of at most `limit` bytes. Its size is never taken on trust: memory grows as it is read.
fn entry(zip: &mut ZipArchive<BufReader<Window>>, name: &str, limit: u64) -> Result<Vec<u8>, Cause> {
    let fail = |error: Cause| MemberError::cause(name, error);
    let file = zip.by_name(name).map_err(|error| fail(error.into()))?;
    let mut content = Vec::new();
    file.take(limit).read_to_end(&mut content).map_err(|error| fail(error.into()))?;
    if content.len() as u64 == limit {
        return Err(fail(format!("more than {limit} bytes").into()));
    }
    Ok(content)
}

/// The bytes of `tensor`, whose values have `size` bytes, in the order of its shape; `None` where it reaches out of its
/// storage, or has more values than that.
fn gather(tensor: &PickledTensor, mut storage: Vec<u8>, size: usize) -> Option<Vec<u8>> {
    let PickledTensor { offset, shape, strides, .. } = tensor;
    if strides.len() != shape.len() {
        return None;
    }
    let count = shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length))?;
    let bytes = count.checked_mul(size)?;
    if count == 0 {
        return Some(Vec::new());
    }
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(*offset, |last, (&length, &stride)| last.checked_add(stride.checked_mul(length - 1)?))?;
    if last.checked_add(1)?.checked_mul(size)? > storage.len() || bytes > storage.len() {
        return None;
    }
    let mut packed = 1;
    let is_packed = shape.iter().zip(strides).rev().all(|(&length, &stride)| {
        let fits = stride == packed || length == 1;
        packed *= length;
        fits
    });
    if is_packed {
        storage.truncate((offset + count) * size);
        storage.drain(..offset * size);
        return Some(storage);
    }
    let mut gathered = Vec::with_capacity(bytes);
    let mut index = vec![0; shape.len()];
    let mut place = *offset;
    for _ in 0..count {
        gathered.extend_from_slice(&storage[place * size..(place + 1) * size]);
        for dimension in (0..shape.len()).rev() {
            index[dimension] += 1;
            place += strides[dimension];
            if index[dimension] < shape[dimension] {
                break;
            }
            place -= strides[dimension] * shape[dimension];
            index[dimension] = 0;
        }
    }
    Some(gathered)
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io::{self, Cursor, Write};
    use std::iter::successors;

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    /// A zip of a pickle that is not what its checksum says.
    fn damaged_zip() -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file("archive/data.pkl", stored).unwrap();
        let content = b"as it was written";
        zip.write_all(content).unwrap();
        let mut bytes = zip.finish().unwrap().into_inner();
        let place = bytes.windows(content.len()).position(|part| part == content).unwrap();
        bytes[place] ^= 1;
        bytes
    }

    #[test]
    fn the_system_s_reason_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.nemo");
        let mut archive = tar::Builder::new(std::fs::File::create(&path).unwrap());
        let zip = damaged_zip();
        let mut header = tar::Header::new_gnu();
        header.set_size(zip.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, WEIGHTS, zip.as_slice()).unwrap();
        archive.finish().unwrap();
        let error = StateDict::open(&path).unwrap_err();
        let expected = "x.nemo`: `model_weights.ckpt`: `archive/data.pkl`: ";
        assert!(error.to_string().contains(expected), "{error}");
        let mut causes = successors(error.source(), |&cause| cause.source());
        let found = causes.find_map(<dyn Error>::downcast_ref::<io::Error>).unwrap();
        assert!(error.to_string().ends_with(&found.to_string()), "{error}");
    }

    fn tensor(offset: usize, shape: &[usize], strides: &[usize]) -> PickledTensor {
        PickledTensor {
            storage: "0".into(),
            dtype: "F32",
            offset,
            shape: shape.into(),
            strides: strides.into(),
        }
    }

    #[test]
    fn views_are_gathered_and_none_reaches_out() {
        let storage: Vec<u8> = (0..12).collect();
        let gathered = |one: &PickledTensor| gather(one, storage.clone(), 2);
        assert_eq!(gathered(&tensor(1, &[2, 2], &[2, 1])).unwrap(), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(gathered(&tensor(0, &[2, 3], &[1, 2])).unwrap(), [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11]);
        assert_eq!(gathered(&tensor(5, &[], &[])).unwrap(), [10, 11]);
        assert_eq!(gathered(&tensor(0, &[3, 0], &[1, 1])).map(|bytes| bytes.len()), Some(0));
        assert_eq!(gathered(&tensor(4, &[1, 2], &[9, 1])).unwrap(), [8, 9, 10, 11]);
        for bad in [
            tensor(5, &[2], &[1]),
            tensor(0, &[2, 2], &[6, 1]),
            tensor(0, &[7], &[0]),
            tensor(0, &[2], &[]),
            tensor(usize::MAX, &[2], &[usize::MAX]),
            tensor(0, &[usize::MAX, usize::MAX], &[0, 0]),
        ] {
            assert_eq!(gathered(&bad), None, "{bad:?}");
        }
    }
}
