//! Frozen layers of which a training step keeps what they are given and nothing else.
//!
//! Burn's own checkpointing keeps the result of every product, so that nearly all of a frozen language model stays. A layer
//! whose weights get no gradient is a function of what it is given alone: [`recomputed`] runs it without autodiff, and once
//! more, with it, when its gradient is asked for. That is done where the device asks for gradient checkpointing and the layer
//! allows it ([`recomputes`]).
//! Paper: Chen et al. 2016, *Training Deep Nets with Sublinear Memory Cost*, arXiv 1604.06174.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;

/// Tensors to a tensor.
type Layer<const N: usize> = Arc<dyn Fn([Tensor<3>; N]) -> Tensor<3> + Send + Sync>;

/// Whether `module`, which is given `x`, is to keep nothing for its way back: `x` asks for it, and no weight of the module
/// gets a gradient.
pub(crate) fn recomputes<M: Module>(x: &Tensor<3>, module: &M) -> bool {
    x.is_autodiff() && is_checkpointed(x) && is_frozen(module)
}

/// What `layer` makes of `of`, which ask for gradient checkpointing. `layer` has no weights that get gradients, and gives the
/// same each time. What it holds is without autodiff: masks and positions are made on [`Device::inner`].
pub(crate) fn recomputed<const N: usize>(
    of: [Tensor<3>; N],
    layer: impl Fn([Tensor<3>; N]) -> Tensor<3> + Send + Sync + 'static,
) -> Tensor<3> {
    let layer: Layer<N> = Arc::new(layer);
    match made(&of, &layer) {
        Some(made) => made,
        // Something of it gets no gradient, as the words of a target do not.
        None => layer(of),
    }
}

/// Whether no weight of `module` gets a gradient.
fn is_frozen<M: Module>(module: &M) -> bool {
    let mut found = Trained(false);
    module.visit(&mut found);
    !found.0
}

/// Whether a weight was seen that gets a gradient.
struct Trained(bool);

impl ModuleVisitor for Trained {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0 |= param.lazy_device().is_autodiff();
    }
}

/// What an operation keeps: the layer, and what it was given, without autodiff.
#[derive(Clone)]
struct Given<const N: usize> {
    layer: Layer<N>,
    of: [Tensor<3>; N],
}

impl<const N: usize> Debug for Given<N> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}

/// The same for each backend: autodiff is told of operations by the types of a backend.
macro_rules! backends {
    ($($name:ident: $backend:ty, where $condition:meta;)*) => {
        $(
            #[cfg($condition)]
            mod $name {
                use std::sync::Arc;

                use burn::backend::Autodiff;
                use burn::backend::autodiff::checkpoint::base::Checkpointer;
                use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, NoCheckpointing};
                use burn::backend::autodiff::grads::Gradients;
                use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
                use burn::prelude::*;

                use super::{Given, Layer};

                type Plain = $backend;
                type Tracked = Autodiff<Plain, BalancedCheckpointing>;

                /// An operation that is made again on the way back.
                #[derive(Debug)]
                struct Again;

                impl<const N: usize> Backward<Plain, N> for Again {
                    type State = Given<N>;

                    fn backward(self, ops: Ops<Given<N>, N>, grads: &mut Gradients, _: &mut Checkpointer) {
                        let Ops { parents, node, state: Given { layer, of } } = ops;
                        let gradient = Tensor::<3>::from_primitive::<Plain>(grads.consume::<Plain>(&node));
                        let leaves = of.map(|x| x.autodiff().require_grad());
                        // The gradient of this sum is that of the result.
                        let inner = (layer(leaves.clone()) * gradient).sum().backward();
                        for (parent, leaf) in parents.into_iter().zip(leaves) {
                            let (Some(parent), Some(given)) = (parent, leaf.grad(&inner)) else { continue };
                            let Ok(given) = given.try_into_primitive::<Plain>() else { continue };
                            grads.register::<Plain>(parent.id, given);
                        }
                    }
                }

                pub(super) fn is_checkpointed(x: &Tensor<3>) -> bool {
                    x.clone().try_into_primitive::<Tracked>().is_ok()
                }

                pub(super) fn made<const N: usize>(of: &[Tensor<3>; N], layer: &Layer<N>) -> Option<Tensor<3>> {
                    let node = |x: &Tensor<3>| x.clone().try_into_primitive::<Tracked>().ok().map(|x| x.node());
                    let nodes: Vec<_> = of.iter().map_while(node).collect();
                    let nodes: [_; N] = nodes.try_into().ok()?;
                    let of = of.clone().map(Tensor::inner);
                    let Ok(value) = layer(of.clone()).try_into_primitive::<Plain>() else {
                        unreachable!("a layer that runs again has nothing under autodiff but what it is given")
                    };
                    let made = match Again.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
                        OpsKind::Tracked(step) => step.finish(Given { layer: Arc::clone(layer), of }, value),
                        OpsKind::UnTracked(step) => step.finish(value),
                    };
                    Some(Tensor::from_primitive::<Tracked>(made))
                }
            }
        )*

        /// Whether gradient checkpointing is asked for where `x` lives.
        fn is_checkpointed(x: &Tensor<3>) -> bool {
            let mut found = false;
            $(
                #[cfg($condition)]
                {
                    found |= $name::is_checkpointed(x);
                }
            )*
            found
        }

        /// The layer's result, with the operation behind it; `None` where not all of `of` get gradients.
        fn made<const N: usize>(of: &[Tensor<3>; N], layer: &Layer<N>) -> Option<Tensor<3>> {
            let mut made = None;
            $(
                #[cfg($condition)]
                {
                    made = made.or_else(|| $name::made(of, layer));
                }
            )*
            made
        }
    };
}

backends! {
    flex: burn::backend::Flex, where feature = "flex";
    cube: burn::backend::Cube, where any(feature = "wgpu", feature = "cuda");
    ndarray: burn::backend::NdArray, where feature = "ndarray";
    torch: burn::backend::LibTorch, where feature = "tch";
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn values(x: Option<Tensor<3>>) -> Vec<f32> {
        x.and_then(|x| x.try_into_vec_as::<f32>().ok()).unwrap_or_default()
    }

    /// The sum of what two layers make of `x` and `y`, and its gradients.
    fn run(device: &Device, calls: &Arc<AtomicUsize>) -> (f32, Vec<Vec<f32>>) {
        let leaf = |values: [f32; 4]| {
            Tensor::<1>::from_data(values, device).reshape([1, 2, 2]).detach().require_grad()
        };
        let (x, y) = (leaf([0.5, -1.0, 2.0, 0.25]), leaf([1.5, 0.5, -0.5, 1.0]));
        let mut made = x.clone();
        for _ in 0..2 {
            let calls = Arc::clone(calls);
            made = recomputed([made, y.clone()], move |[x, y]| {
                calls.fetch_add(1, Ordering::Relaxed);
                (x.clone() * y).tanh() + x
            });
        }
        let sum = made.powi_scalar(2).sum();
        let value = sum.clone().inner().into_scalar::<f32>();
        let gradients = sum.backward();
        (value, vec![values(x.grad(&gradients)), values(y.grad(&gradients))])
    }

    #[test]
    fn gradients_are_those_of_layers_that_keep_all() {
        let calls = || Arc::new(AtomicUsize::new(0));
        let (kept, again) = (calls(), calls());
        let device = Device::flex().autodiff();
        let (value, gradients) = run(&device, &kept);
        let (other_value, other_gradients) = run(&device.gradient_checkpointing(), &again);
        assert!((value - other_value).abs() < 1e-6);
        assert!(gradients.iter().all(|gradient| gradient.len() == 4));
        for (one, other) in gradients.into_iter().flatten().zip(other_gradients.into_iter().flatten()) {
            assert!((one - other).abs() < 1e-5, "{one} {other}");
        }
        // Each layer ran once more.
        assert_eq!((kept.load(Ordering::Relaxed), again.load(Ordering::Relaxed)), (2, 4));
    }
}
