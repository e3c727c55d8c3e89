//! A product of two thin matrices beside the matrix of a linear map: `y = W x + B A x`.
//!
//! Paper: *LoRA*, arXiv 2106.09685. The matrix itself stays as it is, so that any number of models share it, each with
//! thin matrices of its own. Where they are attached (`nn::weights::attach`), the maps of
//! [`matrix`](crate::nn::matrix) apply them; `Module::materialize` adds their product to the matrix.
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use burn::module::{Param, ParamId, Reparameterization};
use burn::nn::{Dropout, DropoutConfig};
use burn::prelude::*;
use burn::tensor::{DType, FloatDType};

use super::product::{full, product};

/// The thin matrices, in f32 whatever type the matrix beside them has.
#[derive(Module, Debug)]
pub struct LowRank {
    /// `A`, `[I, R]`.
    down: Param<Tensor<2>>,
    /// `B` with its scale, `[R, O]`.
    up: Param<Tensor<2>>,
    /// Of what they read, in training alone.
    dropout: Option<Dropout>,
}

impl LowRank {
    /// Thin matrices that are constants for autodiff, `[I, R]` and `[R, O]`.
    pub fn new(down: Tensor<2>, up: Tensor<2>) -> Self {
        Self { down: Param::from_tensor(down), up: Param::from_tensor(up), dropout: None }.freeze()
    }

    /// Thin matrices that gradients flow through to what they were made of, with dropout of what they read where they are
    /// under autodiff.
    pub fn in_training(down: Tensor<2>, up: Tensor<2>, dropout: f64) -> Self {
        // `Param::from_tensor` would ask for leaves.
        let part = |tensor: Tensor<2>| Param::initialized(ParamId::new(), tensor);
        let dropout = (dropout > 0.0 && down.is_autodiff()).then(|| DropoutConfig::new(dropout).init());
        Self { down: part(down), up: part(up), dropout }
    }

    /// What is added to the map's output, `[.., I]` to `[.., O]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let x = match &self.dropout {
            // What is not under autodiff, as embeddings of words are not, would pass it as it is.
            Some(dropout) => dropout.forward(x.autodiff()),
            None => x,
        };
        // [.., I] -> [.., R] -> [.., O]
        product(product(x, self.down.val()), self.up.val())
    }
}

impl Reparameterization for LowRank {
    const NAME: &'static str = "low_rank";

    /// The sum, in the type of the matrix, for those who need it as one.
    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        // [I, R] x [R, O] -> [I, O]
        let added = self.down.val().matmul(self.up.val()).reshape(base.shape());
        let dtype = base.dtype();
        let sum = full(base) + added;
        match dtype {
            DType::F16 => sum.cast(FloatDType::F16),
            DType::BF16 => sum.cast(FloatDType::BF16),
            _ => sum,
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_of_16_bits_stays_one() {
        let device = Device::flex();
        let thin = LowRank::new(Tensor::ones([4, 1], &device), Tensor::ones([1, 4], &device));
        for dtype in [FloatDType::F16, FloatDType::BF16] {
            let sum = thin.apply(Tensor::<2>::ones([4, 4], &device).cast(dtype));
            assert_eq!(FloatDType::from(sum.dtype()), dtype);
            assert_eq!(full(sum).try_into_vec_as::<f32>().unwrap(), [2.0; 16]);
        }
    }
}
