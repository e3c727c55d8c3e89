//! What is done to tensors on the way into a file, and undone on the way out.

use super::fields::Fields;
use crate::checkpoint::gguf::{BlockType, Quantized};

/// What was done to a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// The rows of each of so many heads were put into pairs: row `i` of the first half before row `i` of the second, as
    /// rotary positions turn neighbours in llama.cpp and halves in transformers.
    Paired(usize),
    /// One was added, so that a norm need not do it.
    OneMore,
}

impl Change {
    /// For files whose tensors are as they were.
    pub(super) fn none(_: &mut Fields<'_>, _: &str) -> Self {
        Self::None
    }

    /// The type of the tensor after [`Self::undo`].
    pub(super) fn kind(self, stored: BlockType) -> BlockType {
        if self == Self::OneMore { BlockType::F32 } else { stored }
    }

    /// The tensor as a file has it; `None` where rows make no pairs, or a row is no whole of blocks.
    pub(super) fn done(self, tensor: Quantized) -> Option<Quantized> {
        let Self::Paired(heads) = self else { return (self == Self::None).then_some(tensor) };
        let rows = tensor.shape().first().copied().unwrap_or_default();
        let width = rows.checked_div(heads)?;
        let half = width / 2;
        if half == 0 || 2 * half * heads != rows {
            return None;
        }
        tensor.reordered(|row| {
            let (head, place) = (row / width, row % width);
            width * head + half * (place % 2) + place / 2
        })
    }

    /// The tensor as it was. One whose rows make no pairs stays: its shape is not what a model asks for.
    pub(super) fn undo(self, tensor: Quantized) -> Quantized {
        match self {
            Self::None => tensor,
            Self::OneMore => tensor.less_one(),
            Self::Paired(heads) => {
                let rows = tensor.shape().first().copied().unwrap_or_default();
                let width = rows.checked_div(heads).unwrap_or_default();
                let half = width / 2;
                if half == 0 || 2 * half * heads != rows {
                    return tensor;
                }
                let order = |row: usize| {
                    let (head, place) = (row / width, row % width);
                    width * head + 2 * (place % half) + place / half
                };
                tensor.clone().reordered(order).unwrap_or(tensor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> Quantized {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Quantized::new(BlockType::F32, vec![values.len()], bytes).unwrap()
    }

    #[test]
    fn pairs_become_halves() {
        let stored = vector(&[0.0, 2.0, 1.0, 3.0, 10.0, 12.0, 11.0, 13.0]);
        let undone = Change::Paired(2).undo(stored.clone());
        assert_eq!(Change::Paired(2).done(undone.clone()), Some(stored.clone()));
        assert_eq!(Change::Paired(3).done(undone.clone()), None);
        assert_eq!(Change::None.done(undone.clone()), Some(undone.clone()));
        assert_eq!(undone.dequantize(), [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0]);
        for heads in [0, 3, 8, 16] {
            assert_eq!(Change::Paired(heads).undo(stored.clone()), stored);
        }
        assert_eq!(Change::None.undo(stored.clone()), stored);
        assert_eq!(Change::OneMore.undo(vector(&[1.5])), vector(&[0.5]));
    }
}
