//! Losses over the target tokens, padding left out.
//!
//! Shapes: `B` rows, `L` target positions, `V` vocabulary.

use burn::prelude::*;
use burn::tensor::Int;
use burn::tensor::activation::log_softmax;
use slm_core::models::nn::{PaddedIds, keep_mask};

/// The sum of `-log p(target)` over the real positions of `targets`, for logits `[B, L, V]`.
pub fn cross_entropy_sum(logits: Tensor<3>, targets: &PaddedIds) -> Tensor<1> {
    let [batch, length, _] = logits.dims();
    let device = logits.device();
    let keep = keep_mask(&targets.lengths, length, &device);
    let ids: Tensor<3, Int> = targets.ids.clone().reshape([batch, length, 1]);
    // [B, L, V] -> [B, L, 1] -> [B, L]
    let log_probs = log_softmax(logits, 2).gather(2, ids).reshape([batch, length]);
    (log_probs * keep).sum().neg()
}

/// The sum of the Kullback-Leibler divergence of `student` from `teacher`, both `[B, L, V]` before the softmax, over the
/// first `lengths` positions of each row. No gradient goes to the teacher.
pub fn divergence_sum(student: Tensor<3>, teacher: Tensor<3>, lengths: &[usize]) -> Tensor<1> {
    let [batch, length, _] = student.dims();
    let keep = keep_mask(lengths, length, &student.device());
    let teacher = log_softmax(teacher.detach(), 2);
    // [B, L, V] -> [B, L, 1] -> [B, L]
    let divergence = (teacher.clone().exp() * (teacher - log_softmax(student, 2))).sum_dim(2);
    (divergence.reshape([batch, length]) * keep).sum()
}

/// The decoder's input for `targets` (which end with the end token): the start token, then all but the last.
pub fn shift_right(targets: &[Vec<u32>], start: u32) -> Vec<Vec<u32>> {
    targets
        .iter()
        .map(|row| std::iter::once(start).chain(row.iter().copied().take(row.len() - 1)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_that_of_the_definition() {
        let device = Device::flex();
        // Two rows of two positions, three tokens; the second row has one position.
        let student = [0.1_f64, 0.7, -0.3, 2.0, 0.0, 1.0, -1.0, 0.4, 0.9, 5.0, 5.0, 5.0];
        let teacher = [1.0_f64, -0.2, 0.0, 2.0, 0.0, 1.0, 0.3, 0.3, -0.8, 9.0, -9.0, 0.0];
        let tensor = |values: [f64; 12]| {
            Tensor::<3>::from_data(TensorData::new(values.map(|v| v as f32).to_vec(), [2, 2, 3]), &device)
        };
        let found = divergence_sum(tensor(student), tensor(teacher), &[2, 1]).into_scalar::<f32>();
        let softmax = |logits: &[f64]| {
            let sum: f64 = logits.iter().map(|v| v.exp()).sum();
            logits.iter().map(|v| v.exp() / sum).collect::<Vec<_>>()
        };
        let expected: f64 = (0..3)
            .map(|position| {
                let (p, q) = (3 * position, 3 * position + 3);
                let (taught, said) = (softmax(&teacher[p..q]), softmax(&student[p..q]));
                taught.iter().zip(said).map(|(t, s)| t * (t / s).ln()).sum::<f64>()
            })
            .sum();
        assert!((f64::from(found) - expected).abs() < 1e-5, "{found}, expected {expected}");
    }
}
