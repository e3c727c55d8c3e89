//! Work on single values, done in place on the processor where the tensors live there.
//!
//! Burn 0.22.1's `flex` computes an activation with one thread, one value at a time, and a tensor more for each step of
//! a formula: SiLU of `[499, 4096]` took 22 ms so, PyTorch 1.7. The functions here take tensors and give tensors. On
//! `flex`, in f32 and outside of autodiff they work in the memory of their first argument, with all threads. Under autodiff,
//! most of them are one operation with a way back of its own ([`tracked`]). Everywhere else all are the operations of Burn that
//! they stand for.

#![allow(
    clippy::inline_always,
    reason = "what is not inlined is not compiled for the processor's wide instructions"
)]

mod activation;
mod aligned_rows;
mod crew;
mod cross_entropy;
mod distances;
mod dots;
mod exp;
mod few_queries;
pub(in crate::nn) mod few_rows;
mod heads;
pub(in crate::nn) mod laid_out;
pub(in crate::nn) mod lanes;
mod logits;
pub(in crate::nn) mod many_rows;
mod norm;
pub(in crate::nn) mod parts;
mod rotary;
mod share;
mod softmax;
mod sums;
mod taps;
mod tile;
mod tracked;
mod values;
pub(in crate::nn) mod weight;
#[cfg(target_arch = "x86_64")]
mod wide_tile;

pub(crate) use activation::{activate, activate_gated, glu};
pub use cross_entropy::cross_entropy_sum;
pub(crate) use distances::ByDistance;
pub(crate) use few_queries::read_few;
pub(crate) use heads::{in_order, merge_heads, split_heads};
pub(crate) use logits::{largest, log_sum_exp};
pub(crate) use norm::{rms_norm, rms_scaled};
pub(crate) use rotary::rotate;
pub(crate) use softmax::Scores;
pub(crate) use sums::{add, add_bias, add_scaled};
pub(crate) use taps::depthwise;
pub(in crate::nn) use values::Values;

use burn::prelude::*;
use burn::tensor::DType;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 13;
/// Values that are not worth a second thread: where other programs run, waking one takes longer than such work.
const AT_ONCE: usize = 1 << 17;

/// Whether the values of `x` lie in this process's memory as f32, and no gradient is asked for.
pub(in crate::nn) fn is_here<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && has_host_memory(&x.device())
}

/// Whether the tensors of `device` lie in this process's memory, and no gradient is asked for.
pub(crate) fn has_host_memory(device: &Device) -> bool {
    !device.is_autodiff() && is_host(device)
}

/// Whether the tensors of `device` lie in this process's memory.
#[cfg(feature = "flex")]
fn is_host(device: &Device) -> bool {
    *device == Device::flex()
}

/// Without that backend none do.
#[cfg(not(feature = "flex"))]
fn is_host(_: &Device) -> bool {
    false
}

/// A device with such tensors, where there is one.
#[cfg(feature = "flex")]
pub(in crate::nn) fn host_device() -> Device {
    Device::flex()
}

/// Without that backend there is none, and nothing lies beside matrices that would need it.
#[cfg(not(feature = "flex"))]
pub(in crate::nn) fn host_device() -> Device {
    Device::default()
}

/// `work` on the values of `x`, which are here.
fn in_place<const D: usize>(x: Tensor<D>, work: impl FnOnce(&mut [f32])) -> Tensor<D> {
    // No copy where `x` is the only handle on its memory.
    let mut values = Values::of(x);
    work(values.get_mut());
    values.into_tensor()
}
