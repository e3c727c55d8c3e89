//! What lies beside the parameters of a module, put there by their ids.

use std::collections::BTreeMap;

use burn::module::{Param, ParamId, Reparameterization, Reparameterizer};
use burn::prelude::*;

/// `module` with something beside the parameters of these ids, which have nothing beside them.
pub(super) fn attach<M: Module, R: Reparameterization>(module: M, by_id: BTreeMap<ParamId, R>) -> M {
    if by_id.is_empty() { module } else { module.apply_reparameterization(Attach { by_id }) }
}

/// Puts something beside the parameters of these ids.
struct Attach<R> {
    by_id: BTreeMap<ParamId, R>,
}

impl<R: Reparameterization> Reparameterizer for Attach<R> {
    type Reparam = R;

    fn reparameterize<const D: usize>(
        &mut self,
        _: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<R>) {
        let beside = self.by_id.remove(&param.id);
        (param, beside)
    }
}
