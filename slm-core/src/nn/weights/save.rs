//! Writes the tensors of a module as a safetensors file.

use std::collections::HashMap;
use std::path::Path;

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::DType;
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use super::path::ModulePath;
use crate::checkpoint::replace;
use crate::checkpoint::tensors::{Cause, TensorProblem, WeightsError};

/// The type in which tensors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StorageType {
    /// 32 bits: what training computes in.
    F32,
    /// 16 bits: half the size, a relative error of 5e-4, values up to 65504.
    F16,
}

impl StorageType {
    /// What training computes in.
    pub fn full() -> Self {
        Self::F32
    }
}

/// Writes every float tensor of `module` to `path` under the names that `hf_name` gives, by a temporary
/// name and a rename. Nothing is written before all tensors are known to be sound.
///
/// # Errors
///
/// [`WeightsError::Write`] when a tensor cannot be read from its device, has values that are not finite or are too large
/// for `storage`, or the system refuses.
pub fn save<M: Module>(
    module: &M,
    path: &Path,
    hf_name: impl Fn(&str) -> String,
    storage: StorageType,
) -> Result<(), WeightsError> {
    let fail = |source: Cause| WeightsError::Write { path: path.into(), source };
    let mut collect =
        Collect { path: ModulePath::default(), hf_name: &hf_name, storage, tensors: Vec::new(), error: None };
    module.visit(&mut collect);
    if let Some(source) = collect.error {
        return Err(fail(source));
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
        .map_err(|error| fail(error.into()))?;
    // transformers asks for this entry before it loads a file
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| fail(error.into()))?;
    replace(path, &bytes).map_err(|error| fail(error.into()))
}

struct Collect<'a, F> {
    path: ModulePath,
    hf_name: &'a F,
    storage: StorageType,
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
    /// The first that there was.
    error: Option<Cause>,
}

impl<F: Fn(&str) -> String> ModuleVisitor for Collect<'_, F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.error.is_some() {
            return;
        }
        let name = (self.hf_name)(&self.path.text());
        let mut tensor = param.val();
        if self.path.is_transposed() {
            tensor = tensor.transpose();
        }
        let shape = tensor.dims().to_vec();
        match stored(&name, tensor, self.storage) {
            Ok(bytes) => self.tensors.push((name, shape, bytes)),
            Err(error) => self.error = Some(error),
        }
    }
}

/// The values of `tensor` as a file has them. What does not survive the conversion is refused: loading would refuse it.
fn stored<const D: usize>(name: &str, tensor: Tensor<D>, storage: StorageType) -> Result<Vec<u8>, Cause> {
    let of_tensor = |error: &dyn std::fmt::Display| Cause::from(format!("tensor `{name}`: {error}"));
    let data = tensor.try_into_data().map_err(|error| of_tensor(&error))?;
    let values = data.convert_dtype(DType::F32).try_to_vec::<f32>().map_err(|_| of_tensor(&"not a float"))?;
    if let Some(first) = values.iter().position(|value| !value.is_finite()) {
        let count = values[first..].iter().filter(|value| !value.is_finite()).count();
        return Err(TensorProblem::NonFinite { name: name.to_owned(), count, first }.into());
    }
    match storage {
        StorageType::F32 => Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        StorageType::F16 => {
            let half: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
            if half.iter().all(|value| value.is_finite()) {
                Ok(half.iter().flat_map(|value| value.to_le_bytes()).collect())
            } else {
                Err(TensorProblem::TooLarge { name: name.to_owned(), dtype: format!("{:?}", DType::F16) }
                    .into())
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use std::error::Error;

    use burn::nn::{Linear, LinearConfig};

    use super::*;

    /// A layer with one weight of this value, and a bias of zero.
    fn layer(value: f32) -> Linear {
        let device = Device::flex();
        let mut layer = LinearConfig::new(1, 1).init(&device);
        layer.weight = Param::from_tensor(Tensor::from_data([[value]], &device));
        layer.bias = Some(Param::from_tensor(Tensor::from_data([0.0], &device)));
        layer
    }

    #[test]
    fn values_that_16_bits_cannot_hold_are_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        let save = |value: f32, storage| save(&layer(value), &path, str::to_owned, storage);
        for value in [65520.0, -65520.0, 1e30] {
            let error = save(value, StorageType::F16).unwrap_err();
            assert!(error.to_string().ends_with("tensor `weight`: values too large for F16"), "{error}");
            assert!(error.source().is_some_and(<dyn std::error::Error>::is::<TensorProblem>));
        }
        for storage in [StorageType::F16, StorageType::F32] {
            let error = save(f32::NAN, storage).unwrap_err().to_string();
            assert!(error.ends_with("tensor `weight`: 1 non-finite values, first at index 0"), "{error}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        // The largest value that rounds to one of 16 bits.
        save(65519.0, StorageType::F16).unwrap();
        save(65520.0, StorageType::F32).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_to_write_keeps_its_cause_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none").join("model.safetensors");
        let error = save(&layer(1.0), &path, str::to_owned, StorageType::F32).unwrap_err();
        assert!(error.to_string().starts_with("cannot write weights `"), "{error}");
        let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);

        // A folder in the place of the file: what was written beside it goes again.
        let taken = dir.path().join("taken.safetensors");
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("x"), "x").unwrap();
        save(&layer(1.0), &taken, str::to_owned, StorageType::F32).unwrap_err();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
