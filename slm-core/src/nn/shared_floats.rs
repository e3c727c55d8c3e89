//! A matrix of floats in memory that Burn's tensors and the kernels of this crate share.
//!
//! [`SharedFloats`] lies beside the parameter of a matrix and has the same memory. Rows are multiplied from there; by Burn are
//! many rows where the processor has neither AVX2 nor AVX-512 ([`many_rows`]). There a matrix of 16 bits becomes floats a panel at a time, as
//! Burn 0.22.1 would make floats of all of it (bf16) or 16 bits of the rows (f16).
//! Shapes: `I` inputs, `O` outputs, `R` rows.

use std::ops::Range;
use std::sync::Arc;

use burn::module::Reparameterization;
use burn::prelude::*;
use burn::tensor::DType;
use half::{bf16, f16};
use rayon::prelude::*;

use super::host::lanes::run;
use super::host::weight::{Floats, Weight};
use super::host::{Values, few_rows, many_rows};
use super::low_rank::{LowRank, ThinPlace};
use super::panels::by_panels;
use super::product::{all_shaped, row_count, shaped};

/// The most rows that are few: more are multiplied tile by tile.
const ROWS: usize = 16;
/// Values that one thread makes floats of at a time.
const CHUNK: usize = 1 << 16;

/// A matrix `[O, I]` of floats, beside a parameter.
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

    /// `x` `[.., I]`, which is on `flex`, times the transposed matrix, `[.., O]`; `None` where Burn's product is the better one.
    pub(crate) fn multiply<const D: usize>(&self, x: &Tensor<D>) -> Option<Tensor<D>> {
        if let Some([product]) = Self::multiply_few([self], x) {
            return Some(product);
        }
        let (rows, &[outputs, inputs]) = (row_count(x), self.matrix.shape().as_slice()) else { return None };
        if rows * inputs == 0 {
            return None;
        }
        let flat = x.clone().reshape([rows, inputs]);
        if let Some(products) = many_rows::multiply(Values::of(flat.clone()).get(), &self.matrix, inputs) {
            return Some(shaped(products, x));
        }
        let mut dims = x.dims();
        dims[D - 1] = outputs;
        Some(self.multiply_by_panels(&flat)?.reshape(dims))
    }

    /// What each of `all` makes of a few rows `x`, in one job; `None` where the rows are many, or the matrices of several types.
    pub(crate) fn multiply_few<const D: usize, const N: usize>(
        all: [&Self; N],
        x: &Tensor<D>,
    ) -> Option<[Tensor<D>; N]> {
        let &[_, inputs] = all.first()?.matrix.shape().as_slice() else { return None };
        if !(1..=ROWS).contains(&row_count(x)) || inputs == 0 {
            return None;
        }
        let matrices = all.iter().map(|one| Arc::clone(&one.matrix)).collect();
        all_shaped(few_rows::multiply(x.clone().into_data(), matrices, inputs)?, x)
    }
}

impl SharedFloats {
    /// `x` `[R, I]` times the transposed matrix, `[R, O]`, where the matrix has 16 bits.
    fn multiply_by_panels(&self, x: &Tensor<2>) -> Option<Tensor<2>> {
        let &[outputs, inputs] = self.matrix.shape().as_slice() else { return None };
        match self.matrix.dtype() {
            DType::F16 => Some(by_panels(x, outputs, |range| self.floats::<f16>(range, inputs))),
            DType::BF16 => Some(by_panels(x, outputs, |range| self.floats::<bf16>(range, inputs))),
            _ => None,
        }
    }

    /// Some rows of the matrix, whose values are of this type, as floats.
    fn floats<W: Weight>(&self, rows: Range<usize>, width: usize) -> Vec<f32> {
        let values = self.matrix.as_slice::<W>().unwrap_or_default();
        let values = values.get(rows.start * width..rows.end * width).unwrap_or_default();
        let mut floats = vec![0.0; values.len()];
        let chunks = floats.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
        chunks.for_each(|(floats, values)| run(Floats { values, floats }));
        floats
    }
}

impl Reparameterization for SharedFloats {
    const NAME: &'static str = "shared";

    /// It is the same matrix, with the product of the thin ones.
    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        self.thin.added(base)
    }
}
