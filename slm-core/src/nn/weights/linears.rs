//! The linear maps of a module, by their paths.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId, Reparameterization};
use burn::prelude::*;

use super::path::ModulePath;
use crate::nn::beside;
use crate::nn::few_bits::FewBits;
use crate::nn::low_rank::{Half, LowRank};

/// Inputs and outputs of every linear map of `module`, by its path (`layers.0.self_attn.q_proj`).
pub(crate) fn linears<M: Module>(module: &M) -> BTreeMap<String, [usize; 2]> {
    matrices(module).into_iter().map(|(path, (_, shape))| (path, shape)).collect()
}

/// The same module with thin matrices beside the matrices of linear maps, by the paths of [`linears`]. Everything else,
/// the matrices and their blocks included, is shared with `module`; those that it has already stay beside the new ones. Thin
/// matrices under autodiff, in training, are alone beside matrices of floats.
pub(crate) fn attach<M: Module>(module: M, thin: BTreeMap<String, LowRank>) -> M {
    if thin.values().any(|thin| thin.down().is_autodiff()) {
        return attach_alone(module.materialize(), thin);
    }
    let mut fill = FillPlaces { path: ModulePath::default(), map: None, thin, filled: BTreeSet::new() };
    let module = module.map(&mut fill);
    let FillPlaces { mut thin, filled, .. } = fill;
    thin.retain(|path, _| !filled.contains(path));
    attach_alone(module, thin)
}

/// The same where the matrices have nothing beside them.
fn attach_alone<M: Module>(module: M, mut thin: BTreeMap<String, LowRank>) -> M {
    let by_id = matrices(&module).into_iter().filter_map(|(path, (id, _))| Some((id, thin.remove(&path)?)));
    beside::attach(module, by_id.collect())
}

/// The same module with the thin matrices added to the matrices. Beside blocks of few bits they stay: the sum has no such
/// blocks.
pub(crate) fn merge<M: Module>(module: M) -> M {
    if has_blocks(&module) { module } else { module.materialize() }
}

/// Whether some of the matrices are in blocks of few bits.
pub(crate) fn has_blocks<M: Module>(module: &M) -> bool {
    struct Find(bool);
    impl ModuleVisitor for Find {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0 |= name == FewBits::NAME;
        }
    }
    let mut find = Find(false);
    module.visit(&mut find);
    find.0
}

/// Puts thin matrices where there are places for them, beside those that are there.
struct FillPlaces {
    path: ModulePath,
    /// The linear map whose matrix was met last.
    map: Option<String>,
    thin: BTreeMap<String, LowRank>,
    filled: BTreeSet<String>,
}

impl ModuleMapper for FillPlaces {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(half) = self.path.thin() else {
            self.map = self.path.linear();
            return param;
        };
        let found = self.map.as_ref().and_then(|map| Some((map, self.thin.get(map)?)));
        let Some((map, thin)) = found else { return param };
        self.filled.insert(map.clone());
        let (own, rank) = match half {
            Half::Down => (thin.down(), 1),
            Half::Up => (thin.up(), 0),
        };
        let dims = dims::<D>(own.dims());
        let own = own.reshape(dims);
        let is_empty = param.lazy_shape().num_elements() == 0;
        let whole = if is_empty { own } else { Tensor::cat(vec![param.val(), own], rank) };
        Param::initialized(ParamId::new(), whole)
    }
}

/// The sizes of a matrix as those of a tensor of `D` dimensions, which are two.
fn dims<const D: usize>(matrix: [usize; 2]) -> [usize; D] {
    std::array::from_fn(|axis| matrix.get(axis).copied().unwrap_or(1))
}

/// The matrix `[in, out]` of the linear map at `path`, without what lies beside it: of one in blocks of few bits it is none.
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

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::Distribution;

    use super::*;
    use crate::checkpoint::gguf::{BlockType, quantize};
    use crate::nn::few_bits::Orientation;
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

    fn wide(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| f64::from(value)).collect()
    }

    /// `[R, I]` times `[I, O]`.
    fn twin(x: &[f64], matrix: &[f64], inputs: usize) -> Vec<f64> {
        let outputs = matrix.len() / inputs;
        let cell =
            |row: &[f64], output: usize| (0..inputs).map(|i| row[i] * matrix[outputs * i + output]).sum();
        x.chunks(inputs).flat_map(|row| (0..outputs).map(|o| cell(row, o)).collect::<Vec<f64>>()).collect()
    }

    fn plus(a: &[f64], b: &[f64]) -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    /// The largest gap, as a part of the size.
    fn gap(found: &[f32], expected: &[f64]) -> f64 {
        let size = (expected.iter().map(|value| value * value).sum::<f64>() / expected.len() as f64).sqrt();
        found.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max) / size
    }

    /// Beside blocks: the blocks stay, and products are those of the dequantized matrix and of the thin ones, in f64; also of
    /// several, one after the other.
    #[test]
    fn beside_blocks_they_are_added_and_the_blocks_stay() {
        let device = Device::flex();
        device.seed(8);
        let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let blocks = quantize(BlockType::Q4_0, [48, 64], &values(random([48, 64]))).unwrap();
        let dense =
            Tensor::<2>::from_data(TensorData::new(blocks.dequantize(), [48, 64]), &device).transpose();
        let linear = |input, output| LinearConfig::new(input, output).with_bias(false).init(&device);
        let base = Maps { first: linear(64, 48).into(), second: linear(48, 4).into() }.freeze();
        let few = FewBits::new(blocks, Orientation::Columns).unwrap();
        let base = beside::attach(base.clone(), [(base.first.weight.id, few)].into());
        let thin: Vec<[Tensor<2>; 2]> = [2, 3].map(|rank| [random([64, rank]), random([rank, 48])]).into();
        let with = |base: &Maps, [down, up]: &[Tensor<2>; 2]| {
            attach(base.clone(), [("first".to_owned(), LowRank::new(down.clone(), up.clone()))].into())
        };
        let one = with(&base, &thin[0]);
        let both = with(&one, &thin[1]);
        for rows in [3, 20] {
            let x = random([rows, 64]);
            let of = wide(&values(x.clone()));
            let added = |[down, up]: &[Tensor<2>; 2]| {
                let inner = twin(&of, &wide(&values(down.clone())), 64);
                twin(&inner, &wide(&values(up.clone())), down.dims()[1])
            };
            let own = twin(&of, &wide(&values(dense.clone())), 64);
            let with_one = plus(&own, &added(&thin[0]));
            let with_both = plus(&with_one, &added(&thin[1]));
            for (model, expected) in [(&base, own), (&one, with_one), (&both, with_both)] {
                assert!(model.first.weight.reparameterization::<FewBits>().is_some());
                // Rows are multiplied as whole numbers of eight bits, or as floats.
                let found = gap(&values(model.first.forward(x.clone())), &expected);
                assert!(found < 0.03, "{rows} rows: {found}");
                // The matrix as one, for those who ask for it.
                let found = gap(&values(x.clone().matmul(model.first.weight.val())), &expected);
                assert!(found < 1e-4, "{rows} rows: {found}");
                assert!(has_blocks(&merge(model.clone())));
            }
        }
        assert_eq!(one.num_params() - base.num_params(), 2 * (64 + 48));
        assert_eq!(both.num_params() - base.num_params(), 5 * (64 + 48));
    }
}
