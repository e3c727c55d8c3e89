//! The cross-entropy of a language model's answers, and its gradient.
//!
//! Shapes: `B` rows, `L` positions, `V` vocabulary.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;
use rayon::prelude::*;

use super::exp::exp;
use super::lanes::{Kernel, Lanes, run};
use super::logits::log_sum_exp;
use super::tracked::{Gradient, joined, taken};
use super::values::Values;
use super::{host_device, is_here};
use crate::nn::{PaddedIds, keep_mask};

/// The sum of `-ln p(target)` over the real positions of `targets`, `[B, L]`, for `logits` `[B, L, V]` before the softmax. The part
/// `smoothing` of what is to be said is every token evenly, the target among them: PyTorch's `label_smoothing`.
pub fn cross_entropy_sum(logits: Tensor<3>, targets: &PaddedIds, smoothing: f64) -> Tensor<1> {
    let found = if is_here(&logits) {
        plain(&logits, targets, smoothing)
    } else {
        tracked(&logits, targets, smoothing)
    };
    found.unwrap_or_else(|| composed(logits, targets, smoothing))
}

/// The operations that it stands for.
fn composed(logits: Tensor<3>, targets: &PaddedIds, smoothing: f64) -> Tensor<1> {
    let [batch, length, _] = logits.dims();
    let device = logits.device();
    let keep = keep_mask(&targets.lengths, length, &device);
    let ids: Tensor<3, Int> = targets.ids.clone().reshape([batch, length, 1]);
    // [B, L, V] -> [B, L, 1] -> [B, L]
    let all = log_softmax(logits, 2);
    let mut log_probs = all.clone().gather(2, ids).reshape([batch, length]);
    if smoothing > 0.0 {
        // [B, L, V] -> [B, L, 1] -> [B, L]
        let evenly = all.mean_dim(2).reshape([batch, length]);
        log_probs = log_probs * (1.0 - smoothing) + evenly * smoothing;
    }
    (log_probs * keep).sum().neg()
}

/// The same in one pass over logits that are here; `None` where a target is no token.
fn plain(logits: &Tensor<3>, targets: &PaddedIds, smoothing: f64) -> Option<Tensor<1>> {
    let [_, _, vocab] = logits.dims();
    let targets = real_targets(targets, vocab)?;
    let logits = Values::of(logits.clone());
    let rows = logits.get().par_chunks(vocab).zip(&targets);
    let losses = rows.map(|(row, target)| target.map_or(0.0, |target| scored(row, target, smoothing).1));
    Some(sum(losses.collect()))
}

/// The same under autodiff, with the gradient in a second pass; `None` where the logits are elsewhere, or a target is no token.
fn tracked(logits: &Tensor<3>, targets: &PaddedIds, smoothing: f64) -> Option<Tensor<1>> {
    let taken = taken(logits)?;
    let [_, _, vocab] = logits.dims();
    let targets = real_targets(targets, vocab)?;
    let dims = logits.dims();
    let logits = Values::of(logits.clone().inner());
    let mut slopes = Values::zeros(&dims);
    let rows = slopes.get_mut().par_chunks_mut(vocab).zip(logits.get().par_chunks(vocab)).zip(&targets);
    let losses = rows.map(|((slopes, logits), target)| {
        slopes.copy_from_slice(logits);
        loss_and_slopes(slopes, *target, smoothing)
    });
    let losses = losses.collect();
    let back = move |gradient: Tensor<1>| {
        let factor = Values::of(gradient).get().iter().sum();
        slopes.get_mut().par_chunks_mut(vocab).for_each(|values| run(Scaled { values, factor }));
        [Gradient::from(slopes.into_tensor::<3>())]
    };
    Some(joined([taken], sum(losses), back))
}

/// The sum of the rows' losses, in the order of the rows, however many threads made them.
fn sum(losses: Vec<f64>) -> Tensor<1> {
    let loss = losses.into_iter().sum::<f64>() as f32;
    Tensor::from_data(TensorData::new(vec![loss], [1]), &host_device())
}

/// The target of each position, none where it is padding. `None` where one is no token, or they cannot be read.
fn real_targets(targets: &PaddedIds, vocab: usize) -> Option<Vec<Option<usize>>> {
    let [_, length] = targets.ids.dims();
    let ids = targets.ids.clone().try_into_vec_as::<i64>().ok()?;
    let target = |(place, id): (usize, i64)| {
        let is_real = place % length < targets.lengths[place / length];
        is_real.then(|| usize::try_from(id).ok().filter(|&id| id < vocab))
    };
    let targets = ids.into_iter().enumerate().map(target);
    targets.map(|target| target.map_or(Some(None), |id| id.map(Some))).collect()
}

/// The loss of a position. In the place of its logits there is then what they change the loss by.
fn loss_and_slopes(row: &mut [f32], target: Option<usize>, smoothing: f64) -> f64 {
    let Some(target) = target else {
        row.fill(0.0);
        return 0.0;
    };
    let (sum, loss) = scored(row, target, smoothing);
    let evenly = (smoothing / row.len() as f64) as f32;
    run(Slopes { row: &mut *row, sum: sum as f32, evenly });
    row[target] -= (1.0 - smoothing) as f32;
    loss
}

/// The logarithm of the sum of the exponentials of `row`, and the loss where `target` is to be said.
fn scored(row: &[f32], target: usize, smoothing: f64) -> (f64, f64) {
    let sum = log_sum_exp(row);
    let mut said = f64::from(row[target]);
    if smoothing > 0.0 {
        let mean = row.iter().map(|&value| f64::from(value)).sum::<f64>() / row.len() as f64;
        said = said * (1.0 - smoothing) + mean * smoothing;
    }
    (sum, sum - said)
}

/// Values times a factor.
struct Scaled<'a> {
    values: &'a mut [f32],
    factor: f32,
}

impl Kernel for Scaled<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for value in self.values {
            *value *= self.factor;
        }
    }
}

/// Logits become their probabilities, less what is to be said of every token.
struct Slopes<'a> {
    row: &'a mut [f32],
    sum: f32,
    evenly: f32,
}

impl Kernel for Slopes<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for value in self.row {
            *value = exp(*value - self.sum) - self.evenly;
        }
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    fn targets(device: &Device) -> PaddedIds {
        PaddedIds::from_rows(&[vec![3_u32, 0, 41, 2], vec![7, 42]], 0, device)
    }

    /// The naive twin are the operations of Burn, and what its autodiff makes of them.
    #[test]
    fn loss_and_gradient_are_those_of_the_operations() {
        let device = Device::flex();
        device.seed(5);
        let values = Tensor::<3>::random([2, 4, 43], Distribution::Normal(1.0, 4.0), &device);
        let tracked = device.clone().autodiff();
        for smoothing in [0.0, 0.1] {
            let both = [cross_entropy_sum, composed].map(|loss_of| {
                let logits = values.clone().autodiff().require_grad();
                // A weight, as a trainer puts it before the loss.
                let loss = loss_of(logits.clone(), &targets(&tracked), smoothing) * 0.5;
                let gradient = logits.grad(&loss.clone().backward()).unwrap();
                (loss.into_scalar::<f32>(), gradient)
            });
            let [(found, gradient), (expected, wanted)] = both;
            assert!((found - expected).abs() < 1e-5 * expected, "{found}, expected {expected}");
            let gap = (gradient - wanted).abs().max().into_scalar::<f32>();
            assert!(gap < 1e-6, "{gap}");
            let alone = cross_entropy_sum(values.clone(), &targets(&device), smoothing) * 0.5;
            assert!((alone.into_scalar::<f32>() - expected).abs() < 1e-5 * expected);
        }
    }

    #[test]
    fn what_is_no_number_is_a_loss_that_is_none() {
        let device = Device::flex();
        let values = Tensor::<3>::full([2, 4, 43], f32::NAN, &device);
        assert!(cross_entropy_sum(values, &targets(&device), 0.0).into_scalar::<f32>().is_nan());
    }
}
