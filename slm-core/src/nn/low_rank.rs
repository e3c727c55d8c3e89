//! A product of two thin matrices beside the matrix of a linear map: `y = W x + B A x`.
//!
//! Paper: *LoRA*, arXiv 2106.09685. The matrix itself stays as it is, so that any number of models share it, each with
//! thin matrices of its own. Where they are [attached](crate::nn::weights::attach), the maps of
//! [`matrix`](crate::nn::matrix) apply them; `Module::materialize` adds their product to the matrix.
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use burn::module::{Param, Reparameterization};
use burn::prelude::*;
use burn::tensor::{DType, FloatDType};

use super::matrix;

/// The thin matrices, in f32 whatever type the matrix beside them has.
#[derive(Module, Debug)]
pub struct LowRank {
    /// `A`, `[I, R]`.
    down: Param<Tensor<2>>,
    /// `B` with its scale, `[R, O]`.
    up: Param<Tensor<2>>,
}

impl LowRank {
    /// Thin matrices that are constants for autodiff, `[I, R]` and `[R, O]`.
    pub fn new(down: Tensor<2>, up: Tensor<2>) -> Self {
        Self { down: Param::from_tensor(down), up: Param::from_tensor(up) }.freeze()
    }

    /// What is added to the map's output, `[.., I]` to `[.., O]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        // [.., I] -> [.., R] -> [.., O]
        matrix::product(matrix::product(x, self.down.val()), self.up.val())
    }
}

impl Reparameterization for LowRank {
    const NAME: &'static str = "low_rank";

    /// The sum, in the type of the matrix, for those who need it as one.
    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        // [I, R] x [R, O] -> [I, O]
        let product = self.down.val().matmul(self.up.val()).reshape(base.shape());
        let dtype = base.dtype();
        let sum = matrix::full(base) + product;
        match dtype {
            DType::F16 => sum.cast(FloatDType::F16),
            DType::BF16 => sum.cast(FloatDType::BF16),
            _ => sum,
        }
    }
}
