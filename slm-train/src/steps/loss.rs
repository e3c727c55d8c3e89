//! Losses over the target tokens, padding left out.
//!
//! Shapes: `B` rows, `L` target positions, `V` vocabulary.

use burn::nn::loss::CTCLossConfig;
use burn::prelude::*;
use burn::tensor::Int;
use burn::tensor::activation::log_softmax;
use slm_core::models::nn::{PaddedIds, keep_mask};

/// The sum of the CTC losses of `labels` under log-probabilities `[B, T, V]`, of which a row has the first `lengths`.
/// Rows without labels, and those with more than CTC can align, count nothing.
pub fn ctc_sum(log_probs: Tensor<3>, lengths: &[usize], labels: &[&[u32]], blank: usize) -> Tensor<1> {
    let device = log_probs.device();
    let ints = |values: Vec<usize>| {
        let count = values.len();
        let values: Vec<i64> = values.into_iter().map(|n| n as i64).collect();
        Tensor::<1, Int>::from_data(TensorData::new(values, [count]), &device)
    };
    let kept: Vec<usize> = (0..labels.len())
        .filter(|&row| !labels[row].is_empty() && states_needed(labels[row]) <= lengths[row])
        .collect();
    if kept.is_empty() {
        // Still a part of the graph, so that it can be the only loss.
        return log_probs.sum() * 0.0;
    }
    let log_probs =
        if kept.len() == labels.len() { log_probs } else { log_probs.select(0, ints(kept.clone())) };
    let labels: Vec<&[u32]> = kept.iter().map(|&row| labels[row]).collect();
    let targets = PaddedIds::from_rows(&labels, blank as u32, &device);
    // [B, T, V] -> [T, B, V]
    let losses = CTCLossConfig::new().with_blank(blank).with_zero_infinity(true).init().forward(
        log_probs.swap_dims(0, 1),
        targets.ids,
        ints(kept.iter().map(|&row| lengths[row]).collect()),
        ints(targets.lengths),
    );
    losses.sum()
}

/// The sum of the CTC losses of rows in which nothing is said, under log-probabilities `[B, T, V]`: a blank at each of the first
/// `lengths` states of the rows without `labels`. The others count nothing.
pub fn nothing_said_sum(
    log_probs: Tensor<3>,
    lengths: &[usize],
    labels: &[&[u32]],
    blank: usize,
) -> Tensor<1> {
    let device = log_probs.device();
    let [batch, states, _] = log_probs.dims();
    let silent: Vec<usize> = labels
        .iter()
        .zip(lengths)
        .map(|(labels, &length)| if labels.is_empty() { length } else { 0 })
        .collect();
    // [B, T, V] -> [B, T]
    let blanks = log_probs.narrow(2, blank, 1).reshape([batch, states]);
    -(blanks * keep_mask(&silent, states, &device)).sum()
}

/// The fewest states that CTC can lay `labels` on: one each, and a blank between two that are the same.
pub fn states_needed(labels: &[u32]) -> usize {
    labels.len() + labels.windows(2).filter(|pair| pair[0] == pair[1]).count()
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
    fn nothing_said_is_a_blank_at_each_state() {
        let device = Device::flex();
        // Three rows of two states, two labels and the blank.
        let values: Vec<f32> = (0..18).map(|n| -0.1 * n as f32).collect();
        let log_probs = Tensor::<3>::from_data(TensorData::new(values, [3, 2, 3]), &device);
        let labels: [&[u32]; 3] = [&[], &[1], &[]];
        let found = nothing_said_sum(log_probs, &[2, 2, 1], &labels, 2).into_scalar::<f32>();
        assert!((found - (0.2 + 0.5 + 1.4)).abs() < 1e-6, "{found}");
    }

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
