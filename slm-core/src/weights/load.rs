//! Reads a safetensors file into a module.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
use burn::store::{ModuleStore, SafetensorsStore};
use burn::tensor::DType;

use super::header::Header;
use super::{Path, TensorProblem, WeightFiles, WeightsError};

/// Fills `module` with the tensors of `files`, cast to f32.
///
/// `hf_name` turns a module's path into the name in the file; `is_ignored` tells which tensors of the
/// file the model does without. Tensors keep the module's devices. The module may be fresh: its
/// random weights are never made.
///
/// # Errors
///
/// [`WeightsError`] with every tensor that is missing, unexpected, misshaped, not a float or not finite.
pub fn load<M: Module>(
    module: M,
    files: &WeightFiles,
    hf_name: impl Fn(&str) -> String,
    is_ignored: impl Fn(&str) -> bool,
) -> Result<M, WeightsError> {
    let (path, header) = (files.path(), files.header());
    let mut check = Check {
        path: Path::default(),
        hf_name: &hf_name,
        header,
        used: BTreeSet::new(),
        problems: Vec::new(),
    };
    // Mapping rather than visiting, because a visit would make the random weights.
    let module = module.map(&mut check);
    let Check { used, mut problems, .. } = check;
    let unused: Vec<&String> =
        header.keys().filter(|name| !used.contains(*name) && !is_ignored(name)).collect();
    suggest(&mut problems, &unused);
    problems.extend(
        unused.iter().map(|name| TensorProblem::Unexpected {
            name: (*name).clone(),
            found: header[*name].shape.clone(),
        }),
    );
    let failed = |problems| WeightsError::Tensors { path: path.into(), problems };
    if !problems.is_empty() {
        return Err(failed(problems));
    }

    let mut stores: Vec<SafetensorsStore> = files.files().iter().map(SafetensorsStore::from_file).collect();
    let mut tensors = BTreeMap::new();
    for (store, file) in stores.iter_mut().zip(files.files()) {
        let in_file = store.get_all_tensors().map_err(|error| WeightsError::Read {
            path: file.clone(),
            name: "*".into(),
            reason: error.to_string(),
        })?;
        tensors.extend(in_file.iter().map(|(name, tensor)| (name.as_str(), tensor)));
    }
    let mut fill =
        Fill { path: Path::default(), hf_name: &hf_name, tensors, error: None, problems: Vec::new() };
    let module = module.map(&mut fill);
    if let Some((name, reason)) = fill.error {
        return Err(WeightsError::Read { path: path.into(), name, reason });
    }
    if fill.problems.is_empty() { Ok(module) } else { Err(failed(fill.problems)) }
}

/// Compares what the module needs with what the header has.
struct Check<'a, F> {
    path: Path,
    hf_name: &'a F,
    header: &'a Header,
    used: BTreeSet<String>,
    problems: Vec<TensorProblem>,
}

impl<F: Fn(&str) -> String> ModuleMapper for Check<'_, F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = (self.hf_name)(&self.path.text());
        let mut expected: Vec<usize> = param.lazy_shape().to_vec();
        if self.path.is_transposed() {
            expected.reverse();
        }
        match self.header.get(&name) {
            None => self.problems.push(TensorProblem::Missing { name, expected, nearest: None }),
            Some(entry) => {
                if entry.shape != expected {
                    let found = entry.shape.clone();
                    self.problems.push(TensorProblem::Shape { name: name.clone(), expected, found });
                } else if !matches!(entry.dtype.as_str(), "F32" | "F16" | "BF16" | "F64") {
                    let found = if entry.dtype == "I64" { DType::I64 } else { DType::U8 };
                    self.problems.push(TensorProblem::Type { name: name.clone(), found });
                }
                self.used.insert(name);
            }
        }
        param
    }
}

/// Puts the file's tensors into the module.
struct Fill<'a, F> {
    path: Path,
    hf_name: &'a F,
    tensors: BTreeMap<&'a str, &'a burn::store::burn_pack::Tensor>,
    error: Option<(String, String)>,
    problems: Vec<TensorProblem>,
}

impl<F: Fn(&str) -> String> ModuleMapper for Fill<'_, F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = (self.hf_name)(&self.path.text());
        let Some(tensor) = self.tensors.get(name.as_str()) else {
            self.error.get_or_insert((name, "not found".into()));
            return param;
        };
        let (shape, dtype) = (tensor.shape.clone(), tensor.dtype);
        let values = tensor.to_bytes().map_err(|error| error.to_string()).and_then(|bytes| {
            TensorData::from_bytes(bytes, shape.clone(), dtype)
                .convert_dtype(DType::F32)
                .try_to_vec::<f32>()
                .map_err(|error| format!("{error:?}"))
        });
        let values = match values {
            Ok(values) => values,
            Err(reason) => {
                self.error.get_or_insert((name, reason));
                return param;
            }
        };
        if let Some(first) = values.iter().position(|v| !v.is_finite()) {
            let count = values.iter().filter(|v| !v.is_finite()).count();
            self.problems.push(TensorProblem::NonFinite { name, count, first });
            return param;
        }
        let device = param.lazy_device();
        let plain = device.clone().without_autodiff();
        let mut tensor = Tensor::<D>::from_data(TensorData::new(values, shape), &plain);
        if self.path.is_transposed() {
            // PyTorch's [out, in] seen as Burn's [in, out]: a view, no copy.
            tensor = tensor.transpose();
        }
        if device.is_autodiff() {
            tensor = tensor.autodiff();
        }
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

/// Gives each missing tensor the unused one with the most similar name.
fn suggest(problems: &mut [TensorProblem], unused: &[&String]) {
    for problem in problems {
        if let TensorProblem::Missing { name, nearest, .. } = problem {
            *nearest = unused
                .iter()
                .map(|candidate| (common_affixes(name, candidate), *candidate))
                .filter(|(common, _)| 2 * common > name.len())
                .max_by_key(|(common, _)| *common)
                .map(|(_, candidate)| candidate.clone());
        }
    }
}

/// How many bytes two names share at their start and end: enough for prefixes and renamed parts.
fn common_affixes(a: &str, b: &str) -> usize {
    let start = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
    (start + end).min(a.len().min(b.len()))
}
