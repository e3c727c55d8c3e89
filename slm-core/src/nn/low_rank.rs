//! A product of two thin matrices beside the matrix of a linear map: `y = W x + B A x`.
//!
//! Paper: *LoRA*, arXiv 2106.09685. The matrix itself stays as it is, so that any number of models share it, each with
//! thin matrices of its own. Where they are [attached](crate::nn::weights::attach), the maps of
//! [`matrix`](crate::nn::matrix) apply them; `Module::materialize` adds their product to the matrix.
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use burn::module::{Param, Reparameterization};
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
}

impl LowRank {
    /// Thin matrices that are constants for autodiff, `[I, R]` and `[R, O]`.
    pub fn new(down: Tensor<2>, up: Tensor<2>) -> Self {
        Self { down: Param::from_tensor(down), up: Param::from_tensor(up) }.freeze()
    }

    /// What is added to the map's output, `[.., I]` to `[.., O]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
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
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Distribution;

    use super::*;
    use crate::nn::matrix::{self, MatrixLinear};
    use crate::nn::weights::attach;

    /// Two maps, of which one is in f32 whatever the type of the other.
    #[derive(Module, Debug)]
    struct Maps {
        first: MatrixLinear,
        second: Linear,
    }

    impl Maps {
        fn forward(&self, x: Tensor<2>) -> Tensor<2> {
            matrix::through(self.first.forward(x), &self.second)
        }
    }

    fn values(x: Tensor<2>) -> Vec<f32> {
        x.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn beside_a_matrix_or_added_to_it_they_say_the_same_and_the_base_stays() {
        let device = Device::flex();
        device.seed(3);
        let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let linear = |input, output| LinearConfig::new(input, output).init(&device);
        let base = Maps { first: linear(6, 5).into(), second: linear(5, 4) }.freeze();
        let x = random([3, 6]);
        let before = values(base.forward(x.clone()));
        let thin = [
            ("first".to_owned(), LowRank::new(random([6, 2]), random([2, 5]))),
            ("second".to_owned(), LowRank::new(random([5, 2]), random([2, 4]))),
        ];
        let apart = attach(base.clone(), thin.into());
        let merged = apart.clone().materialize();
        assert!(merged.first.weight.reparameterization::<LowRank>().is_none());
        let (found, expected) = (values(apart.forward(x.clone())), values(merged.forward(x.clone())));
        let gap = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(gap < 1e-4, "{gap}");
        assert!(found.iter().zip(&before).any(|(a, b)| (a - b).abs() > 0.1));
        assert_eq!(values(base.forward(x)), before);
        assert_eq!(base.num_params() + (6 + 5 + 5 + 4) * 2, apart.num_params());
    }

    #[test]
    fn a_matrix_of_16_bits_stays_one() {
        let device = Device::flex();
        let thin = LowRank::new(Tensor::ones([4, 1], &device), Tensor::ones([1, 4], &device));
        for dtype in [FloatDType::F16, FloatDType::BF16] {
            let sum = thin.apply(Tensor::<2>::ones([4, 4], &device).cast(dtype));
            assert_eq!(FloatDType::from(sum.dtype()), dtype);
            assert_eq!(values(full(sum)), [2.0; 16]);
        }
    }
}
