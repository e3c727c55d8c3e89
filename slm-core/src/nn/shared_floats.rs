//! A matrix of floats in memory that Burn's tensors and the kernels of this crate share.
//!
//! Burn 0.22.1 gives a program the memory of a weight by a copy alone; but it takes memory that is counted by references
//! without one. So [`SharedFloats`] lies beside the parameter of a matrix and has the same memory. Few rows are multiplied
//! from there, all others by Burn.
//! Shapes: `I` inputs, `O` outputs, `R` rows.

use std::ops::RangeInclusive;
use std::sync::Arc;

use burn::module::Reparameterization;
use burn::prelude::*;

use super::host::few_rows;
use super::low_rank::{LowRank, ThinPlace};

/// The rows that are multiplied here: Burn's kernel is better for many.
const ROWS: RangeInclusive<usize> = 1..=8;

/// A matrix `[O, I]` in f32, beside a parameter.
#[derive(Module, Debug)]
pub(crate) struct SharedFloats {
    #[module(skip)]
    matrix: Arc<TensorData>,
    /// Thin matrices of linear maps.
    thin: ThinPlace,
}

impl SharedFloats {
    /// The same matrix twice, for a tensor and beside it.
    pub(crate) fn split(matrix: TensorData) -> (TensorData, Self) {
        let (bytes, shape, dtype) = matrix.into_parts();
        let bytes = bytes.shared();
        let beside = TensorData::from_bytes(bytes.clone(), shape.clone(), dtype);
        let beside = Self { matrix: Arc::new(beside), thin: ThinPlace::default() };
        (TensorData::from_bytes(bytes, shape, dtype), beside)
    }

    /// The same matrix without thin ones.
    pub(super) fn alone(&self) -> Self {
        Self { matrix: Arc::clone(&self.matrix), thin: ThinPlace::default() }
    }

    /// Thin matrices beside it.
    pub(super) fn thin(&self) -> Option<&LowRank> {
        self.thin.get()
    }

    /// `x` `[.., I]`, which is on `flex`, times the transposed matrix, `[.., O]`; `None` where it has fewer rows or more.
    pub(crate) fn multiply<const D: usize>(&self, x: &Tensor<D>) -> Option<Tensor<D>> {
        let mut dims = x.dims();
        let rows = dims[..D - 1].iter().product::<usize>();
        let &[outputs, inputs] = self.matrix.shape().as_slice() else { return None };
        if !ROWS.contains(&rows) || inputs == 0 {
            return None;
        }
        dims[D - 1] = outputs;
        let device = x.device();
        let products = few_rows::multiply(x.clone().into_data(), &self.matrix, inputs)?;
        Some(Tensor::<2>::from_data(TensorData::new(products, [rows, outputs]), &device).reshape(dims))
    }
}

impl Reparameterization for SharedFloats {
    const NAME: &'static str = "shared";

    /// It is the same matrix, with the product of the thin ones.
    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        self.thin.added(base)
    }
}
