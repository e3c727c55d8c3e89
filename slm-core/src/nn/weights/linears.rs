//! The linear maps of a module, by their paths.

use std::collections::BTreeMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;

use super::path::ModulePath;

/// Inputs and outputs of every linear map of `module`, by its path (`layers.0.self_attn.q_proj`).
pub(crate) fn linears<M: Module>(module: &M) -> BTreeMap<String, [usize; 2]> {
    #[derive(Default)]
    struct List {
        path: ModulePath,
        found: BTreeMap<String, [usize; 2]>,
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
                self.found.insert(path, [inputs, outputs]);
            }
        }
    }
    let mut list = List::default();
    module.visit(&mut list);
    list.found
}

/// The same module, where `change` makes another matrix `[in, out]` of that of a linear map. It gets the map's path, and
/// gives `None` for one that stays.
pub(crate) fn change_linears<M: Module>(
    module: M,
    change: impl Fn(&str) -> Option<Box<dyn FnOnce(Tensor<2>) -> Tensor<2>>>,
) -> M {
    struct Change<F> {
        path: ModulePath,
        change: F,
    }
    impl<F: Fn(&str) -> Option<Box<dyn FnOnce(Tensor<2>) -> Tensor<2>>>> ModuleMapper for Change<F> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let Some(change) = self.path.linear().and_then(|path| (self.change)(&path)) else {
                return param;
            };
            let (id, tensor, mapper) = param.consume();
            let shape = tensor.dims();
            let matrix = change(tensor.reshape([shape[0], shape[D - 1]]));
            Param::from_mapped_value(id, matrix.reshape(shape), mapper)
        }
    }
    module.map(&mut Change { path: ModulePath::default(), change })
}
