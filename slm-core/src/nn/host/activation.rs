//! Activations in place.

use burn::prelude::*;
use burn::tensor::activation;
use rayon::prelude::*;

use super::exp::{gelu, gelu_slope, gelu_tanh, gelu_tanh_slope, sigmoid, sigmoid_slope, silu, silu_slope};
use super::lanes::{Kernel, Lanes, run};
use super::tracked::{Gradient, joined, taken};
use super::values::Values;
use super::{AT_ONCE, CHUNK, in_place, is_here};
use crate::nn::ActivationKind;

/// `x` becomes `of(x)`.
struct Each<'a, F>(&'a mut [f32], F);

impl<F: Fn(f32) -> f32> Kernel for Each<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for value in self.0 {
            *value = (self.1)(*value);
        }
    }
}

/// `x` becomes `of(x, y)`.
struct Pairs<'a, F>(&'a mut [f32], &'a [f32], F);

impl<F: Fn(f32, f32) -> f32> Kernel for Pairs<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (value, &other) in self.0.iter_mut().zip(self.1) {
            *value = (self.2)(*value, other);
        }
    }
}

/// The way back of `of(x) * gate`: the gradient of the result becomes that of `x`, and that of the gate is put down.
struct GatedBack<'a, F, G> {
    gradient: &'a mut [f32],
    of_gate: &'a mut [f32],
    x: &'a [f32],
    gate: &'a [f32],
    of: F,
    slope: G,
}

impl<F: Fn(f32) -> f32, G: Fn(f32) -> f32> Kernel for GatedBack<'_, F, G> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let read = self.x.iter().zip(self.gate);
        for ((gradient, of_gate), (&x, &gate)) in self.gradient.iter_mut().zip(self.of_gate).zip(read) {
            *of_gate = *gradient * (self.of)(x);
            *gradient *= gate * (self.slope)(x);
        }
    }
}

fn each(values: &mut [f32], of: impl Fn(f32) -> f32 + Copy + Sync + Send) {
    let chunks = values.par_chunks_mut(CHUNK).with_min_len(AT_ONCE / CHUNK);
    chunks.for_each(|chunk| run(Each(chunk, of)));
}

fn pairs(values: &mut [f32], others: &[f32], of: impl Fn(f32, f32) -> f32 + Copy + Sync + Send) {
    let chunks = values.par_chunks_mut(CHUNK).zip(others.par_chunks(CHUNK));
    chunks.with_min_len(AT_ONCE / CHUNK).for_each(|(chunk, other)| run(Pairs(chunk, other, of)));
}

/// The operations that [`activate`] stands for.
fn composed<const D: usize>(kind: ActivationKind, x: Tensor<D>) -> Tensor<D> {
    match kind {
        ActivationKind::Relu => activation::relu(x),
        ActivationKind::Gelu => activation::gelu(x),
        ActivationKind::GeluTanh => activation::gelu_approximate(x),
        ActivationKind::Silu => activation::silu(x),
    }
}

/// The function `of` of every value of `x`, whose slope is `slope`, under autodiff; `None` where its values are not here.
fn tracked<const D: usize>(
    x: &Tensor<D>,
    of: impl Fn(f32) -> f32 + Copy + Sync + Send,
    slope: impl Fn(f32) -> f32 + Copy + Sync + Send + 'static,
) -> Option<Tensor<D>> {
    let taken = taken(x)?;
    let x = Values::of(x.clone().inner());
    let mut y = x.clone();
    each(y.get_mut(), of);
    let back = move |gradient: Tensor<D>| {
        let mut gradient = Values::of(gradient);
        times(gradient.get_mut(), x.get(), slope);
        [Gradient::from(gradient.into_tensor::<D>())]
    };
    Some(joined([taken], y.into_tensor::<D>(), back))
}

/// `of(x) * gate`, where `slope` is that of `of`, under autodiff; `None` where the values of one are not here.
fn gated_tracked<const D: usize>(
    x: &Tensor<D>,
    gate: &Tensor<D>,
    of: impl Fn(f32) -> f32 + Copy + Sync + Send + 'static,
    slope: impl Fn(f32) -> f32 + Copy + Sync + Send + 'static,
) -> Option<Tensor<D>> {
    let both = [taken(x)?, taken(gate)?];
    if x.dims() != gate.dims() {
        return None;
    }
    let (x, gate) = (Values::of(x.clone().inner()), Values::of(gate.clone().inner()));
    let mut y = gate.clone();
    times(y.get_mut(), x.get(), of);
    let back = move |gradient: Tensor<D>| {
        let mut of_gate = Values::zeros(&gradient.dims());
        let mut gradient = Values::of(gradient);
        let chunks = gradient.get_mut().par_chunks_mut(CHUNK).zip(of_gate.get_mut().par_chunks_mut(CHUNK));
        let chunks = chunks.zip(x.get().par_chunks(CHUNK)).zip(gate.get().par_chunks(CHUNK));
        chunks.with_min_len(AT_ONCE / CHUNK).for_each(|(((gradient, of_gate), x), gate)| {
            run(GatedBack { gradient, of_gate, x, gate, of, slope });
        });
        [gradient, of_gate].map(|gradient| Gradient::from(gradient.into_tensor::<D>()))
    };
    Some(joined(both, y.into_tensor::<D>(), back))
}

/// `values` becomes `values * of(x)`.
fn times(values: &mut [f32], x: &[f32], of: impl Fn(f32) -> f32 + Copy + Sync + Send) {
    pairs(
        values,
        x,
        #[inline(always)]
        |value: f32, x: f32| value * of(x),
    );
}

/// The activation of every value under autodiff, where it is more than one step.
fn activate_tracked<const D: usize>(kind: ActivationKind, x: &Tensor<D>) -> Option<Tensor<D>> {
    match kind {
        ActivationKind::Relu => None,
        ActivationKind::Gelu => tracked(x, gelu, gelu_slope),
        ActivationKind::GeluTanh => tracked(x, gelu_tanh, gelu_tanh_slope),
        ActivationKind::Silu => tracked(x, silu, silu_slope),
    }
}

/// The same times a gate.
fn activate_gated_tracked<const D: usize>(
    kind: ActivationKind,
    x: &Tensor<D>,
    gate: &Tensor<D>,
) -> Option<Tensor<D>> {
    match kind {
        ActivationKind::Relu => None,
        ActivationKind::Gelu => gated_tracked(x, gate, gelu, gelu_slope),
        ActivationKind::GeluTanh => gated_tracked(x, gate, gelu_tanh, gelu_tanh_slope),
        ActivationKind::Silu => gated_tracked(x, gate, silu, silu_slope),
    }
}

/// The first half of the last axis times the sigmoid of the second, under autodiff; `None` where the values are not here.
fn glu_tracked<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
    let taken = taken(x)?;
    let dims = x.dims();
    let width = dims[D - 1];
    let half = width / 2;
    let x = Values::of(x.clone().inner());
    let y = glu_of_rows(&x, dims);
    let back = move |gradient: Tensor<D>| {
        let mut dims = gradient.dims();
        dims[D - 1] = width;
        let (gradient, mut of_x) = (Values::of(gradient), Values::zeros(&dims));
        let rows = of_x.get_mut().par_chunks_mut(width.max(1)).zip(x.get().par_chunks(width.max(1)));
        let rows = rows.zip(gradient.get().par_chunks(half.max(1)));
        rows.with_min_len(AT_ONCE.div_ceil(width.max(1))).for_each(|((of_x, x), gradient)| {
            let (values, gates) = x.split_at(half);
            let (of_values, of_gates) = of_x.split_at_mut(half);
            of_values.copy_from_slice(gradient);
            run(Pairs(of_values, gates, x_sigmoid));
            of_gates.copy_from_slice(gradient);
            run(Pairs(of_gates, values, product));
            run(Pairs(of_gates, gates, x_sigmoid_slope));
        });
        [Gradient::from(of_x.into_tensor::<D>())]
    };
    Some(joined([taken], y.into_tensor::<D>(), back))
}

/// The first half of each row of `x`, of these dimensions, times the sigmoid of the second.
fn glu_of_rows<const D: usize>(x: &Values, mut dims: [usize; D]) -> Values {
    let width = dims[D - 1];
    let half = width / 2;
    dims[D - 1] = half;
    let mut y = Values::zeros(&dims);
    let rows = y.get_mut().par_chunks_mut(half.max(1)).zip(x.get().par_chunks(width.max(1)));
    rows.with_min_len(AT_ONCE.div_ceil(width.max(1))).for_each(|(y, x)| {
        let (values, gates) = x.split_at(half);
        y.copy_from_slice(values);
        run(Pairs(y, gates, x_sigmoid));
    });
    y
}

#[inline(always)]
fn product(x: f32, y: f32) -> f32 {
    x * y
}

#[inline(always)]
fn x_sigmoid(x: f32, gate: f32) -> f32 {
    x * sigmoid(gate)
}

#[inline(always)]
fn x_sigmoid_slope(x: f32, gate: f32) -> f32 {
    x * sigmoid_slope(gate)
}

/// The activation of every value.
pub(crate) fn activate<const D: usize>(kind: ActivationKind, x: Tensor<D>) -> Tensor<D> {
    if !is_here(&x) {
        return activate_tracked(kind, &x).unwrap_or_else(|| composed(kind, x));
    }
    let work = |values: &mut [f32]| match kind {
        ActivationKind::Relu => each(
            values,
            #[inline(always)]
            |x: f32| if x < 0.0 { 0.0 } else { x },
        ),
        ActivationKind::Gelu => each(values, gelu),
        ActivationKind::GeluTanh => each(values, gelu_tanh),
        ActivationKind::Silu => each(values, silu),
    };
    in_place(x, work)
}

/// The activation of every value of `x`, times that of `gate` in its place.
pub(crate) fn activate_gated<const D: usize>(
    kind: ActivationKind,
    x: Tensor<D>,
    gate: Tensor<D>,
) -> Tensor<D> {
    if !is_here(&x) || !is_here(&gate) || x.dims() != gate.dims() {
        return match activate_gated_tracked(kind, &x, &gate) {
            Some(y) => y,
            None => activate(kind, x) * gate,
        };
    }
    let gate = Values::of(gate);
    let others = gate.get();
    let work = |values: &mut [f32]| match kind {
        ActivationKind::Relu => {
            pairs(
                values,
                others,
                #[inline(always)]
                |x: f32, gate: f32| if x < 0.0 { 0.0 } else { x * gate },
            );
        }
        ActivationKind::Gelu => pairs(
            values,
            others,
            #[inline(always)]
            |x: f32, gate: f32| gelu(x) * gate,
        ),
        ActivationKind::GeluTanh => {
            pairs(
                values,
                others,
                #[inline(always)]
                |x: f32, gate: f32| gelu_tanh(x) * gate,
            );
        }
        ActivationKind::Silu => pairs(
            values,
            others,
            #[inline(always)]
            |x: f32, gate: f32| silu(x) * gate,
        ),
    };
    in_place(x, work)
}

/// The first half of `dim` times the sigmoid of the second.
pub(crate) fn glu<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    if !is_here(&x) {
        let tracked = if dim == D - 1 { glu_tracked(&x) } else { None };
        return tracked.unwrap_or_else(|| activation::glu(x, dim));
    }
    if dim == D - 1 {
        return glu_of_rows(&Values::of(x.clone()), x.dims()).into_tensor();
    }
    let half = x.dims()[dim] / 2;
    let gate = Values::of(x.clone().narrow(dim, half, half));
    in_place(x.narrow(dim, 0, half), |values| pairs(values, gate.get(), x_sigmoid))
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    const KINDS: [ActivationKind; 4] =
        [ActivationKind::Relu, ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Silu];

    fn random(shape: [usize; 3], device: &Device) -> Tensor<3> {
        Tensor::random(shape, Distribution::Normal(0.0, 3.0), device)
    }

    fn gap(found: Tensor<3>, expected: Tensor<3>) -> f32 {
        assert_eq!(found.dims(), expected.dims());
        (found - expected).abs().max().try_into_scalar::<f32>().unwrap()
    }

    /// The naive twins are Burn's operations. Sizes: less than a chunk, and several with a rest.
    #[test]
    fn they_are_the_operations_of_burn() {
        let device = Device::flex();
        device.seed(11);
        for shape in [[1, 3, 6], [2, 57, 334]] {
            let (x, gate) = (random(shape, &device), random(shape, &device));
            for kind in KINDS {
                assert!(gap(activate(kind, x.clone()), composed(kind, x.clone())) < 2e-6, "{kind:?}");
                let found = activate_gated(kind, x.clone(), gate.clone());
                assert!(gap(found, composed(kind, x.clone()) * gate.clone()) < 2e-5, "{kind:?}, gated");
                // A view is read in its own order.
                let turned = x.clone().swap_dims(1, 2);
                let expected = composed(kind, x.clone()).swap_dims(1, 2);
                assert!(gap(activate(kind, turned), expected) < 2e-6, "{kind:?}, of a view");
            }
            for dim in [1, 2] {
                let even = x.clone().narrow(dim, 0, shape[dim] / 2 * 2);
                assert!(gap(glu(even.clone(), dim), activation::glu(even, dim)) < 2e-6);
            }
        }
    }

    #[test]
    fn other_holders_of_the_values_keep_theirs() {
        let device = Device::flex();
        let x = random([1, 4, 8], &device);
        let before = x.clone().into_data();
        activate(ActivationKind::Silu, x.clone());
        activate_gated(ActivationKind::Silu, x.clone(), x.clone());
        glu(x.clone(), 2);
        assert_eq!(x.into_data(), before);
    }

    /// The naive twins are Burn's operations, and what its autodiff makes of them.
    #[test]
    fn under_autodiff_values_and_gradients_are_those_of_the_operations() {
        let device = Device::flex().autodiff();
        device.seed(13);
        let values = random([2, 57, 334], &device).inner();
        let weights = random([2, 57, 334], &device).inner();
        let both = |of: &dyn Fn(Tensor<3>) -> Tensor<3>| {
            let x = values.clone().autodiff().require_grad();
            let y = of(x.clone());
            let width = y.dims()[2];
            let grads = (y.clone() * weights.clone().narrow(2, 0, width)).sum().backward();
            (y.inner(), x.grad(&grads).unwrap())
        };
        let same = |found: &dyn Fn(Tensor<3>) -> Tensor<3>, expected: &dyn Fn(Tensor<3>) -> Tensor<3>| {
            let ((y, gradient), (expected, wanted)) = (both(found), both(expected));
            // Over what rounding to f32 allows at such a size.
            let off = |found: Tensor<3>, expected: Tensor<3>| {
                gap(found, expected.clone()) / (1.0 + expected.abs().max().into_scalar::<f32>())
            };
            assert!(off(y, expected) < 2e-6 && off(gradient, wanted) < 2e-6);
        };
        for kind in KINDS {
            same(&|x| activate(kind, x), &|x| composed(kind, x));
            same(&|x| activate_gated(kind, x.clone(), x), &|x| composed(kind, x.clone()) * x);
        }
        same(&|x| glu(x, 2), &|x| activation::glu(x, 2));
    }
}
