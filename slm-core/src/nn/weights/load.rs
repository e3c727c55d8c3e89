//! Reads weight files into a module.

use std::collections::BTreeSet;

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
use burn::tensor::DType;
use half::{bf16, f16};

use super::path::ModulePath;
use super::{Placement, Progress, Reading};
use crate::checkpoint::tensors::{TensorProblem, TensorReader, WeightFiles, WeightsError, unmoved};

/// Fills `module` with the tensors of `files`, in f32 or, where it may be, in the type that `placement` asks for.
///
/// `hf_name` turns a module's path into the name in the file; `is_ignored` tells which tensors of the
/// file the model does without. Tensors keep the module's devices. The module may be fresh: its
/// random weights are never made. Tensors are read one after the other, so that the peak of memory is the loaded model
/// and little more. Where `placement` asks for less to be [read](Reading), the module stays as it is.
///
/// # Errors
///
/// [`WeightsError`] with every tensor that is missing, unexpected, misshaped, not a float, not finite or too large for
/// the type; [`WeightsError::Cancelled`] where the observer of `placement` breaks.
pub fn load<M: Module>(
    module: M,
    files: &WeightFiles,
    placement: &Placement,
    hf_name: impl Fn(&str) -> String,
    is_ignored: impl Fn(&str) -> bool,
) -> Result<M, WeightsError> {
    if placement.reading == Reading::Nothing {
        return Ok(module);
    }
    let mut check = Check {
        path: ModulePath::default(),
        hf_name: &hf_name,
        files,
        placement,
        used: BTreeSet::new(),
        total: 0,
        problems: Vec::new(),
    };
    // Mapping rather than visiting, because a visit would make the random weights.
    let module = module.map(&mut check);
    let Check { used, mut problems, total, .. } = check;
    let unused: Vec<&String> =
        files.names().filter(|name| !used.contains(*name) && !is_ignored(name)).collect();
    suggest(&mut problems, &unused);
    problems.extend(unused.iter().map(|name| TensorProblem::Unexpected {
        name: (*name).clone(),
        found: files.entry(name).map(|entry| entry.shape.clone()).unwrap_or_default(),
    }));
    let failed = |problems| WeightsError::Tensors { path: files.path().into(), problems };
    if !problems.is_empty() {
        return Err(failed(problems));
    }
    if placement.reading == Reading::Shapes {
        return Ok(module);
    }

    let mut fill = Fill {
        path: ModulePath::default(),
        hf_name: &hf_name,
        reader: TensorReader::new(files),
        placement,
        progress: Progress { done: 0, total },
        error: None,
        problems: Vec::new(),
    };
    let module = module.map(&mut fill);
    if let Some(error) = fill.error {
        return Err(error);
    }
    if fill.problems.is_empty() { Ok(module) } else { Err(failed(fill.problems)) }
}

/// The type that the tensor at `path` is kept in.
fn kept_as(path: &ModulePath, placement: &Placement) -> DType {
    if path.is_matrix() { placement.compute.dtype() } else { DType::F32 }
}

/// Compares what the module needs with what the files have.
struct Check<'a, F> {
    path: ModulePath,
    hf_name: &'a F,
    files: &'a WeightFiles,
    placement: &'a Placement,
    used: BTreeSet<String>,
    /// Bytes that the module will take.
    total: u64,
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
        let bytes = kept_as(&self.path, self.placement).size() * expected.iter().product::<usize>();
        self.total += bytes as u64;
        match self.files.entry(&name) {
            None => self.problems.push(TensorProblem::Missing { name, expected, nearest: None }),
            Some(entry) => {
                if entry.shape != expected {
                    let found = entry.shape.clone();
                    self.problems.push(TensorProblem::Shape { name: name.clone(), expected, found });
                } else if !entry.is_float() {
                    let found = entry.dtype.clone();
                    self.problems.push(TensorProblem::Type { name: name.clone(), found });
                }
                self.used.insert(name);
            }
        }
        param
    }
}

/// Puts the files' tensors into the module.
struct Fill<'a, F> {
    path: ModulePath,
    hf_name: &'a F,
    reader: TensorReader<'a>,
    placement: &'a Placement,
    progress: Progress,
    /// What ended the loading before the last tensor.
    error: Option<WeightsError>,
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
        if self.error.is_some() {
            return param;
        }
        let name = (self.hf_name)(&self.path.text());
        let stored = match self.reader.read(&name) {
            Ok(stored) => stored,
            Err(error) => {
                self.error = Some(error);
                return param;
            }
        };
        if let Some((count, first)) = non_finite(&stored) {
            self.problems.push(TensorProblem::NonFinite { name, count, first });
            return param;
        }
        let dtype = kept_as(&self.path, self.placement);
        let values = converted(stored, dtype);
        if non_finite(&values).is_some() {
            self.problems.push(TensorProblem::TooLarge { name, dtype });
            return param;
        }
        self.progress.done += values.bytes().len() as u64;
        let device = param.lazy_device();
        let plain = device.clone().without_autodiff();
        let mut tensor = Tensor::<D>::from_data(values, (&plain, dtype));
        if self.path.is_transposed() {
            // PyTorch's [out, in] seen as Burn's [in, out]: a view, no copy.
            tensor = tensor.transpose();
        }
        if device.is_autodiff() {
            tensor = tensor.autodiff();
        }
        if let Some(observer) = &self.placement.observer
            && observer(self.progress).is_break()
        {
            self.error = Some(WeightsError::Cancelled);
        }
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

/// `data` in the type `dtype`. From 32 bits to 16 it is done in place, so that a large matrix is not there twice.
fn converted(data: TensorData, dtype: DType) -> TensorData {
    let narrow: fn(f32) -> [u8; 2] = match (data.dtype(), dtype) {
        (DType::F32, DType::F16) => |value| f16::from_f32(value).to_ne_bytes(),
        (DType::F32, DType::BF16) => |value| bf16::from_f32(value).to_ne_bytes(),
        _ => return data.convert_dtype(dtype),
    };
    let (bytes, shape, from) = data.into_parts();
    let mut bytes = match bytes.try_into_vec::<u8>() {
        Ok(bytes) => bytes,
        Err(bytes) => return TensorData::from_bytes(bytes, shape, from).convert_dtype(dtype),
    };
    let count = bytes.len() / 4;
    for i in 0..count {
        let wide = [bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]];
        bytes[2 * i..2 * i + 2].copy_from_slice(&narrow(f32::from_ne_bytes(wide)));
    }
    bytes.truncate(2 * count);
    bytes.shrink_to_fit();
    TensorData::from_bytes(unmoved(bytes), shape, dtype)
}

/// How many values are not finite, and the index of the first; `None` when all are.
fn non_finite(data: &TensorData) -> Option<(usize, usize)> {
    fn of<T: Copy>(values: &[T], is_finite: impl Fn(T) -> bool) -> Option<(usize, usize)> {
        let first = values.iter().position(|&v| !is_finite(v))?;
        Some((values[first..].iter().filter(|&&v| !is_finite(v)).count(), first))
    }
    match data.dtype() {
        DType::F32 => data.as_slice().ok().and_then(|values| of(values, f32::is_finite)),
        DType::F64 => data.as_slice().ok().and_then(|values| of(values, f64::is_finite)),
        DType::F16 => data.as_slice().ok().and_then(|values| of(values, f16::is_finite)),
        _ => data.as_slice().ok().and_then(|values| of(values, bf16::is_finite)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Bytes;

    #[test]
    fn in_place_is_as_beside() {
        let values: Vec<f32> = (0..1001).map(|i| ((i * 37) as f32).sin() * 10_f32.powi(i % 9 - 6)).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        for dtype in [DType::F16, DType::BF16, DType::F32] {
            let data = |bytes| TensorData::from_bytes(bytes, [7, 143], DType::F32);
            let found = converted(data(unmoved(bytes.clone())), dtype);
            let expected = data(Bytes::from_elems(values.clone())).convert_dtype(dtype);
            assert_eq!(found.dtype(), dtype);
            assert_eq!(found.bytes(), expected.bytes());
            // Values that do not come as bytes alone go the other way, to the same end.
            assert_eq!(converted(data(Bytes::from_elems(values.clone())), dtype).bytes(), expected.bytes());
        }
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests_on_a_device {
    use std::ops::ControlFlow;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use burn::nn::{Linear, LinearConfig};

    use super::*;
    use crate::checkpoint::{Checkpoint, WEIGHTS_FILE};
    use crate::nn::weights::{StorageType, save};

    /// A saved layer, and what its files say.
    fn saved(device: &Device) -> (tempfile::TempDir, Linear, WeightFiles) {
        let dir = tempfile::tempdir().unwrap();
        let layer = LinearConfig::new(3, 2).init(device);
        save(&layer, &dir.path().join(WEIGHTS_FILE), str::to_owned, StorageType::F32).unwrap();
        let files = Checkpoint::open(dir.path()).unwrap().weights().unwrap();
        (dir, layer, files)
    }

    fn values(layer: &Linear) -> Vec<f32> {
        layer.weight.val().try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let device = Device::flex();
        let (_dir, layer, files) = saved(&device);
        // PyTorch has rows for what Burn has columns for.
        assert_eq!(files.entry("weight").unwrap().shape, [2, 3]);
        let fresh = LinearConfig::new(3, 2).init(&device);
        let loaded = load(fresh, &files, &Placement::new(&device), str::to_owned, |_| false).unwrap();
        assert_eq!(values(&loaded), values(&layer));
    }

    #[test]
    fn shapes_are_compared_without_values() {
        let device = Device::flex();
        let (dir, _, files) = saved(&device);
        // The values are gone, the header stays.
        let path = dir.path().join(WEIGHTS_FILE);
        let header = std::fs::metadata(&path).unwrap().len() - 4 * (6 + 2);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(header).unwrap();
        let read = |inputs, reading| {
            let fresh = LinearConfig::new(inputs, 2).init(&device);
            load(fresh, &files, &Placement::new(&device).with_reading(reading), str::to_owned, |_| false)
        };
        read(3, Reading::Shapes).unwrap();
        assert!(read(3, Reading::Values).is_err());
        assert!(matches!(read(4, Reading::Shapes).unwrap_err(), WeightsError::Tensors { .. }));
        read(4, Reading::Nothing).unwrap();
    }

    #[test]
    fn an_observer_sees_every_tensor_and_can_end_the_loading() {
        let device = Device::flex();
        let (_dir, _, files) = saved(&device);
        for (most, expected) in [(usize::MAX, 2), (1, 1)] {
            let calls = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&calls);
            let placement = Placement::new(&device).with_observer(move |progress| {
                assert_eq!(progress.total, 4 * (6 + 2));
                let call = counted.fetch_add(1, Ordering::Relaxed) + 1;
                if call == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let fresh = LinearConfig::new(3, 2).init(&device);
            let loaded = load(fresh, &files, &placement, str::to_owned, |_| false);
            assert_eq!(calls.load(Ordering::Relaxed), expected);
            assert_eq!(matches!(loaded, Err(WeightsError::Cancelled)), most == 1);
        }
    }
}
