//! The values of tensors, read where they lie when their turn comes.

use std::path::Path;

use burn::tensor::{Bytes, DType, TensorData};

use super::gguf;
use super::nemo::StateDict;
use super::safetensors::SafetensorsFile;
use super::torch::TorchFile;
use super::{Cause, TensorEntry, WeightFiles, WeightFormat, WeightsError};
use crate::checkpoint::gguf::{GgufFolder, Quantized};

/// Reads tensors of [`WeightFiles`]; each file is opened when the first of its tensors is asked for.
pub struct TensorReader<'a> {
    files: &'a WeightFiles,
    sources: Vec<Option<Source>>,
}

/// One file, opened.
enum Source {
    Safetensors(SafetensorsFile),
    Torch(TorchFile),
    Nemo(Box<StateDict>),
    Gguf(Box<GgufFolder>),
}

impl Source {
    fn open(path: &Path, format: WeightFormat) -> Result<Self, WeightsError> {
        Ok(match format {
            WeightFormat::Safetensors => Self::Safetensors(SafetensorsFile::open(path)?),
            WeightFormat::Torch => Self::Torch(TorchFile::open(path)?),
            WeightFormat::Nemo => Self::Nemo(Box::new(StateDict::open(path)?)),
            WeightFormat::Gguf => Self::Gguf(Box::new(GgufFolder::open(path)?)),
        })
    }

    /// The bytes of a tensor, little-endian, in the order of its shape, and their type.
    fn read(&mut self, name: &str) -> Result<(Vec<u8>, DType), Cause> {
        match self {
            Self::Safetensors(file) => file.read(name),
            Self::Torch(file) => file.read(name),
            Self::Nemo(file) => file.read(name),
            Self::Gguf(file) => Ok(gguf::values(file.tensor(name)?)),
        }
    }
}

impl<'a> TensorReader<'a> {
    /// For the tensors of `files`; none is opened yet.
    pub fn new(files: &'a WeightFiles) -> Self {
        Self { files, sources: files.files().iter().map(|_| None).collect() }
    }

    /// What the files say of the tensor `name`.
    pub fn entry(&self, name: &str) -> Option<&'a TensorEntry> {
        self.files.entry(name)
    }

    /// The values of the tensor `name`, of the type that they are stored in; those in few bits as f32.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is none of this name, it is no float, or it cannot be read.
    pub fn read(&mut self, name: &str) -> Result<TensorData, WeightsError> {
        let (source, entry) = self.source(name)?;
        let (bytes, dtype) = source.read(name).map_err(|source| self.failure(name, source))?;
        TensorData::try_from_bytes(unmoved(bytes), entry.shape.clone(), dtype)
            .map_err(|error| self.failure(name, format!("{error:?}").into()))
    }

    /// The tensor `name` as the file holds it, where that is in few bits.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_few_bits(&mut self, name: &str) -> Result<Option<Quantized>, WeightsError> {
        let (source, entry) = self.source(name)?;
        match (source, entry.few_bits()) {
            (Source::Gguf(file), Some(_)) => {
                file.tensor(name).map(Some).map_err(|error| self.failure(name, error.into()))
            }
            (Source::Safetensors(file), Some(_)) => {
                file.few_bits(name).map(Some).map_err(|error| self.failure(name, error))
            }
            _ => Ok(None),
        }
    }

    /// The file that holds the tensor `name`, and what it says of it.
    fn source(&mut self, name: &str) -> Result<(&mut Source, &'a TensorEntry), WeightsError> {
        let files = self.files;
        let found = files.place(name).zip(files.entry(name));
        let (place, entry) = found.ok_or_else(|| self.failure(name, "not found".into()))?;
        let source = match &mut self.sources[place] {
            Some(source) => source,
            none => none.insert(Source::open(&files.files()[place], files.format())?),
        };
        Ok((source, entry))
    }

    fn failure(&self, name: &str, source: Cause) -> WeightsError {
        WeightsError::Read { path: self.files.path().into(), name: name.to_owned(), source }
    }

    /// Whether the tensors `first` and `second` are both there, of one type and shape, and have the same values.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn are_same(&mut self, first: &str, second: &str) -> Result<bool, WeightsError> {
        let of_one_form = match (self.files.entry(first), self.files.entry(second)) {
            (Some(a), Some(b)) => (&a.shape, &a.dtype) == (&b.shape, &b.dtype),
            _ => false,
        };
        Ok(of_one_form && self.read(first)?.as_bytes() == self.read(second)?.as_bytes())
    }
}

/// `bytes` as Burn keeps them. Its own way from a vector of bytes always makes a copy, as such a vector may lie anywhere;
/// where allocators put one of this size is aligned for every float, and then nothing is copied.
pub(crate) fn unmoved(bytes: Vec<u8>) -> Bytes {
    if bytes.as_ptr().align_offset(align_of::<f64>()) == 0 {
        Bytes::from_elems(bytes)
    } else {
        Bytes::from_bytes_vec(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tensor_is_read_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, tensors: &[(&str, f32)]| {
            let entries: Vec<String> = tensors
                .iter()
                .enumerate()
                .map(|(i, (name, _))| {
                    format!(
                        r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}"#,
                        4 * i,
                        4 * i + 4
                    )
                })
                .collect();
            let header = format!("{{{}}}", entries.join(","));
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.extend(tensors.iter().flat_map(|(_, value)| value.to_le_bytes()));
            std::fs::write(dir.path().join(name), bytes).unwrap();
        };
        file("a.safetensors", &[("x", 1.0), ("y", 2.0)]);
        file("b.safetensors", &[("z", 3.0)]);
        let index = r#"{"weight_map":{"x":"a.safetensors","y":"a.safetensors","z":"b.safetensors"}}"#;
        std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
        let names = ["a.safetensors", "b.safetensors", "model.safetensors.index.json"];
        let files = WeightFiles::among(dir.path(), &names.map(str::to_owned).into()).unwrap();
        let mut reader = TensorReader::new(&files);
        for (name, expected) in [("z", 3.0), ("x", 1.0), ("y", 2.0), ("z", 3.0)] {
            assert_eq!(reader.read(name).unwrap().try_to_vec::<f32>().unwrap(), [expected]);
        }
        assert!(reader.are_same("x", "x").unwrap());
        assert!(!reader.are_same("x", "z").unwrap() && !reader.are_same("x", "w").unwrap());
        let error = reader.read("w").unwrap_err().to_string();
        assert!(error.ends_with("model.safetensors.index.json`: tensor `w`: not found"), "{error}");
        // A file that shrank since its header was read.
        std::fs::File::options()
            .write(true)
            .open(dir.path().join("b.safetensors"))
            .unwrap()
            .set_len(64)
            .unwrap();
        let error = reader.read("z").unwrap_err();
        assert!(error.to_string().contains("tensor `z`: "), "{error}");
        let source =
            std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
        assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::UnexpectedEof));
    }
}
