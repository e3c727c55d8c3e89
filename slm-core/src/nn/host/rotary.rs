//! Rotary positions, where the values lie.
//!
//! Burn's operations make six tensors of it. Shapes: `B` rows, `T` positions, `H` heads of width `K`.

use burn::prelude::*;
use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, run};
use super::values::Values;
use super::{AT_ONCE, in_place, is_here};

/// The heads of a position and its angles.
struct Position<'a> {
    /// `[H, K]`.
    heads: &'a mut [f32],
    /// `[K]`.
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Kernel for Position<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let half = self.cos.len() / 2;
        let ((cos, cos_later), (sin, sin_later)) = (self.cos.split_at(half), self.sin.split_at(half));
        for head in self.heads.chunks_exact_mut(2 * half) {
            let (first, second) = head.split_at_mut(half);
            for i in 0..half {
                let (a, b) = (first[i], second[i]);
                first[i] = a * cos[i] - b * sin[i];
                second[i] = b * cos_later[i] + a * sin_later[i];
            }
        }
    }
}

/// The pairs `(x[i], x[i + K/2])` of each head of `x` `[B, T, H, K]`, turned by the angles of `cos` and `sin` `[1, T, 1, K]`.
pub(crate) fn rotate(x: Tensor<4>, cos: &Tensor<4>, sin: &Tensor<4>) -> Tensor<4> {
    let [_, time, heads, width] = x.dims();
    let are_here = is_here(&x) && is_here(cos) && is_here(sin);
    if !are_here || time * heads * width == 0 || !width.is_multiple_of(2) {
        return composed(x, cos, sin);
    }
    let (cos, sin) = (Values::of(cos.clone()), Values::of(sin.clone()));
    in_place(x, |values| {
        let positions = values.par_chunks_mut(heads * width).with_min_len(AT_ONCE.div_ceil(heads * width));
        positions.enumerate().for_each(|(at, heads)| {
            let of = at % time * width..(at % time + 1) * width;
            run(Position { heads, cos: &cos.get()[of.clone()], sin: &sin.get()[of] });
        });
    })
}

/// The operations that [`rotate`] stands for.
fn composed(x: Tensor<4>, cos: &Tensor<4>, sin: &Tensor<4>) -> Tensor<4> {
    let [_, _, _, width] = x.dims();
    let half = width / 2;
    let (first, second) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
    let turned = Tensor::cat(vec![second.neg(), first], 3);
    x * cos.clone() + turned * sin.clone()
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    /// The naive twin is made of Burn's operations.
    #[test]
    fn in_place_is_what_the_operations_give() {
        let device = Device::flex();
        device.seed(37);
        for [batch, time, heads, width] in [[1, 1, 1, 2], [2, 5, 3, 6], [3, 70, 12, 64]] {
            let random = |shape| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let (cos, sin) = (random([1, time, 1, width]), random([1, time, 1, width]));
            let x = random([batch, time, heads, width]);
            for x in [x.clone(), random([batch, heads, time, width]).swap_dims(1, 2)] {
                let before = x.clone().into_data();
                let gap = (rotate(x.clone(), &cos, &sin) - composed(x.clone(), &cos, &sin)).abs().max();
                assert!(gap.try_into_scalar::<f32>().unwrap() < 1e-6);
                assert_eq!(x.into_data(), before);
            }
        }
    }
}
