//! The tensors of a GGUF file as those of any other: by the names of transformers, and as floats.

use std::collections::BTreeMap;

use burn::tensor::DType;

use super::TensorEntry;
use crate::checkpoint::gguf::{BlockType, GgufFolder, Quantized};

/// The tensors by name.
pub(super) fn entries(folder: &GgufFolder) -> BTreeMap<String, TensorEntry> {
    let entry = |kind: BlockType, shape: &[usize]| TensorEntry {
        dtype: kind.name().to_owned(),
        shape: shape.to_vec(),
    };
    folder.tensors().map(|(name, kind, shape)| (name.clone(), entry(kind, shape))).collect()
}

/// The bytes of a tensor, in the order of its shape, and their type. Floats of 16 bits stay; no backend computes with
/// fewer as the file has them, so that these become floats of 32.
pub(super) fn values(tensor: Quantized) -> (Vec<u8>, DType) {
    match tensor.kind() {
        BlockType::F32 => (tensor.into_bytes(), DType::F32),
        BlockType::F16 => (tensor.into_bytes(), DType::F16),
        BlockType::Bf16 => (tensor.into_bytes(), DType::BF16),
        _ => (tensor.dequantize_to_bytes(), DType::F32),
    }
}
