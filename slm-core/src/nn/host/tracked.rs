//! Operations under autodiff that are made in one pass, and another one back.
//!
//! Burn's autodiff keeps a tensor for each step of a formula and goes back through all of them. Where the way back of the whole
//! formula is known, it is one operation here: [`joined`] takes its result and that way.

#[cfg(feature = "flex")]
pub(super) use on_flex::{Gradient, joined, taken};
#[cfg(not(feature = "flex"))]
pub(super) use without_flex::{Gradient, joined, taken};

#[cfg(feature = "flex")]
mod on_flex {
    use std::fmt::{self, Debug, Formatter};
    use std::sync::{Arc, Mutex};

    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, NoCheckpointing};
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, Flex};
    use burn::prelude::*;
    use burn::tensor::DType;

    use crate::nn::host::is_host;

    /// A tensor of `flex`, of any rank.
    type Plain = FloatTensor<Flex>;

    /// The gradient of what an operation gives becomes those of what it takes. It is gone once, so that what it holds may be
    /// written to on the way, and is given back then.
    #[derive(Clone)]
    struct Way<const N: usize>(Arc<Mutex<Option<Back<N>>>>);

    type Back<const N: usize> = Box<dyn FnOnce(Plain) -> [Plain; N] + Send>;

    impl<const N: usize> Debug for Way<N> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("Way")
        }
    }

    /// An operation of which autodiff knows the [`Way`] back.
    #[derive(Debug)]
    struct Joined;

    impl<const N: usize> Backward<Flex, N> for Joined {
        type State = Way<N>;

        fn backward(self, ops: Ops<Way<N>, N>, grads: &mut Gradients, _: &mut Checkpointer) {
            let Ops { parents, node, state } = ops;
            let back = state.0.lock().ok().and_then(|mut back| back.take());
            let Some(back) = back else { unreachable!("autodiff goes back through an operation once") };
            let given = back(grads.consume::<Flex>(&node));
            for (parent, gradient) in parents.into_iter().zip(given) {
                if let Some(parent) = parent {
                    grads.register::<Flex>(parent.id, gradient);
                }
            }
        }
    }

    /// Whether the values of `x` lie in this process's memory as f32, and a gradient is asked for.
    pub(in crate::nn::host) fn is_tracked_here<const D: usize>(x: &Tensor<D>) -> bool {
        x.is_autodiff() && x.dtype() == DType::F32 && is_host(&x.device())
    }

    /// Autodiff that computes activations again on the way back, which such an operation does not do: it keeps little.
    type Checkpointed = Autodiff<Flex, BalancedCheckpointing>;

    type Tracked = <Autodiff<Flex> as burn::backend::BackendTypes>::FloatTensorPrimitive;

    /// What an operation takes: a tensor of any rank, under autodiff.
    pub(in crate::nn::host) enum Taken {
        /// Under one that keeps activations.
        Kept(Tracked),
        /// Under one that computes them again.
        Checkpointed(Tracked),
    }

    /// `x` as something that an operation takes. `None` where it is no f32 of `flex` under autodiff.
    pub(in crate::nn::host) fn taken<const D: usize>(x: &Tensor<D>) -> Option<Taken> {
        if !is_tracked_here(x) {
            return None;
        }
        let kept = x.clone().try_into_primitive::<Autodiff<Flex>>().ok().map(Taken::Kept);
        kept.or_else(|| x.clone().try_into_primitive::<Checkpointed>().ok().map(Taken::Checkpointed))
    }

    /// `value` as what an operation made of `of`, whose gradients `back` makes of its own. Both are without autodiff, on `flex`.
    pub(in crate::nn::host) fn joined<const E: usize, const N: usize>(
        of: [Taken; N],
        value: Tensor<E>,
        back: impl FnOnce(Tensor<E>) -> [Gradient; N] + Send + 'static,
    ) -> Tensor<E> {
        let way: Back<N> = Box::new(move |gradient: Plain| {
            back(Tensor::from_primitive::<Flex>(gradient)).map(|Gradient(of)| of)
        });
        let is_checkpointed = of.iter().any(|one| matches!(one, Taken::Checkpointed(_)));
        let nodes = of.map(|(Taken::Kept(x) | Taken::Checkpointed(x))| x.node());
        let value = plain(value);
        let made = match Joined.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(Way(Arc::new(Mutex::new(Some(way)))), value),
            OpsKind::UnTracked(step) => step.finish(value),
        };
        if is_checkpointed {
            Tensor::from_primitive::<Checkpointed>(made)
        } else {
            Tensor::from_primitive::<Autodiff<Flex>>(made)
        }
    }

    /// A gradient of any rank.
    pub(in crate::nn::host) struct Gradient(Plain);

    impl<const D: usize> From<Tensor<D>> for Gradient {
        fn from(x: Tensor<D>) -> Self {
            Self(plain(x))
        }
    }

    fn plain<const D: usize>(x: Tensor<D>) -> Plain {
        match x.try_into_primitive::<Flex>() {
            Ok(x) => x,
            Err(error) => unreachable!("an operation's tensors are of `flex`: {error:?}"),
        }
    }
}

/// Without that backend no values are here.
#[cfg(not(feature = "flex"))]
mod without_flex {
    use burn::prelude::*;

    pub(in crate::nn::host) enum Taken {}

    pub(in crate::nn::host) fn taken<const D: usize>(_: &Tensor<D>) -> Option<Taken> {
        None
    }

    pub(in crate::nn::host) fn joined<const E: usize, const N: usize>(
        _: [Taken; N],
        value: Tensor<E>,
        _: impl FnOnce(Tensor<E>) -> [Gradient; N] + Send + 'static,
    ) -> Tensor<E> {
        value
    }

    pub(in crate::nn::host) struct Gradient;

    impl<const D: usize> From<Tensor<D>> for Gradient {
        fn from(_: Tensor<D>) -> Self {
            Self
        }
    }
}
