//! Matrices of few bits a value, multiplied as they are.
//!
//! [`FewBits`] lies beside the parameter of a matrix, in memory of its own, in the blocks that GGUF files have; the
//! parameter itself is a view of a single zero. [`matrix`](crate::nn::matrix) takes it for products and for rows; who asks
//! the parameter for its value gets a matrix of floats, made for this one time.
//!
//! What they are multiplied with is whole numbers of 8 bits as well, with a scale for each 32 of them. On processors where that
//! is slower for many rows, panels of the matrix become floats for those. On `flex` alone.
//! Shapes: `I` inputs, `O` outputs, `R` rows.

#![allow(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the processor's wide instructions"
)]

mod activations;
#[cfg(any(target_arch = "x86_64", test))]
mod columns;
mod format;
#[cfg(any(target_arch = "x86_64", test))]
mod many_rows;
mod product;
#[cfg(any(target_arch = "x86_64", test))]
mod side_by_side;
#[cfg(any(target_arch = "x86_64", test))]
mod tile;
mod values;
#[cfg(target_arch = "x86_64")]
mod vnni;

#[cfg(all(test, feature = "flex"))]
mod tests;

use std::sync::Arc;

use burn::module::Reparameterization;
use burn::prelude::*;
use burn::tensor::Int;

use self::activations::Activations;
use self::format::{Format, Q4K, Q4One, Q4Zero, Q5K, Q5One, Q5Zero, Q6K, Q8Zero};
use crate::checkpoint::gguf::{BlockType, Quantized};
use crate::nn::host::Values;
use crate::nn::low_rank::{LowRank, ThinPlace};
use crate::nn::panels::by_panels;
use crate::nn::product::{all_shaped, row_count};

/// The most rows for which the matrix is not laid out as a whole. More are made of tiles, or are faster as floats.
const MAX_ROWS: usize = 8;
/// From so many rows on outputs are made side by side, where a processor has instructions for that.
#[cfg(target_arch = "x86_64")]
const SIDE_ROWS: usize = 2;

/// How the parameter of a matrix has the rows of the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// As its own first dimension, as embeddings have.
    Rows,
    /// As its columns, as linear maps have.
    Columns,
}

/// `x` `[R, I]` times the transposed matrix, `[R, O]`, as whole numbers or as floats; `None` where this processor has tiles for neither.
fn multiply_many<F: Format>(x: &[f32], matrix: &Quantized) -> Option<Vec<f32>> {
    #[cfg(target_arch = "x86_64")]
    if let Some(tiles) = vnni::Vnni::found() {
        return Some(many_rows::product::<F>(tiles, x, matrix));
    }
    values::product::<F>(x, matrix)
}

/// `x` `[R, I]` times each of the transposed matrices, `[R, O]` each, for few rows.
fn multiply_few<F: Format>(x: Activations, matrices: Vec<Arc<Quantized>>) -> Vec<Vec<f32>> {
    #[cfg(target_arch = "x86_64")]
    if x.rows() >= SIDE_ROWS
        && let Some(tiles) = vnni::Vnni::found()
    {
        return side_by_side::multiply::<F>(tiles, x, matrices);
    }
    product::multiply::<F>(x, matrices)
}

/// What is done with a type of blocks.
#[derive(Debug, Clone, Copy)]
struct Operations {
    multiply: fn(Activations, Vec<Arc<Quantized>>) -> Vec<Vec<f32>>,
    multiply_many: fn(&[f32], &Quantized) -> Option<Vec<f32>>,
    values: fn(&[u8]) -> Vec<f32>,
}

impl Operations {
    fn of(kind: BlockType) -> Option<Self> {
        macro_rules! operations {
            ($format:ty) => {
                Some(Self {
                    multiply: multiply_few::<$format>,
                    multiply_many: multiply_many::<$format>,
                    values: values::values::<$format>,
                })
            };
        }
        match kind {
            BlockType::F32 | BlockType::F16 | BlockType::Bf16 => None,
            BlockType::Q4_0 => operations!(Q4Zero),
            BlockType::Q4_1 => operations!(Q4One),
            BlockType::Q5_0 => operations!(Q5Zero),
            BlockType::Q5_1 => operations!(Q5One),
            BlockType::Q8_0 => operations!(Q8Zero),
            BlockType::Q4K => operations!(Q4K),
            BlockType::Q5K => operations!(Q5K),
            BlockType::Q6K => operations!(Q6K),
        }
    }
}

/// A matrix `[O, I]` in blocks, beside a parameter.
#[derive(Module, Debug)]
pub(crate) struct FewBits {
    #[module(skip)]
    matrix: Arc<Quantized>,
    #[module(skip)]
    orientation: Orientation,
    #[module(skip)]
    operations: Operations,
    /// Thin matrices of linear maps.
    thin: ThinPlace,
}

impl FewBits {
    /// Of a matrix of two dimensions; `None` where it is one of floats.
    pub(crate) fn new(matrix: Quantized, orientation: Orientation) -> Option<Self> {
        let operations = Operations::of(matrix.kind())?;
        let thin = ThinPlace::default();
        Some(Self { matrix: Arc::new(matrix), orientation, operations, thin })
    }

    /// The same blocks beside a parameter that has them in another way, without thin matrices.
    pub(super) fn turned(&self, orientation: Orientation) -> Self {
        let thin = ThinPlace::default();
        Self { matrix: Arc::clone(&self.matrix), orientation, operations: self.operations, thin }
    }

    /// Thin matrices beside the blocks.
    pub(super) fn thin(&self) -> Option<&LowRank> {
        self.thin.get()
    }

    /// The blocks as floats, of the shape of `base` and on its device.
    pub(super) fn floats<const D: usize>(&self, base: &Tensor<D>) -> Tensor<D> {
        let values = (self.operations.values)(self.matrix.bytes());
        let shape = [self.matrix.rows(), self.matrix.row_values()];
        let matrix = Tensor::<2>::from_data(TensorData::new(values, shape), &base.device());
        match self.orientation {
            Orientation::Rows => matrix.reshape(base.shape()),
            Orientation::Columns => matrix.transpose().reshape(base.shape()),
        }
    }

    /// `x` `[.., I]`, which is on `flex`, times the transposed matrix, `[.., O]`.
    pub(crate) fn multiply<const D: usize>(&self, x: &Tensor<D>) -> Tensor<D> {
        if let Some([product]) = Self::multiply_few([self], x) {
            return product;
        }
        let mut dims = x.dims();
        let (rows, outputs) = (row_count(x), self.matrix.rows());
        dims[D - 1] = outputs;
        let x = x.clone().reshape([rows, self.matrix.row_values()]);
        let products = match (self.operations.multiply_many)(Values::of(x.clone()).get(), &self.matrix) {
            Some(products) => Tensor::from_data(TensorData::new(products, [rows, outputs]), &x.device()),
            None => by_panels(&x, outputs, |range| {
                let row_bytes = self.matrix.row_bytes();
                let bytes = self.matrix.bytes().get(range.start * row_bytes..range.end * row_bytes);
                (self.operations.values)(bytes.unwrap_or_default())
            }),
        };
        products.reshape(dims)
    }

    /// What each of `all` makes of a few rows `x`, which become whole numbers once and are multiplied in one job; `None` where the rows
    /// are many, or the matrices have blocks of several types.
    pub(crate) fn multiply_few<const D: usize, const N: usize>(
        all: [&Self; N],
        x: &Tensor<D>,
    ) -> Option<[Tensor<D>; N]> {
        let first = all.first()?;
        let are_of_one_type = all.iter().all(|one| one.matrix.kind() == first.matrix.kind());
        if !(1..=MAX_ROWS).contains(&row_count(x)) || !are_of_one_type {
            return None;
        }
        let activations = Activations::new(Values::of(x.clone()).get(), first.matrix.row_values());
        let matrices = all.iter().map(|one| Arc::clone(&one.matrix)).collect();
        all_shaped((first.operations.multiply)(activations, matrices), x)
    }

    /// The rows that `ids` `[B, S]` name, `[B, S, I]`; zeros where there is none of a number.
    pub(crate) fn rows(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let ([batch, length], width) = (ids.dims(), self.matrix.row_values());
        let device = ids.device();
        let mut values = vec![0.0; batch * length * width];
        // What cannot be read names no rows.
        let ids = ids.into_data().convert::<i64>().try_to_vec::<i64>().unwrap_or_default();
        for (place, id) in values.chunks_exact_mut(width.max(1)).zip(ids) {
            let row = usize::try_from(id).ok().and_then(|row| {
                let start = row.checked_mul(self.matrix.row_bytes())?;
                self.matrix.bytes().get(start..start + self.matrix.row_bytes())
            });
            if let Some(row) = row {
                place.copy_from_slice(&(self.operations.values)(row));
            }
        }
        Tensor::from_data(TensorData::new(values, [batch, length, width]), &device)
    }
}

impl Reparameterization for FewBits {
    const NAME: &'static str = "few_bits";

    /// The matrix as floats, with the product of the thin ones.
    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        self.thin.added(self.floats(&base))
    }
}
