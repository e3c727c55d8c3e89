//! Putting the tensors of weight files into a module.

use std::collections::BTreeMap;

use burn::module::{ModuleMapper, Param, ParamId};
use burn::prelude::*;
use burn::tensor::DType;

use super::convert::{converted, non_finite};
use super::kept::{Candidate, Kept, Role, matrix_shape};
use super::path::ModulePath;
use super::{Placement, Progress};
use crate::checkpoint::gguf::{BlockType, Quantized, quantize};
use crate::checkpoint::tensors::{TensorProblem, TensorReader, WeightsError};
use crate::nn::few_bits::{FewBits, Orientation};
use crate::nn::host::has_host_memory;
use crate::nn::shared_floats::SharedFloats;

/// Puts the files' tensors into the module.
pub(super) struct Fill<'a, F> {
    pub(super) path: ModulePath,
    pub(super) hf_name: &'a F,
    pub(super) reader: TensorReader<'a>,
    pub(super) placement: &'a Placement,
    pub(super) progress: Progress,
    /// What lies beside parameters.
    pub(super) blocks: BTreeMap<ParamId, FewBits>,
    pub(super) shared: BTreeMap<ParamId, SharedFloats>,
    /// What ended the loading before the last tensor.
    pub(super) error: Option<WeightsError>,
    pub(super) problems: Vec<TensorProblem>,
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
        let (role, stored) = (Role::of(&self.path), entry.few_bits());
        let candidate = Candidate { role, shape: entry.shape.clone(), stored };
        match candidate.kept(self.placement.asked()) {
            Kept::Floats(dtype) => Ok(self.floats(name, dtype)?.map(|mut values| {
                self.progress.done += values.bytes().len() as u64;
                let is_large = role != Role::Other;
                if is_large && D == 2 && has_host_memory(&param.lazy_device()) {
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
