//! Writes the tensors of a module as a safetensors file.

use std::collections::HashMap;
use std::fs;
use std::path::Path as FilePath;

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::DType;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use super::{Path, WeightsError};

/// The type in which tensors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// 32 bits: what training computes in.
    F32,
    /// 16 bits: half the size, a relative error of 5e-4.
    F16,
}

impl StorageType {
    /// What training computes in.
    pub fn full() -> Self {
        Self::F32
    }
}

/// Writes every float tensor of `module` to `path` under the names that `hf_name` gives, by a temporary
/// name and a rename.
///
/// # Errors
///
/// [`WeightsError::Write`] when a tensor cannot be read from its device, is not finite, or the system
/// refuses.
pub fn save<M: Module>(
    module: &M,
    path: &FilePath,
    hf_name: impl Fn(&str) -> String,
    storage: StorageType,
) -> Result<(), WeightsError> {
    let fail = |reason: String| WeightsError::Write { path: path.into(), reason };
    let mut collect =
        Collect { path: Path::default(), hf_name: &hf_name, storage, tensors: Vec::new(), error: None };
    module.visit(&mut collect);
    if let Some(reason) = collect.error {
        return Err(fail(reason));
    }
    let dtype = match storage {
        StorageType::F32 => Dtype::F32,
        StorageType::F16 => Dtype::F16,
    };
    let views = collect
        .tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name.clone(), TensorView::new(dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| fail(error.to_string()))?;
    // transformers asks for this entry before it loads a file
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| fail(error.to_string()))?;
    let scratch = path.with_extension("safetensors.tmp");
    fs::write(&scratch, bytes).map_err(|error| fail(error.to_string()))?;
    fs::rename(&scratch, path).map_err(|error| fail(error.to_string()))
}

struct Collect<'a, F> {
    path: Path,
    hf_name: &'a F,
    storage: StorageType,
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
    error: Option<String>,
}

impl<F: Fn(&str) -> String> ModuleVisitor for Collect<'_, F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = (self.hf_name)(&self.path.text());
        let mut tensor = param.val();
        if self.path.is_transposed() {
            tensor = tensor.transpose();
        }
        let shape = tensor.dims().to_vec();
        let data = match tensor.try_into_data() {
            Ok(data) => data.convert_dtype(DType::F32),
            Err(error) => {
                self.error.get_or_insert(format!("tensor `{name}`: {error}"));
                return;
            }
        };
        let Ok(values) = data.try_to_vec::<f32>() else {
            self.error.get_or_insert(format!("tensor `{name}`: not a float"));
            return;
        };
        if values.iter().any(|v| !v.is_finite()) {
            self.error.get_or_insert(format!("tensor `{name}`: not finite"));
            return;
        }
        let bytes = match self.storage {
            StorageType::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            StorageType::F16 => values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect(),
        };
        self.tensors.push((name, shape, bytes));
    }
}
