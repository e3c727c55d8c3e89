//! Reads weight files into a module.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{ModuleMapper, Param, ParamId, Reparameterization};
use burn::prelude::*;
use burn::tensor::DType;
use half::{bf16, f16};

use super::linears::Attach;
use super::path::ModulePath;
use super::placement::Kept;
use super::{Placement, Progress, Reading};
use crate::checkpoint::gguf::{BlockType, Quantized, quantize};
use crate::checkpoint::tensors::{
    TensorEntry, TensorProblem, TensorReader, WeightFiles, WeightsError, unmoved,
};
use crate::nn::few_bits::{FewBits, Orientation};
use crate::nn::host::has_host_memory;
use crate::nn::shared_floats::SharedFloats;

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
        blocks: BTreeMap::new(),
        shared: BTreeMap::new(),
        error: None,
        problems: Vec::new(),
    };
    let module = module.map(&mut fill);
    if let Some(error) = fill.error {
        return Err(error);
    }
    if !fill.problems.is_empty() {
        return Err(failed(fill.problems));
    }
    let module = beside(module, fill.blocks);
    Ok(beside(module, fill.shared))
}

/// `module` with what lies beside its parameters.
fn beside<M: Module, R: Reparameterization>(module: M, by_id: BTreeMap<ParamId, R>) -> M {
    if by_id.is_empty() { module } else { module.apply_reparameterization(Attach { by_id }) }
}

/// How the tensor at `path` is kept, which a file has so.
fn kept_as(path: &ModulePath, entry: &TensorEntry, placement: &Placement) -> Kept {
    let full = Kept::Floats(DType::F32);
    match placement.compute.kept() {
        Kept::Floats(dtype) if path.is_matrix() => Kept::Floats(dtype),
        Kept::Blocks(kind) if path.is_matrix() || path.is_wide() => {
            let wanted = if path.is_of_tokens() { BlockType::Q8_0 } else { kind };
            let width = matrix_shape(&entry.shape)[1];
            let mut kinds = entry.few_bits().into_iter().chain([wanted, BlockType::Q8_0]);
            kinds.find(|kind| width > 0 && width.is_multiple_of(kind.values())).map_or(full, Kept::Blocks)
        }
        _ => full,
    }
}

/// Rows and columns of a matrix that a file has in this shape; a convolution of kernel 1 is one too.
fn matrix_shape(shape: &[usize]) -> [usize; 2] {
    let (rows, columns) = shape.split_first().unwrap_or((&0, &[]));
    [*rows, columns.iter().product()]
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
        match self.files.entry(&name) {
            None => self.problems.push(TensorProblem::Missing { name, expected, nearest: None }),
            Some(entry) => {
                if entry.shape != expected {
                    let (found, expected) = (entry.shape.clone(), expected.clone());
                    self.problems.push(TensorProblem::Shape { name: name.clone(), expected, found });
                } else if !entry.is_float() {
                    let found = entry.dtype.clone();
                    self.problems.push(TensorProblem::Type { name: name.clone(), found });
                }
                let values = expected.iter().map(|&size| size as u64).product();
                self.total += kept_as(&self.path, entry, self.placement).bytes(values);
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
    /// What lies beside parameters.
    blocks: BTreeMap<ParamId, FewBits>,
    shared: BTreeMap<ParamId, SharedFloats>,
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
        let device = param.lazy_device();
        let plain = device.clone().without_autodiff();
        let mut tensor = match self.values(&name, &plain, &param) {
            Ok(Some(tensor)) => tensor,
            Ok(None) => return param,
            Err(error) => {
                self.error = Some(error);
                return param;
            }
        };
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

impl<F> Fill<'_, F> {
    /// What the parameter `param` holds of the tensor `name`; `None` where that is a problem.
    fn values<const D: usize>(
        &mut self,
        name: &str,
        device: &Device,
        param: &Param<Tensor<D>>,
    ) -> Result<Option<Tensor<D>>, WeightsError> {
        // What the files do not have was told before.
        let Some(entry) = self.reader.entry(name) else { return Ok(None) };
        match kept_as(&self.path, entry, self.placement) {
            Kept::Floats(dtype) => Ok(self.floats(name, dtype)?.map(|mut values| {
                self.progress.done += values.bytes().len() as u64;
                let is_large = self.path.is_matrix() || self.path.is_wide();
                if is_large && D == 2 && dtype == DType::F32 && has_host_memory(&param.lazy_device()) {
                    let (tensor, beside) = SharedFloats::split(values);
                    self.shared.insert(param.id, beside);
                    values = tensor;
                }
                let tensor = Tensor::<D>::from_data(values, (device, dtype));
                // PyTorch's [out, in] seen as Burn's [in, out]: a view, no copy.
                if self.path.is_transposed() { tensor.transpose() } else { tensor }
            })),
            Kept::Blocks(kind) => Ok(self.few_bits(name, kind, matrix_shape(&entry.shape))?.map(|matrix| {
                self.progress.done += matrix.bytes().len() as u64;
                let orientation =
                    if self.path.is_transposed() { Orientation::Columns } else { Orientation::Rows };
                self.blocks.extend(FewBits::new(matrix, orientation).map(|blocks| (param.id, blocks)));
                // A view of a single zero.
                Tensor::<D>::zeros([1; D], device).expand(param.lazy_shape())
            })),
        }
    }

    /// The values of the tensor `name` in the type `dtype`.
    fn floats(&mut self, name: &str, dtype: DType) -> Result<Option<TensorData>, WeightsError> {
        let stored = self.reader.read(name)?;
        let name = name.to_owned();
        if let Some((count, first)) = non_finite(&stored) {
            self.problems.push(TensorProblem::NonFinite { name, count, first });
            return Ok(None);
        }
        let values = converted(stored, dtype);
        if non_finite(&values).is_some() {
            self.problems.push(TensorProblem::TooLarge { name, dtype: format!("{dtype:?}") });
            return Ok(None);
        }
        Ok(Some(values))
    }

    /// The tensor `name` as a matrix in blocks: as the file has it, or in blocks of `kind`.
    fn few_bits(
        &mut self,
        name: &str,
        kind: BlockType,
        shape: [usize; 2],
    ) -> Result<Option<Quantized>, WeightsError> {
        if let Some(stored) = self.reader.read_few_bits(name)? {
            if let Some(block) = stored.first_without_scale() {
                let (name, first) = (name.to_owned(), block * stored.kind().values());
                self.problems.push(TensorProblem::NonFinite { name, count: stored.kind().values(), first });
                return Ok(None);
            }
            return Ok(stored.reshaped(shape.to_vec()));
        }
        let Some(values) = self.floats(name, DType::F32)? else { return Ok(None) };
        let matrix = values.as_slice::<f32>().ok().and_then(|values| quantize(kind, shape, values));
        if matrix.is_none() {
            let name = name.to_owned();
            self.problems.push(TensorProblem::TooLarge { name, dtype: kind.name().to_owned() });
        }
        Ok(matrix)
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
