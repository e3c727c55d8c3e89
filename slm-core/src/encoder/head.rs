//! CTC heads: matrix and bias, whatever module they are, and how an encoder hears its own.
//!
//! Paper of the latter: Nozaki and Komatsu 2021, arXiv 2104.02724, self-conditioned CTC. Shapes: `B` utterances, `T'` states
//! of width `E`, `V` labels.

use burn::module::Param;
use burn::nn::Linear;
use burn::nn::conv::Conv1d;
use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::nn::PaddedBatch;

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

/// States `[B, T', E]` with what the encoder says of them so far: `out` says it, and `out_mid` is how it is heard.
pub(super) fn hear_itself(frames: &PaddedBatch, out: &Linear, out_mid: &Linear) -> PaddedBatch {
    // [B, T', E] -> [B, T', V] -> [B, T', E]
    let said = softmax(out.forward(frames.values()), 2);
    frames.with_values(frames.values() + out_mid.forward(said))
}

fn bias_or_zeros(bias: Option<&Param<Tensor<1>>>, weight: &Tensor<2>) -> Tensor<1> {
    bias.map_or_else(|| Tensor::zeros([weight.dims()[0]], &weight.device()), Param::val)
}
