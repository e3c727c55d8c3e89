//! A file that is written tensor by tensor, so that no more than one is in memory.
//!
//! Format: `docs/gguf.md` of ggml, version 3, little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::header::{ALIGNMENT, MAGIC};
use super::value::write_text;
use super::{BlockType, GgufError, Quantized, Value};

/// The version that is written.
const VERSION: u32 = 3;

/// What the header of a file that is to be written says of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufOutline {
    /// The name, as the file has it.
    pub name: String,
    /// The type of its values.
    pub kind: BlockType,
    /// The shape, rows first.
    pub shape: Vec<usize>,
}

/// A file that is being written. The tensors come in the order in which they were announced.
#[derive(Debug)]
pub struct GgufWriter {
    path: PathBuf,
    file: BufWriter<File>,
    /// The tensors that are still to come, the next one last.
    awaited: Vec<GgufOutline>,
}

impl GgufOutline {
    /// Bytes of the tensor, without those up to the next one.
    fn bytes(&self) -> u64 {
        let values: usize = self.shape.iter().product();
        (values / self.kind.values() * self.kind.bytes()) as u64
    }
}

impl GgufWriter {
    /// Makes the file at `path`, which must not be there, and writes keys, values and what it says of `tensors`.
    ///
    /// # Errors
    ///
    /// [`GgufError::Write`] where the system refuses.
    pub fn create(
        path: &Path,
        metadata: &[(String, Value)],
        tensors: Vec<GgufOutline>,
    ) -> Result<Self, GgufError> {
        let header = header(metadata, &tensors);
        let write = || -> io::Result<BufWriter<File>> {
            let mut file = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
            file.write_all(&header)?;
            Ok(file)
        };
        let file = write().map_err(|source| GgufError::Write { path: path.into(), source })?;
        Ok(Self { path: path.into(), file, awaited: tensors.into_iter().rev().collect() })
    }

    /// Writes the next tensor.
    ///
    /// # Errors
    ///
    /// [`GgufError::Write`] where it is not the next one or of another form, or the system refuses.
    pub fn write(&mut self, name: &str, tensor: &Quantized) -> Result<(), GgufError> {
        let next = self.awaited.pop();
        let is_next = next.is_some_and(|next| {
            (next.name.as_str(), next.kind, next.shape.as_slice()) == (name, tensor.kind(), tensor.shape())
        });
        let written = if is_next {
            let bytes = tensor.bytes();
            let rest = bytes.len().next_multiple_of(ALIGNMENT as usize) - bytes.len();
            self.file.write_all(bytes).and_then(|()| self.file.write_all(&vec![0; rest]))
        } else {
            Err(io::Error::other(format!("tensor `{name}` was not announced so")))
        };
        written.map_err(|source| self.failure(source))
    }

    /// Ends the file, which is then on the disk.
    ///
    /// # Errors
    ///
    /// [`GgufError::Write`] where tensors are missing or the system refuses.
    pub fn finish(mut self) -> Result<(), GgufError> {
        if let Some(missing) = self.awaited.last() {
            let reason = format!("tensor `{}` did not come", missing.name);
            return Err(self.failure(io::Error::other(reason)));
        }
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        done.map_err(|source| self.failure(source))
    }

    fn failure(&self, source: io::Error) -> GgufError {
        GgufError::Write { path: self.path.clone(), source }
    }
}

/// All that stands before the data.
fn header(metadata: &[(String, Value)], tensors: &[GgufOutline]) -> Vec<u8> {
    let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    bytes.extend((tensors.len() as u64).to_le_bytes());
    bytes.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        write_text(&mut bytes, key);
        value.write(&mut bytes);
    }
    let mut offset = 0_u64;
    for tensor in tensors {
        write_text(&mut bytes, &tensor.name);
        bytes.extend((tensor.shape.len() as u32).to_le_bytes());
        bytes.extend(tensor.shape.iter().rev().flat_map(|&size| (size as u64).to_le_bytes()));
        bytes.extend(tensor.kind.number().to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        offset += tensor.bytes().next_multiple_of(ALIGNMENT);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::gguf::GgufFile;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.gguf");
        let tensor =
            |kind, shape: &[usize], bytes: Vec<u8>| Quantized::new(kind, shape.to_vec(), bytes).unwrap();
        let tensors = [
            ("a", tensor(BlockType::Q8_0, &[3, 32], (0..102).collect())),
            ("b", tensor(BlockType::F32, &[2], vec![7; 8])),
            ("c", tensor(BlockType::F16, &[1, 3], vec![9; 6])),
        ];
        let outline = |(name, tensor): &(&str, Quantized)| GgufOutline {
            name: (*name).to_owned(),
            kind: tensor.kind(),
            shape: tensor.shape().to_vec(),
        };
        let outlines: Vec<GgufOutline> = tensors.iter().map(outline).collect();
        let metadata =
            [("k".to_owned(), Value::Integer(3)), ("t".to_owned(), Value::Texts(vec!["x".into()]))];
        let mut writer = GgufWriter::create(&path, &metadata, outlines.clone()).unwrap();
        for (name, tensor) in &tensors {
            writer.write(name, tensor).unwrap();
        }
        writer.finish().unwrap();
        let file = GgufFile::open(&path).unwrap();
        assert_eq!(file.metadata().count("k"), Ok(Some(3)));
        assert_eq!(file.metadata().texts("t").unwrap().unwrap()[0].as_ref(), "x");
        for (name, tensor) in &tensors {
            assert_eq!(file.read(name).unwrap(), *tensor);
        }
        assert!(GgufWriter::create(&path, &[], Vec::new()).is_err());
        let begun = |name: &str| GgufWriter::create(&dir.path().join(name), &[], outlines.clone()).unwrap();
        begun("x").write("b", &tensors[1].1).unwrap_err();
        begun("y").write("a", &tensors[1].1).unwrap_err();
        begun("z").finish().unwrap_err();
    }
}
