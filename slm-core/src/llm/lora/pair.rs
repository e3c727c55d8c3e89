//! The matrices of an adapter.
//!
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use burn::tensor::TensorData;

/// The thin matrices of a linear map.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// `[R, I]`.
    pub(super) a: Matrix,
    /// `[O, R]`.
    pub(super) b: Matrix,
}

/// A matrix with the name of its tensor, in f32.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub(super) name: String,
    pub(super) values: TensorData,
}
