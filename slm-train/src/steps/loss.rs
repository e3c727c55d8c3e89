//! Cross-entropy over the target tokens, padding left out.
//!
//! Shapes: `B` rows, `L` target positions, `V` vocabulary.

use burn::prelude::*;
use burn::tensor::Int;
use burn::tensor::activation::log_softmax;
use slm_core::batch::PaddedIds;

/// The sum of `-log p(target)` over the real positions of `targets`, for logits `[B, L, V]`.
pub fn cross_entropy_sum(logits: Tensor<3>, targets: &PaddedIds) -> Tensor<1> {
    let [batch, length, _] = logits.dims();
    let device = logits.device();
    let keep = slm_core::batch::keep_mask(&targets.lengths, length, &device);
    let ids: Tensor<3, Int> = targets.ids.clone().reshape([batch, length, 1]);
    // [B, L, V] -> [B, L, 1] -> [B, L]
    let log_probs = log_softmax(logits, 2).gather(2, ids).reshape([batch, length]);
    (log_probs * keep).sum().neg()
}

/// The decoder's input for `targets` (which end with the end token): the start token, then all but the last.
pub fn shift_right(targets: &[Vec<u32>], start: u32) -> Vec<Vec<u32>> {
    targets
        .iter()
        .map(|row| std::iter::once(start).chain(row.iter().copied().take(row.len() - 1)).collect())
        .collect()
}
