//! Weights of modules: read from the files of a checkpoint, written as safetensors.
//!
//! A module's tensors are found by their path (`layers.0.self_attn.q_proj.weight`); each family turns a path into the
//! name in its files. Names, shapes and types are compared with the module before a tensor is touched, so that all
//! problems are told at once; [`WeightsError`](crate::checkpoint::tensors::WeightsError) has them.

mod check;
mod compute_type;
mod convert;
mod count;
mod fill;
mod kept;
mod linears;
mod load;
mod path;
mod placement;
mod plan;
mod range;
mod save;

use burn::module::Param;
use burn::prelude::*;

pub use compute_type::{ComputeType, UnsupportedComputeType};
pub use count::parameter_count;
pub(crate) use kept::Kept;
pub(crate) use linears::{attach, has_blocks, linears, matrix, merge};
pub use load::load;
pub use placement::{Placement, Progress, Reading};
pub(crate) use plan::StoragePlan;
pub use range::ValueRange;
pub use save::{StorageType, save};

/// A constant as a parameter, trainable where `device` has autodiff.
pub(crate) fn parameter<const D: usize>(value: Tensor<D>, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(if device.is_autodiff() { value.autodiff() } else { value })
}
