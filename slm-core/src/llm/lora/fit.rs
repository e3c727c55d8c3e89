//! Whether an adapter is sound and fits a model.

use std::collections::BTreeMap;

use burn::prelude::*;
use burn::tensor::DType;

use super::config::LoraConfig;
use super::error::LoraProblem;
use super::pair::{Matrix, Pair};
use crate::nn::matrix;

/// How far a matrix may be from the one that an adapter was made beside, as a part of its size: a model in bf16 is within
/// 0.4 %.
const NEARNESS: f64 = 0.01;

/// The matrices that have another rank than the config says.
pub(super) fn rank_problems(config: &LoraConfig, pairs: &BTreeMap<String, Pair>) -> Vec<LoraProblem> {
    let of_map = |(path, pair): (&String, &Pair)| {
        let (expected, field) = config.rank(path);
        [(&pair.a, pair.a.values.shape()[0]), (&pair.b, pair.b.values.shape()[1])]
            .into_iter()
            .filter(|(_, found)| *found != expected)
            .map(|(matrix, found)| LoraProblem::Rank { name: matrix.name.clone(), field, expected, found })
            .collect::<Vec<_>>()
    };
    pairs.iter().flat_map(of_map).collect()
}

/// What does not fit the linear maps of a model, each with its inputs and outputs.
pub(super) fn problems(
    config: &LoraConfig,
    pairs: &BTreeMap<&String, &Pair>,
    maps: &BTreeMap<String, [usize; 2]>,
) -> Vec<LoraProblem> {
    let mut problems = Vec::new();
    for target in config.targets() {
        if !maps.keys().any(|path| is_named(path, target)) {
            problems.push(LoraProblem::Target(target.clone()));
        }
    }
    for (path, pair) in pairs {
        let Some([inputs, outputs]) = maps.get(*path) else {
            problems.push(LoraProblem::Place(pair.a.name.clone()));
            continue;
        };
        let (rank, _) = config.rank(path);
        for (matrix, expected) in [(&pair.a, [rank, *inputs]), (&pair.b, [*outputs, rank])] {
            let found = matrix.values.shape().to_vec();
            if found != expected {
                let expected = expected.to_vec();
                problems.push(LoraProblem::Shape { name: matrix.name.clone(), expected, found });
            }
        }
    }
    let targets = config.complete_targets();
    let wanted = maps.keys().filter(|path| targets.iter().any(|target| is_named(path, target)));
    let missing = wanted.filter(|path| !pairs.contains_key(*path));
    problems.extend(missing.map(|path| LoraProblem::Missing(path.clone())));
    problems
}

/// The matrices that are others than those that the adapter was made beside. `found` gives that of the model, `[I, O]`.
pub(super) fn base_problems(
    bases: &BTreeMap<String, Matrix>,
    found: impl Fn(&String) -> Option<Tensor<2>>,
) -> Vec<LoraProblem> {
    let other = bases.iter().filter_map(|(path, base)| {
        let Some(found) = found(path) else {
            return Some(LoraProblem::Place(base.name.clone()));
        };
        // [I, O] -> [O, I]
        let found = matrix::full(found).transpose();
        let shape = found.dims().to_vec();
        if base.values.shape().to_vec() != shape {
            let found = base.values.shape().to_vec();
            return Some(LoraProblem::Shape { name: base.name.clone(), expected: shape, found });
        }
        let expected = Tensor::<2>::from_data(base.values.clone(), (&found.device(), DType::F32));
        let size =
            |x: Tensor<2>| x.square().mean().try_into_scalar::<f32>().map_or(f64::NAN, f64::from).sqrt();
        let is_near = size(found - expected.clone()) <= NEARNESS * size(expected);
        (!is_near).then(|| LoraProblem::Base(base.name.clone()))
    });
    other.collect()
}

/// Whether a path is `target` or ends with it as with a name.
pub(super) fn is_named(path: &str, target: &str) -> bool {
    path.strip_suffix(target).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
