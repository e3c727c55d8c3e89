//! Matrices in few bits in a safetensors file.
//!
//! The format has no type for them. So such a tensor is one of bytes (`U8`) whose second dimension counts the bytes of a row
//! where that of the matrix counts values, and the file's metadata have an entry, [`KEY`], that says which tensors these are:
//! an object, written as JSON, of the names of tensors and of the types of their blocks, as GGUF names them. The bytes are
//! those of a GGUF file.

use std::collections::BTreeMap;

use serde_json::Value;

use super::HeaderProblem;
use crate::checkpoint::gguf::BlockType;

/// What the entry of the metadata is called.
pub(super) const KEY: &str = "slm.blocks";
/// The type of such tensors.
pub(super) const BYTES: &str = "U8";

/// The shape that a file has for a matrix of this shape in blocks of `kind`; `None` where its rows are no whole blocks.
pub(super) fn stored_shape(kind: BlockType, shape: &[usize]) -> Option<Vec<usize>> {
    let mut stored = shape.to_vec();
    let width = stored.get_mut(1)?;
    // What follows them is one: a convolution of kernel 1.
    let is_matrix = shape.get(2..)?.iter().all(|&size| size == 1);
    if !is_matrix || !width.is_multiple_of(kind.values()) {
        return None;
    }
    *width = (*width / kind.values()).checked_mul(kind.bytes())?;
    Some(stored)
}

/// What the entry of the metadata says of some tensors.
pub(super) fn told(blocks: &BTreeMap<String, BlockType>) -> String {
    let names = blocks.iter().map(|(name, kind)| (name.clone(), kind.name().into()));
    Value::Object(names.collect()).to_string()
}

/// The types of the blocks of the tensors that the `metadata` of a file name.
pub(super) fn kinds(metadata: &Value) -> Result<BTreeMap<String, BlockType>, HeaderProblem> {
    let Some(told) = metadata.get(KEY) else { return Ok(BTreeMap::new()) };
    let unread = |reason: String| HeaderProblem::Blocks { name: KEY.to_owned(), reason };
    let text = told.as_str().ok_or_else(|| unread("is no text".to_owned()))?;
    let kinds: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|error| unread(format!("is not valid JSON: {error}")))?;
    let known = |(name, kind): (String, String)| {
        let found = BlockType::named(&kind).filter(|kind| kind.is_few_bits());
        let reason = format!("is in blocks of `{}`, which is not known", kind.escape_debug());
        found.map(|kind| (name.clone(), kind)).ok_or(HeaderProblem::Blocks { name, reason })
    };
    kinds.into_iter().map(known).collect()
}

/// The shape of the matrix in blocks of `kind` that a file has as a tensor of this type and shape; `None` where it is none.
pub(super) fn matrix_shape(kind: BlockType, dtype: &str, stored: &[usize]) -> Option<Vec<usize>> {
    let mut shape = stored.to_vec();
    let width = shape.get_mut(1)?;
    if dtype != BYTES || !width.is_multiple_of(kind.bytes()) {
        return None;
    }
    *width = (*width / kind.bytes()).checked_mul(kind.values())?;
    (stored_shape(kind, &shape)? == stored).then_some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_go_there_and_back() {
        assert_eq!(stored_shape(BlockType::Q8_0, &[3, 64]), Some(vec![3, 68]));
        assert_eq!(stored_shape(BlockType::Q4K, &[3, 512, 1]), Some(vec![3, 288, 1]));
        for shape in [&[64][..], &[], &[3, 65], &[3, 64, 2]] {
            assert_eq!(stored_shape(BlockType::Q8_0, shape), None);
        }
        assert_eq!(matrix_shape(BlockType::Q8_0, BYTES, &[3, 68]), Some(vec![3, 64]));
        assert_eq!(matrix_shape(BlockType::Q4K, BYTES, &[3, 288, 1]), Some(vec![3, 512, 1]));
        assert_eq!(matrix_shape(BlockType::Q8_0, "I8", &[3, 68]), None);
    }
}
