//! The norm behind an adapter's last map: its output is as large as the language model's own embeddings, so that speech
//! is as loud as words.

use burn::module::Param;
use burn::nn::{RmsNorm, RmsNormConfig};
use burn::prelude::*;

/// What the norms add to a mean square.
pub(super) const NORM_EPSILON: f64 = 1e-6;

/// The norm of outputs of width `width`, on `device`.
pub(super) fn loudness(width: usize, device: &Device) -> RmsNorm {
    RmsNormConfig::new(width).with_epsilon(NORM_EPSILON).init(device)
}

/// Lets `norm` start from outputs of the size `rms` in every channel.
pub(super) fn set_loudness(norm: &mut RmsNorm, rms: f32) {
    let (width, device) = (norm.gamma.lazy_shape().dims::<1>(), norm.gamma.lazy_device());
    norm.gamma = Param::from_tensor(Tensor::full(width, rms, &device));
}
