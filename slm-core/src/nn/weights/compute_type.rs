//! The type of a model's large matrices.

use burn::prelude::*;
use burn::tensor::DType;
use serde::{Deserialize, Serialize};

use super::kept::{Asked, Kept};
use crate::checkpoint::gguf::BlockType;
use crate::nn::host::has_host_memory;

/// The type in which a model's large matrices are kept and multiplied.
///
/// Everything else, biases, norms, positions, sums and all that flows between the matrices, is in f32 always: a matrix
/// of 16 bits halves the memory, and the residual stream cannot overflow. So are the matrices whose inputs do not fit
/// in f16: the second one of a feed-forward layer of T5 (`wo`), as in transformers.
///
/// In few bits rows must be whole blocks; those that are none of 256 values get 8 bits for `q4_k`, those that are none of
/// 32 stay in f32. Embeddings and heads have 8 bits, as 4 change which of two words is the likelier. What a file has in few
/// bits stays as it is, whichever of these is asked for; [`Mixed`](Self::Mixed) has that alone in few bits. Products are with
/// values in 8 bits; only `flex` has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ComputeType {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, 5 of them exponent: exact to 5e-4, up to 65504.
    F16,
    /// 16 bits, 8 of them exponent: exact to 4e-3, as large as f32.
    Bf16,
    /// 8 bits, and a scale for each 32 values.
    Q8_0,
    /// 4 bits, and a scale for each 32 values.
    Q4_0,
    /// 4 bits, and a scale and a minimum for each 32 values: more exact than the one before.
    #[serde(rename = "q4_k")]
    Q4K,
    /// What the files have in few bits stays so where the device has products of such matrices; all else is in 32 bits.
    Mixed,
}

/// A backend that does not compute in a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the backend does not compute in {} on this device", .0.name())]
pub struct UnsupportedComputeType(pub ComputeType);

impl ComputeType {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q4_0, Self::Q4K, Self::Mixed];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Q4K => "q4_k",
            Self::Mixed => "mixed",
        }
    }

    /// Bytes of large matrices with so many values that no file has in few bits, and that are neither embeddings nor heads.
    pub fn bytes(self, values: u64) -> u64 {
        match self.asked() {
            Asked::Floats(dtype) => Kept::Floats(dtype).bytes(values),
            Asked::Blocks(kind) => Kept::Blocks(kind).bytes(values),
            Asked::Stored => Kept::FULL.bytes(values),
        }
    }

    /// The type of the blocks, where it is one of few bits.
    pub fn block_type(self) -> Option<BlockType> {
        match self.asked() {
            Asked::Blocks(kind) => Some(kind),
            Asked::Floats(_) | Asked::Stored => None,
        }
    }

    /// How large matrices are to be kept.
    pub(super) fn asked(self) -> Asked {
        match self {
            Self::F32 => Asked::Floats(DType::F32),
            Self::F16 => Asked::Floats(DType::F16),
            Self::Bf16 => Asked::Floats(DType::BF16),
            Self::Q8_0 => Asked::Blocks(BlockType::Q8_0),
            Self::Q4_0 => Asked::Blocks(BlockType::Q4_0),
            Self::Q4K => Asked::Blocks(BlockType::Q4K),
            Self::Mixed => Asked::Stored,
        }
    }

    /// Whether `device` computes in it.
    ///
    /// # Errors
    ///
    /// [`UnsupportedComputeType`] where it does not.
    pub fn check(self, device: &Device) -> Result<(), UnsupportedComputeType> {
        let is_supported = match self.asked() {
            Asked::Floats(dtype) => device.supports_dtype(dtype),
            Asked::Blocks(_) => has_host_memory(device),
            Asked::Stored => true,
        };
        if is_supported { Ok(()) } else { Err(UnsupportedComputeType(self)) }
    }
}
