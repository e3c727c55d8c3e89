//! Weight files of PyTorch (`torch.save`), read by `pytorch-reader`: the pickle inside is interpreted, never run.
//!
//! A file is an archive of one pickle, which says what the tensors are, and of their bytes, which are read when they are
//! asked for. Objects that are no tensors are passed over, so a model that needs them finds them missing.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use burn::tensor::DType;
use pytorch_reader::PytorchReader;

use super::entry::{TensorEntry, float_type};
use super::foreign::ForeignFormat;
use super::{Cause, WeightsError};

/// The tensors of a file; their bytes are not yet read.
#[derive(Debug)]
pub(super) struct TorchFile {
    tensors: HashMap<String, pytorch_reader::Tensor>,
}

impl TorchFile {
    /// Reads what the file at `path` says of its tensors.
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let io = |source| WeightsError::Io { path: path.into(), source };
        let mut start = Vec::new();
        File::open(path).map_err(io)?.take(8).read_to_end(&mut start).map_err(io)?;
        let fail = |source: Cause| WeightsError::Torch { path: path.into(), source };
        if let Some(format) = ForeignFormat::of(&start) {
            return Err(fail(format.into()));
        }
        let reader = PytorchReader::new(path).map_err(|error| fail(error.into()))?;
        Ok(Self { tensors: reader.into_tensors() })
    }

    /// The tensors by name, the types by the names that safetensors has for them.
    pub(super) fn entries(&self) -> BTreeMap<String, TensorEntry> {
        let entry = |tensor: &pytorch_reader::Tensor| TensorEntry {
            dtype: safetensors_name(tensor.dtype()).to_owned(),
            shape: tensor.shape().to_vec(),
        };
        self.tensors.iter().map(|(name, tensor)| (name.clone(), entry(tensor))).collect()
    }

    /// The bytes of a tensor, little-endian, in the order of its shape.
    pub(super) fn read(&self, name: &str) -> Result<(Vec<u8>, DType), Cause> {
        let tensor = self.tensors.get(name).ok_or("not found")?;
        let dtype = float_type(safetensors_name(tensor.dtype())).ok_or("not a float")?;
        Ok((tensor.read()?, dtype))
    }
}

fn safetensors_name(dtype: pytorch_reader::DType) -> &'static str {
    use pytorch_reader::DType as Torch;
    match dtype {
        Torch::F64 => "F64",
        Torch::F32 => "F32",
        Torch::F16 => "F16",
        Torch::BF16 => "BF16",
        Torch::I64 => "I64",
        Torch::I32 => "I32",
        Torch::I16 => "I16",
        Torch::I8 => "I8",
        Torch::U64 => "U64",
        Torch::U32 => "U32",
        Torch::U16 => "U16",
        Torch::U8 => "U8",
        Torch::Bool => "BOOL",
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;
    use std::iter::successors;

    use super::*;

    #[test]
    fn the_system_s_reason_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pytorch_model.bin");
        // A pickle that begins a dictionary and ends there.
        std::fs::write(&path, b"\x80\x02}").unwrap();
        let error = TorchFile::open(&path).unwrap_err();
        assert!(matches!(error, WeightsError::Torch { .. }), "{error}");
        let mut causes = successors(error.source(), |&cause| cause.source());
        let found = causes.find_map(<dyn Error>::downcast_ref::<io::Error>).unwrap();
        assert_eq!(found.kind(), io::ErrorKind::UnexpectedEof);
    }
}
