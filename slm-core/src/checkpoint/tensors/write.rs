//! A safetensors file written tensor by tensor, so that no more than one is in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Cause, WeightsError, blocks};
use crate::checkpoint::gguf::BlockType;

/// What the header of a file that is to be written says of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorOutline {
    /// The name.
    pub name: String,
    /// The shape, of a matrix in few bits as of one of floats.
    pub shape: Vec<usize>,
    /// How its values are written.
    pub form: TensorForm,
}

/// How the values of a tensor are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorForm {
    /// As floats of a type that safetensors calls so, with so many bytes a value.
    Floats(&'static str, usize),
    /// In blocks of few bits.
    Blocks(BlockType),
}

impl TensorOutline {
    /// Bytes of the tensor; `None` where its rows are no whole blocks, or no file can hold it.
    pub fn bytes(&self) -> Option<u64> {
        let (_, shape, size) = self.stored()?;
        let bytes = shape.iter().try_fold(size, |product, &size| product.checked_mul(size))?;
        u64::try_from(bytes).ok()
    }

    /// The type and the shape that the header has, and the bytes of one of its values.
    fn stored(&self) -> Option<(&'static str, Vec<usize>, usize)> {
        Some(match self.form {
            TensorForm::Floats(dtype, size) => (dtype, self.shape.clone(), size),
            TensorForm::Blocks(kind) => (blocks::BYTES, blocks::stored_shape(kind, &self.shape)?, 1),
        })
    }
}

/// A safetensors file that is being written. The tensors come in the order in which they were announced.
#[derive(Debug)]
pub struct SafetensorsWriter {
    path: PathBuf,
    file: BufWriter<File>,
    /// Names and bytes of the tensors that are still to come, the next one last.
    awaited: Vec<(String, u64)>,
}

impl SafetensorsWriter {
    /// Makes the file at `path`, which must not be there, and writes what it says of `tensors`.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Write`] where the system refuses, two have one name, or one is no whole blocks.
    pub fn create(path: &Path, tensors: &[TensorOutline]) -> Result<Self, WeightsError> {
        let fail = |source: Cause| WeightsError::Write { path: path.into(), source };
        let (header, awaited) = header(tensors).map_err(fail)?;
        let write = || -> io::Result<BufWriter<File>> {
            let mut file = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(header.as_bytes())?;
            Ok(file)
        };
        let file = write().map_err(|error| fail(error.into()))?;
        Ok(Self { path: path.into(), file, awaited })
    }

    /// Writes the next tensor, little-endian, in the order of its shape.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Write`] where it is not the next one or of another size, or the system refuses.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), WeightsError> {
        match self.awaited.pop() {
            Some((next, size)) if next == name && size == bytes.len() as u64 => {
                self.file.write_all(bytes).map_err(|error| self.failure(error.into()))
            }
            _ => Err(self.failure(format!("tensor `{name}` was not announced so").into())),
        }
    }

    /// Ends the file, which is then on the disk.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Write`] where tensors are missing or the system refuses.
    pub fn finish(mut self) -> Result<(), WeightsError> {
        if let Some((name, _)) = self.awaited.last() {
            return Err(self.failure(format!("tensor `{name}` did not come").into()));
        }
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        done.map_err(|error| self.failure(error.into()))
    }

    fn failure(&self, source: Cause) -> WeightsError {
        WeightsError::Write { path: self.path.clone(), source }
    }
}

/// The text of the header, and the tensors with their bytes, the first one last.
fn header(tensors: &[TensorOutline]) -> Result<(String, Vec<(String, u64)>), Cause> {
    let (mut entries, mut awaited, mut blocks) = (Map::new(), Vec::new(), BTreeMap::new());
    let mut end = 0_u64;
    for tensor in tensors {
        let name = &tensor.name;
        let of_tensor =
            || format!("tensor `{name}` has no rows of whole blocks, or more bytes than any file");
        let (dtype, shape, _) = tensor.stored().ok_or_else(of_tensor)?;
        let bytes = tensor.bytes().ok_or_else(of_tensor)?;
        let start = end;
        end = start.checked_add(bytes).ok_or_else(of_tensor)?;
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        if entries.insert(name.clone(), entry).is_some() {
            return Err(format!("tensor `{name}` is there twice").into());
        }
        if let TensorForm::Blocks(kind) = tensor.form {
            blocks.insert(name.clone(), kind);
        }
        awaited.push((name.clone(), bytes));
    }
    // transformers asks for the first entry before it loads a file.
    let mut metadata = Map::from_iter([("format".to_owned(), Value::from("pt"))]);
    if !blocks.is_empty() {
        metadata.insert(blocks::KEY.to_owned(), blocks::told(&blocks).into());
    }
    entries.insert("__metadata__".to_owned(), metadata.into());
    let mut text = Value::Object(entries).to_string();
    // The data begin where any float may.
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    awaited.reverse();
    Ok((text, awaited))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::gguf::quantize;
    use crate::checkpoint::tensors::{TensorReader, WeightFiles};

    fn outline(name: &str, shape: &[usize], form: TensorForm) -> TensorOutline {
        TensorOutline { name: name.to_owned(), shape: shape.to_vec(), form }
    }

    /// A file with a matrix, a convolution of kernel 1, and a vector, and what was written.
    fn written(path: &Path) -> [Vec<f32>; 3] {
        let values: Vec<f32> = (0..3 * 64).map(|i| ((i * 37) as f32).sin()).collect();
        let of = |kind| quantize(kind, [3, 64], &values).unwrap();
        let (eight, four) = (of(BlockType::Q8_0), of(BlockType::Q4_0));
        let floats: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensors = [
            outline("v", &[192], TensorForm::Floats("F32", 4)),
            outline("m", &[3, 64], TensorForm::Blocks(BlockType::Q8_0)),
            outline("c", &[3, 64, 1], TensorForm::Blocks(BlockType::Q4_0)),
        ];
        let mut writer = SafetensorsWriter::create(path, &tensors).unwrap();
        writer.write("v", &floats).unwrap();
        writer.write("m", eight.bytes()).unwrap();
        writer.write("c", four.bytes()).unwrap();
        writer.finish().unwrap();
        [values.clone(), eight.dequantize(), four.dequantize()]
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        let expected = written(&path);
        let files = WeightFiles::of_safetensors(path.clone()).unwrap();
        let entry =
            |name: &str| files.entry(name).map(|entry| (entry.dtype.clone(), entry.shape.clone())).unwrap();
        assert_eq!(entry("v"), ("F32".to_owned(), vec![192]));
        assert_eq!(entry("m"), ("Q8_0".to_owned(), vec![3, 64]));
        assert_eq!(entry("c"), ("Q4_0".to_owned(), vec![3, 64, 1]));
        let mut reader = TensorReader::new(&files);
        for (name, expected) in ["v", "m", "c"].into_iter().zip(&expected) {
            assert_eq!(reader.read(name).unwrap().try_to_vec::<f32>().unwrap(), *expected, "{name}");
        }
        assert_eq!(reader.read_few_bits("v").unwrap(), None);
        let matrix = reader.read_few_bits("m").unwrap().unwrap();
        assert_eq!(
            (matrix.kind(), matrix.shape(), matrix.dequantize()),
            (BlockType::Q8_0, &[3, 64][..], expected[1].clone())
        );
        // The library of the format takes it, with bytes for what it has no type for.
        let bytes = std::fs::read(&path).unwrap();
        let theirs = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let matrix = theirs.tensor("m").unwrap();
        assert_eq!((matrix.dtype(), matrix.shape()), (::safetensors::Dtype::U8, &[3, 68][..]));
        let error = SafetensorsWriter::create(&path, &[]).unwrap_err().to_string();
        assert!(error.starts_with("cannot write weights `"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        let blocks = TensorForm::Blocks(BlockType::Q8_0);
        let one = outline("a", &[1, 32], blocks);
        for tensors in [vec![outline("a", &[1, 33], blocks)], vec![one.clone(), one.clone()]] {
            SafetensorsWriter::create(&place("none"), &tensors).unwrap_err();
            assert!(!place("none").exists());
        }
        let begun = |name: &str| SafetensorsWriter::create(&place(name), std::slice::from_ref(&one)).unwrap();
        begun("a").write("b", &[0; 34]).unwrap_err();
        begun("b").write("a", &[0; 33]).unwrap_err();
        let error = begun("c").finish().unwrap_err().to_string();
        assert!(error.ends_with("tensor `a` did not come"), "{error}");
    }

    /// Every entry that does not fit the file's tensors is named.
    #[test]
    fn what_the_file_says_of_blocks_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        let problem = |shape: &[usize], told: &Value| {
            let size: usize = shape.iter().product();
            let header = json!({
                "a": { "dtype": "U8", "shape": shape, "data_offsets": [0, size] },
                "__metadata__": { (blocks::KEY): told },
            });
            let header = header.to_string();
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.resize(bytes.len() + size, 0);
            std::fs::write(&path, bytes).unwrap();
            WeightFiles::of_safetensors(path.clone()).map(drop)
        };
        problem(&[2, 34], &json!(r#"{"a": "Q8_0"}"#)).unwrap();
        for (shape, told, expected) in [
            (&[2, 34][..], json!(r#"{"a": "Q9"}"#), "`a` is in blocks of `Q9`, which is not known"),
            (&[2, 34], json!(r#"{"a": "F32"}"#), "`a` is in blocks of `F32`, which is not known"),
            (&[2, 34], json!(r#"{"b": "Q8_0"}"#), "`b` is in blocks and not in the file"),
            (&[2, 35], json!(r#"{"a": "Q8_0"}"#), "`a` is U8 [2, 35], no blocks of Q8_0"),
            (&[68], json!(r#"{"a": "Q8_0"}"#), "`a` is U8 [68], no blocks of Q8_0"),
            (&[2, 34, 2], json!(r#"{"a": "Q8_0"}"#), "`a` is U8 [2, 34, 2], no blocks of Q8_0"),
            (&[2, 34], json!("nonsense"), "`slm.blocks` is not valid JSON"),
            (&[2, 34], json!(1), "`slm.blocks` is no text"),
        ] {
            let error = problem(shape, &told).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
