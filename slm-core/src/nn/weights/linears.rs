//! The linear maps of a module, by their paths.

use std::collections::BTreeMap;

use burn::module::{ModuleVisitor, Param, ParamId, Reparameterization, Reparameterizer};
use burn::prelude::*;

use super::path::ModulePath;
use crate::nn::low_rank::LowRank;

/// Inputs and outputs of every linear map of `module`, by its path (`layers.0.self_attn.q_proj`).
pub(crate) fn linears<M: Module>(module: &M) -> BTreeMap<String, [usize; 2]> {
    matrices(module).into_iter().map(|(path, (_, shape))| (path, shape)).collect()
}

/// The same module with thin matrices beside the matrices of linear maps, by the paths of [`linears`]. Everything else,
/// the matrices included, is shared with `module`; those that it has already are added to its matrices, and blocks of few bits
/// become floats.
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

/// Puts something beside the parameters of these ids.
pub(super) struct Attach<R> {
    pub(super) by_id: BTreeMap<ParamId, R>,
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

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::Distribution;

    use super::*;
    use crate::nn::matrix::{MatrixLinear, WideLinear};

    /// Two maps, of which one is in f32 where the other has 16 bits.
    #[derive(Module, Debug)]
    struct Maps {
        first: MatrixLinear,
        second: WideLinear,
    }

    impl Maps {
        fn forward(&self, x: Tensor<2>) -> Tensor<2> {
            self.second.forward(self.first.forward(x))
        }
    }

    fn values(x: Tensor<2>) -> Vec<f32> {
        x.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn beside_a_matrix_or_added_to_it_they_say_the_same_and_the_base_stays() {
        let device = Device::flex();
        device.seed(3);
        let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let linear = |input, output| LinearConfig::new(input, output).init(&device);
        let base = Maps { first: linear(6, 5).into(), second: linear(5, 4).into() }.freeze();
        let x = random([3, 6]);
        let before = values(base.forward(x.clone()));
        let thin = [
            ("first".to_owned(), LowRank::new(random([6, 2]), random([2, 5]))),
            ("second".to_owned(), LowRank::new(random([5, 2]), random([2, 4]))),
        ];
        let apart = attach(base.clone(), thin.into());
        let merged = apart.clone().materialize();
        assert!(merged.first.weight.reparameterization::<LowRank>().is_none());
        let (found, expected) = (values(apart.forward(x.clone())), values(merged.forward(x.clone())));
        let gap = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(gap < 1e-4, "{gap}");
        assert!(found.iter().zip(&before).any(|(a, b)| (a - b).abs() > 0.1));
        assert_eq!(values(base.forward(x)), before);
        assert_eq!(base.num_params() + (6 + 5 + 5 + 4) * 2, apart.num_params());
    }
}
