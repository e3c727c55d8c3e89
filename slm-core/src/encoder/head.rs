//! The matrix and bias of a CTC head, whatever module it is.
//!
//! Shapes: `E` width, `V` labels.

use burn::module::Param;
use burn::nn::Linear;
use burn::nn::conv::Conv1d;
use burn::prelude::*;

/// Matrix `[V, E]` and bias `[V]` of a head that is a linear map, whose weight is `[E, V]`.
pub(super) fn of_linear(head: &Linear) -> (Tensor<2>, Tensor<1>) {
    let weight = head.weight.val().transpose();
    let bias = bias_or_zeros(head.bias.as_ref(), &weight);
    (weight, bias)
}

/// The same of a head that is a convolution of kernel 1, whose weight is `[V, E, 1]`.
pub(super) fn of_convolution(head: &Conv1d) -> (Tensor<2>, Tensor<1>) {
    let weight = head.weight.val();
    let [labels, width, _] = weight.dims();
    let weight = weight.reshape([labels, width]);
    let bias = bias_or_zeros(head.bias.as_ref(), &weight);
    (weight, bias)
}

fn bias_or_zeros(bias: Option<&Param<Tensor<1>>>, weight: &Tensor<2>) -> Tensor<1> {
    bias.map_or_else(|| Tensor::zeros([weight.dims()[0]], &weight.device()), Param::val)
}
