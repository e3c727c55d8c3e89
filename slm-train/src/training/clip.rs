//! Clipping by the global norm. Burn's own clipping is per tensor.

use burn::module::{ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;

/// The norm of all gradients of `module` together; 0 without gradients.
pub fn global_norm<M: Module>(module: &M, grads: &GradientsParams) -> f64 {
    let mut sum = SquaredNorm { grads, total: None };
    module.visit(&mut sum);
    sum.total.map_or(0.0, |total| total.sqrt().into_scalar::<f32>().into())
}

/// Scales all gradients of `module` so that their norm, which is `norm`, becomes at most `max_norm`.
pub fn clip<M: Module>(module: &M, grads: &mut GradientsParams, norm: f64, max_norm: f64) {
    if norm > max_norm {
        module.visit(&mut Rescale { grads, factor: max_norm / norm });
    }
}

struct SquaredNorm<'a> {
    grads: &'a GradientsParams,
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            let part = grad.square().sum();
            self.total = Some(match self.total.take() {
                Some(total) => total + part,
                None => part,
            });
        }
    }
}

struct Rescale<'a> {
    grads: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Rescale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, grad * self.factor);
        }
    }
}
