//! Whether an adapter is sound and fits a model.

use std::collections::BTreeMap;

use super::config::LoraConfig;
use super::error::LoraProblem;
use super::pair::Pair;

/// The matrices that have another rank than the config says.
pub(super) fn rank_problems(config: &LoraConfig, pairs: &BTreeMap<String, Pair>) -> Vec<LoraProblem> {
    let expected = config.r;
    let ranks = pairs.values().flat_map(|pair| {
        [(&pair.a.name, pair.a.values.shape()[0]), (&pair.b.name, pair.b.values.shape()[1])]
    });
    ranks
        .filter(|(_, found)| *found != expected)
        .map(|(name, found)| LoraProblem::Rank { name: name.clone(), expected, found })
        .collect()
}

/// What does not fit the linear maps of a model, each with its inputs and outputs.
pub(super) fn problems(
    config: &LoraConfig,
    pairs: &BTreeMap<String, Pair>,
    maps: &BTreeMap<String, [usize; 2]>,
) -> Vec<LoraProblem> {
    let mut problems = Vec::new();
    for target in config.targets() {
        if !maps.keys().any(|path| is_named(path, target)) {
            problems.push(LoraProblem::Target(target.clone()));
        }
    }
    for (path, pair) in pairs {
        let Some([inputs, outputs]) = maps.get(path) else {
            problems.push(LoraProblem::Place(pair.a.name.clone()));
            continue;
        };
        let rank = config.r;
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

/// Whether a path is `target` or ends with it as with a name.
fn is_named(path: &str, target: &str) -> bool {
    path.strip_suffix(target).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
