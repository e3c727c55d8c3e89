//! The linear maps of a module, by their paths.

use std::collections::BTreeMap;

use burn::module::{ModuleVisitor, Param, ParamId, Reparameterizer};
use burn::prelude::*;

use super::path::ModulePath;
use crate::nn::low_rank::LowRank;

/// Inputs and outputs of every linear map of `module`, by its path (`layers.0.self_attn.q_proj`).
pub(crate) fn linears<M: Module>(module: &M) -> BTreeMap<String, [usize; 2]> {
    matrices(module).into_iter().map(|(path, (_, shape))| (path, shape)).collect()
}

/// The same module with thin matrices beside the matrices of linear maps, by the paths of [`linears`]. Everything else,
/// the matrices included, is shared with `module`; those that it has already are added to its matrices.
pub(crate) fn attach<M: Module>(module: M, mut thin: BTreeMap<String, LowRank>) -> M {
    let module = module.materialize();
    let by_id = matrices(&module).into_iter().filter_map(|(path, (id, _))| Some((id, thin.remove(&path)?)));
    let by_id = by_id.collect();
    module.apply_reparameterization(Attach { by_id })
}

/// The matrix `[in, out]` of the linear map at `path`.
pub(crate) fn matrix<M: Module>(module: &M, path: &str) -> Option<Tensor<2>> {
    struct Find {
        wanted: ParamId,
        found: Option<Tensor<2>>,
    }
    impl ModuleVisitor for Find {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.id == self.wanted
                && let [inputs, outputs] = param.lazy_shape().to_vec()[..]
            {
                self.found = Some(param.val().reshape([inputs, outputs]));
            }
        }
    }
    let (wanted, _) = matrices(module).remove(path)?;
    let mut find = Find { wanted, found: None };
    module.visit(&mut find);
    find.found
}

/// The matrix of every linear map, by its path: its id, its inputs and its outputs.
fn matrices<M: Module>(module: &M) -> BTreeMap<String, (ParamId, [usize; 2])> {
    #[derive(Default)]
    struct List {
        path: ModulePath,
        found: BTreeMap<String, (ParamId, [usize; 2])>,
    }
    impl ModuleVisitor for List {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(path) = self.path.linear()
                && let [inputs, outputs] = param.lazy_shape().to_vec()[..]
            {
                self.found.insert(path, (param.id, [inputs, outputs]));
            }
        }
    }
    let mut list = List::default();
    module.visit(&mut list);
    list.found
}

/// Puts thin matrices beside the parameters of these ids.
struct Attach {
    by_id: BTreeMap<ParamId, LowRank>,
}

impl Reparameterizer for Attach {
    type Reparam = LowRank;

    fn reparameterize<const D: usize>(
        &mut self,
        _: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LowRank>) {
        let thin = self.by_id.remove(&param.id);
        (param, thin)
    }
}
