//! Heads of attention side by side in a row, and each by itself.
//!
//! Burn 0.22.1's `flex` moves the values with one thread. Shapes: `B` rows, `T` positions, `H` heads of width `K`.

use burn::prelude::*;
use rayon::prelude::*;

use super::tracked::{Gradient, joined, taken};
use super::values::Values;
use super::{AT_ONCE, is_here};

/// `[B, T, H * K]` to `[B, H, T, K]`.
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let Some(taken) = taken(&x) else { return split(x, heads) };
    joined([taken], split(x.inner(), heads), |gradient| [Gradient::from(merged(gradient))])
}

/// `[B, H, T, K]` to `[B, T, H * K]`.
pub(crate) fn merge_heads(x: Tensor<4>) -> Tensor<3> {
    if is_here(&x) {
        return merged(x);
    }
    let [_, heads, _, _] = x.dims();
    match taken(&x) {
        Some(taken) => {
            joined([taken], merged(x.inner()), move |gradient| [Gradient::from(split(gradient, heads))])
        }
        None => composed(x),
    }
}

/// `x` with its values in the order of its dimensions, where it is here: what reads the heads of a view again and again goes far
/// from each position to the next.
pub(crate) fn in_order(x: Tensor<4>) -> Tensor<4> {
    if is_here(&x) { Values::of(x).into_tensor() } else { x }
}

/// A view.
fn split(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, time, inner] = x.dims();
    x.reshape([batch, time, heads, inner / heads]).swap_dims(1, 2)
}

/// The operations that [`merge_heads`] stands for.
fn composed(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, time, width] = x.dims();
    x.swap_dims(1, 2).reshape([batch, time, heads * width])
}

/// The heads of `x`, which is here, side by side.
fn merged(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, time, width] = x.dims();
    let inner = heads * width;
    if time * inner == 0 {
        return composed(x);
    }
    let x = Values::of(x);
    let mut y = Values::zeros(&[batch, time, inner]);
    let rows = y.get_mut().par_chunks_mut(inner).with_min_len(AT_ONCE.div_ceil(inner));
    rows.enumerate().for_each(|(row, y)| {
        let (row, at) = (row / time, row % time);
        let x = &x.get()[row * time * inner..(row + 1) * time * inner];
        for (head, y) in x.chunks_exact(time * width).zip(y.chunks_exact_mut(width)) {
            y.copy_from_slice(&head[at * width..(at + 1) * width]);
        }
    });
    y.into_tensor()
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    /// The naive twins are Burn's operations, and what its autodiff makes of them.
    #[test]
    fn heads_are_moved_as_burn_moves_them() {
        let device = Device::flex();
        device.seed(31);
        for [batch, heads, time, width] in [[1, 1, 1, 1], [2, 3, 5, 4], [3, 4, 700, 16]] {
            let x = Tensor::<4>::random([batch, heads, time, width], Distribution::Default, &device);
            let rows = composed(x.clone());
            assert_eq!(merge_heads(x.clone()).into_data(), rows.clone().into_data());
            assert_eq!(merge_heads(x.clone().swap_dims(0, 0)).into_data(), rows.clone().into_data());
            assert_eq!(split_heads(rows.clone(), heads).into_data(), x.clone().into_data());

            let weights = Tensor::<4>::random(x.dims(), Distribution::Default, &device);
            let found = [split_heads, split].map(|of| {
                let rows = rows.clone().autodiff().require_grad();
                let grads = (of(rows.clone(), heads) * weights.clone()).sum().backward();
                rows.grad(&grads).unwrap().into_data()
            });
            assert_eq!(found[0], found[1]);
            let weights = composed(weights);
            let found = [merge_heads, composed].map(|of| {
                let x = x.clone().autodiff().require_grad();
                let grads = (of(x.clone()) * weights.clone()).sum().backward();
                x.grad(&grads).unwrap().into_data()
            });
            assert_eq!(found[0], found[1]);
        }
    }
}
