//! A product of two thin matrices beside the matrix of a linear map: `y = W x + B A x`.
//!
//! Paper: *LoRA*, arXiv 2106.09685. The matrix itself stays as it is, so that any number of models share it, each with
//! thin matrices of its own. Where they are attached (`nn::weights::attach`), the maps of
//! [`matrix`](crate::nn::matrix) apply them; `Module::materialize` adds their product to the matrix.
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use burn::module::{
    Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param, ParamId,
    Reparameterization,
};
use burn::nn::{Dropout, DropoutConfig};
use burn::prelude::*;
use burn::tensor::{DType, FloatDType, Shape};

use super::host::host_device;
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

    /// Matrices of no rank, for a place that is empty.
    fn empty() -> Self {
        let empty = || {
            let zeros = |device: &Device, _: bool| Tensor::<2>::zeros([0, 0], device);
            Param::uninitialized(ParamId::new(), zeros, host_device(), false, Shape::new([0, 0]))
        };
        Self { down: empty(), up: empty(), dropout: None }
    }

    fn is_empty(&self) -> bool {
        self.down.lazy_shape().num_elements() == 0
    }

    /// `A`, `[I, R]`.
    pub(super) fn down(&self) -> Tensor<2> {
        self.down.val()
    }

    /// `B` with its scale, `[R, O]`.
    pub(super) fn up(&self) -> Tensor<2> {
        self.up.val()
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

/// One of the thin matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// `A`.
    Down,
    /// `B`.
    Up,
}

/// A place for thin matrices in what lies beside a matrix. A parameter has one thing beside it, and once there it cannot be
/// replaced; so what is not a [`LowRank`] itself has a place for one.
///
/// A walk over a module reaches what is there, and Burn has no way to put something where nothing is. So an empty place offers
/// matrices of no rank to those that change a module, and keeps what becomes of them if they have some then. Those that only
/// look at a module see nothing of an empty place.
#[derive(Debug, Clone, Default)]
pub(super) struct ThinPlace {
    thin: Option<LowRank>,
}

impl ThinPlace {
    /// What is there.
    pub(super) fn get(&self) -> Option<&LowRank> {
        self.thin.as_ref()
    }

    /// `matrix` with the product of what is there.
    pub(super) fn added<const D: usize>(&self, matrix: Tensor<D>) -> Tensor<D> {
        match &self.thin {
            Some(thin) => thin.apply(matrix),
            None => matrix,
        }
    }

    fn with(self, change: impl FnOnce(LowRank) -> LowRank) -> Self {
        Self { thin: self.thin.map(change) }
    }
}

impl Module for ThinPlace {
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.thin.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.with(|thin| thin.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.with(|thin| thin.to_device(device))
    }

    fn train(self) -> Self {
        self.with(Module::train)
    }

    fn valid(&self) -> Self {
        self.clone().with(|thin| thin.valid())
    }

    fn materialize(self) -> Self {
        self.with(Module::materialize)
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.thin.visit(visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let thin = self.thin.unwrap_or_else(LowRank::empty).map(mapper);
        Self { thin: (!thin.is_empty()).then_some(thin) }
    }
}

impl ModuleDisplayDefault for ThinPlace {
    fn content(&self, content: Content) -> Option<Content> {
        self.thin.content(content)
    }
}

impl ModuleDisplay for ThinPlace {}

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
