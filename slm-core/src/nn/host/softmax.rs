//! The softmax of attention: scores, what the distances between queries and keys add, a bias, all in one pass.
//!
//! Shapes: `B` rows, `H` heads, `Q` queries of a block, `T` keys, `C` columns.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use rayon::prelude::*;

use super::distances::ByDistance;
use super::exp::exp;
use super::lanes::{Kernel, Lanes, run};
use super::tracked::{joined, taken};
use super::values::Values;
use super::{AT_ONCE, in_place, is_here};

/// Scores before the softmax.
#[derive(Debug, Clone)]
pub(crate) struct Scores {
    /// Products of queries and keys, `[B, H, Q, T]`.
    pub(crate) products: Tensor<4>,
    /// What distances add.
    pub(crate) by_distance: Option<ByDistance>,
    /// What else is added, `[B or 1, H or 1, Q or 1, T]`.
    pub(crate) bias: Option<Tensor<4>>,
}

/// A row of scores and what is added to it.
pub(super) struct Row<'a> {
    pub(super) scores: &'a mut [f32],
    /// Values by distance, and the column of the first key.
    pub(super) by_distance: Option<(&'a [f32], i64)>,
    pub(super) bias: Option<&'a [f32]>,
}

/// Values that are summed side by side: a sum in one variable cannot use whole registers.
const LANES: usize = 16;

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl Row<'_> {
    #[inline(always)]
    fn add_distances(&mut self) {
        let Some((values, origin)) = self.by_distance else { return };
        let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return };
        let keys = self.scores.len() as i64;
        // Keys up to `near` share the first column, those from `far` on the last.
        let near = (-origin).clamp(0, keys) as usize;
        let far = (values.len() as i64 - origin).clamp(near as i64, keys) as usize;
        for score in &mut self.scores[..near] {
            *score += first;
        }
        let start = (near as i64 + origin).max(0) as usize;
        for (score, value) in self.scores[near..far].iter_mut().zip(values.get(start..).unwrap_or_default()) {
            *score += value;
        }
        for score in &mut self.scores[far..] {
            *score += last;
        }
    }
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        self.add_distances();
        if let Some(bias) = self.bias {
            for (score, bias) in self.scores.iter_mut().zip(bias) {
                *score += bias;
            }
        }
        let scores = self.scores;
        let mut largest = [f32::NEG_INFINITY; LANES];
        let chunks = scores.chunks_exact(LANES);
        let mut highest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |a, &b| larger(a, b));
        for chunk in chunks {
            for (largest, &score) in largest.iter_mut().zip(chunk) {
                *largest = larger(*largest, score);
            }
        }
        for value in largest {
            highest = larger(highest, value);
        }
        let mut sums = [0.0_f32; LANES];
        let mut total = 0.0_f32;
        let mut chunks = scores.chunks_exact_mut(LANES);
        for chunk in &mut chunks {
            for (sum, score) in sums.iter_mut().zip(chunk) {
                *score = exp(*score - highest);
                *sum += *score;
            }
        }
        for score in chunks.into_remainder() {
            *score = exp(*score - highest);
            total += *score;
        }
        for sum in sums {
            total += sum;
        }
        let scale = 1.0 / total;
        for score in scores {
            *score *= scale;
        }
    }
}

/// A row of the way back: the gradient of weights becomes that of their scores.
struct BackRow<'a> {
    gradient: &'a mut [f32],
    weights: &'a [f32],
}

impl Kernel for BackRow<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut along = [0.0_f32; LANES];
        let (weights, rest) = self.weights.as_chunks::<LANES>();
        let (gradients, rest_gradient) = self.gradient.as_chunks::<LANES>();
        for (gradient, weights) in gradients.iter().zip(weights) {
            for ((along, gradient), weight) in along.iter_mut().zip(gradient).zip(weights) {
                *along += gradient * weight;
            }
        }
        let rest: f32 = rest_gradient.iter().zip(rest).map(|(gradient, weight)| gradient * weight).sum();
        let along = along.iter().sum::<f32>() + rest;
        for (gradient, weight) in self.gradient.iter_mut().zip(self.weights) {
            *gradient = weight * (*gradient - along);
        }
    }
}

impl Scores {
    /// Scores of products alone.
    pub(crate) fn of(products: Tensor<4>) -> Self {
        Self { products, by_distance: None, bias: None }
    }

    /// The same with something added.
    #[must_use]
    pub(crate) fn with_bias(self, bias: Option<Tensor<4>>) -> Self {
        Self { bias, ..self }
    }

    /// The weights of the keys for each query, `[B, H, Q, T]`.
    pub(crate) fn weights(self) -> Tensor<4> {
        let here = |x: Option<&Tensor<4>>| x.is_none_or(is_here);
        let all_here = is_here(&self.products)
            && here(self.by_distance.as_ref().map(|by| &by.values))
            && here(self.bias.as_ref());
        if all_here {
            return self.weights_here();
        }
        match self.weights_tracked() {
            Some(weights) => weights,
            None => self.composed(),
        }
    }

    /// The operations that [`Self::weights`] stands for.
    fn composed(self) -> Tensor<4> {
        let [.., keys] = self.products.dims();
        let scores = match self.by_distance {
            Some(by_distance) => self.products + by_distance.by_key(keys),
            None => self.products,
        };
        softmax(self.bias.into_iter().fold(scores, |scores, bias| scores + bias), 3)
    }

    /// The same under autodiff; `None` where the values are not here, or the distances are learnt.
    fn weights_tracked(&self) -> Option<Tensor<4>> {
        if self.by_distance.is_some() {
            return None;
        }
        let of_products = taken(&self.products)?;
        let of_bias = match self.bias.as_ref().filter(|bias| !is_here(bias)) {
            Some(bias) => Some(taken(bias)?),
            None => None,
        };
        let plain = |x: Tensor<4>| if x.is_autodiff() { x.inner() } else { x };
        let bias_dims = self.bias.as_ref().map_or([1; 4], Tensor::dims);
        let scores = Self::of(plain(self.products.clone())).with_bias(self.bias.clone().map(plain));
        let weights = scores.weights_here();
        let held = Values::of(weights.clone());
        let keys = weights.dims()[3];
        let back = move |gradient: Tensor<4>| {
            let mut gradient = Values::of(gradient);
            let rows = gradient.get_mut().par_chunks_mut(keys.max(1)).zip(held.get().par_chunks(keys.max(1)));
            let rows = rows.with_min_len(AT_ONCE.div_ceil(keys.max(1)));
            rows.for_each(|(gradient, weights)| run(BackRow { gradient, weights }));
            gradient.into_tensor::<4>()
        };
        Some(match of_bias {
            Some(of_bias) => joined([of_products, of_bias], weights, move |gradient| {
                let of_scores = back(gradient);
                // What was repeated is summed.
                let repeated = (0..4).filter(|&dim| bias_dims[dim] == 1);
                let of_bias = repeated.fold(of_scores.clone(), Tensor::sum_dim);
                [of_scores.into(), of_bias.into()]
            }),
            None => joined([of_products], weights, move |gradient| [back(gradient).into()]),
        })
    }

    fn weights_here(self) -> Tensor<4> {
        let [_, heads, queries, keys] = self.products.dims();
        let columns = self.by_distance.as_ref().map_or(0, |by| by.values.dims()[3]);
        let by_distance = self.by_distance.map(|by| (Values::of(by.values), by.origin));
        let bias = self.bias.map(|bias| (bias.dims(), Values::of(bias)));
        let distances = by_distance.as_ref().map(|(values, origin)| (values.get(), *origin));
        let added = bias.as_ref().map(|(dims, values)| (*dims, values.get()));
        let work = |values: &mut [f32]| {
            let rows = values.par_chunks_mut(keys.max(1)).with_min_len(AT_ONCE.div_ceil(keys.max(1)));
            rows.enumerate().for_each(|(row, scores)| {
                let (query, head, batch) = (row % queries, row / queries % heads, row / queries / heads);
                let by_distance = distances.map(|(values, origin)| {
                    (&values[row * columns..(row + 1) * columns], origin - query as i64)
                });
                let bias = added.map(|([rows, of_heads, of_queries, _], values)| {
                    let place = [(batch, rows), (head, of_heads), (query, of_queries)];
                    let start = place.into_iter().fold(0, |start, (i, of)| start * of + i.min(of - 1));
                    &values[start * keys..(start + 1) * keys]
                });
                run(Row { scores, by_distance, bias });
            });
        };
        in_place(self.products, work)
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    fn random(shape: [usize; 4], device: &Device) -> Tensor<4> {
        Tensor::random(shape, Distribution::Normal(0.0, 4.0), device)
    }

    fn gap(found: Tensor<4>, expected: Tensor<4>) -> f32 {
        assert_eq!(found.dims(), expected.dims());
        (found - expected).abs().max().try_into_scalar::<f32>().unwrap()
    }

    /// The naive twin: the operations that it stands for, of which those of the distances have a test of their own.
    #[test]
    fn in_one_pass_is_what_the_operations_give() {
        let device = Device::flex();
        device.seed(7);
        for (queries, keys) in [(1, 1), (5, 37), (40, 40), (3, 16)] {
            let shape = [2, 3, queries, keys];
            for columns in [0, 1, 9, 2 * keys + queries] {
                for origin in [-30_i64, -4, 0, 1, 6, keys as i64, 2 * keys as i64 + queries as i64] {
                    // Keys at no distance that is told apart do not come up in a block of queries.
                    let is_near = origin >= 0 && origin < columns as i64;
                    let by_distance = (columns > 0 && is_near)
                        .then(|| ByDistance { values: random([2, 3, queries, columns], &device), origin });
                    for bias in [None, Some([1, 3, queries, keys]), Some([2, 1, 1, keys]), Some(shape)] {
                        let bias = bias.map(|shape| random(shape, &device));
                        let scores = Scores {
                            products: random(shape, &device),
                            by_distance: by_distance.clone(),
                            bias,
                        };
                        let expected = scores.clone().composed();
                        assert!(
                            gap(scores.weights(), expected) < 2e-6,
                            "{queries} of {keys}, {columns}, {origin}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn hidden_keys_get_nothing_and_others_all() {
        let device = Device::flex();
        let products = random([1, 1, 2, 40], &device);
        let mut bias = vec![crate::nn::MASKED; 40];
        bias[7] = 0.0;
        let bias = Tensor::from_data(TensorData::new(bias, [1, 1, 1, 40]), &device);
        let weights = Scores::of(products).with_bias(Some(bias)).weights();
        let weights = weights.try_into_vec_as::<f32>().unwrap();
        let expected = |i: usize| f32::from(u8::from(i % 40 == 7));
        assert!(weights.iter().enumerate().all(|(i, weight)| weight.to_bits() == expected(i).to_bits()));
    }

    /// The naive twin: the operations that it stands for, and what Burn's autodiff makes of them.
    #[test]
    fn under_autodiff_values_and_gradients_are_those_of_the_operations() {
        let device = Device::flex();
        device.seed(23);
        let shape = [2, 3, 5, 37];
        let (products, upstream) = (random(shape, &device), random(shape, &device));
        for bias in [None, Some([1, 3, 5, 37]), Some([2, 1, 1, 37]), Some(shape)] {
            for is_learnt in [true, false] {
                let bias = bias.map(|shape| random(shape, &device));
                let both = [Scores::weights, Scores::composed].map(|of| {
                    let x = products.clone().autodiff().require_grad();
                    let learnt = |bias: Tensor<4>| bias.autodiff().require_grad();
                    let bias = bias.clone().map(|bias| if is_learnt { learnt(bias) } else { bias });
                    let y = of(Scores::of(x.clone()).with_bias(bias.clone()));
                    let grads = (y.clone() * upstream.clone()).sum().backward();
                    let of_bias = bias.filter(|_| is_learnt).map(|bias| bias.grad(&grads).unwrap());
                    (y.inner(), x.grad(&grads).unwrap(), of_bias)
                });
                let [(y, of_x, of_bias), (expected, wanted, wanted_bias)] = both;
                assert!(gap(y, expected) < 2e-6 && gap(of_x, wanted) < 5e-6);
                assert_eq!(of_bias.is_some(), wanted_bias.is_some());
                if let (Some(found), Some(wanted)) = (of_bias, wanted_bias) {
                    assert!(gap(found, wanted) < 2e-5);
                }
            }
        }
    }
}
