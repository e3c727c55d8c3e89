//! What weight files of every format say of a tensor.

use burn::tensor::DType;

use crate::checkpoint::gguf::BlockType;

/// What a file says of one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// The type, by the name that safetensors has for it, such as `F32`, or that GGUF has, such as `Q4_K`.
    pub dtype: String,
    /// The shape as stored.
    pub shape: Vec<usize>,
}

impl TensorEntry {
    /// Whether it is of a type of floats that is read, or of floats in few bits.
    pub fn is_float(&self) -> bool {
        float_type(&self.dtype).is_some() || BlockType::named(&self.dtype).is_some()
    }

    /// The type of its blocks, where it is in few bits.
    pub fn few_bits(&self) -> Option<BlockType> {
        BlockType::named(&self.dtype).filter(|kind| kind.is_few_bits())
    }
}

/// The type that safetensors calls `name`, where it is one of floats.
pub(super) fn float_type(name: &str) -> Option<DType> {
    match name {
        "F64" => Some(DType::F64),
        "F32" => Some(DType::F32),
        "F16" => Some(DType::F16),
        "BF16" => Some(DType::BF16),
        _ => None,
    }
}
