//! What several prompts begin with, read once for all of them.
//!
//! In training all prompts of a task begin alike: with the words of the system, and with examples. A frozen model makes the
//! same keys and values of that in every row and every step, and no gradient flows through them.
//! Shapes: `B` rows, `H` heads of width `K`, `P` positions that are shared, `S` those that follow.

use burn::prelude::*;

use crate::nn::transformer::KeysValues;

/// Keys and values of the positions that prompts begin with, `[1, H, P, K]` for each layer.
#[derive(Debug, Clone)]
pub struct SharedPrompt {
    pub(super) layers: Vec<KeysValues>,
    pub(super) len: usize,
}

impl SharedPrompt {
    /// Positions `P`.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no position.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The keys and values of `shared`, `[1, H, P, K]`, before `own`, `[B, H, S, K]` to `[B, H, P + S, K]`; `own` alone where nothing
/// is shared.
pub(super) fn behind(shared: Option<&KeysValues>, own: KeysValues) -> KeysValues {
    let Some(shared) = shared else { return own };
    let [batch, ..] = own.keys.dims();
    let joined = |shared: &Tensor<4>, own| Tensor::cat(vec![shared.clone().repeat_dim(0, batch), own], 2);
    KeysValues { keys: joined(&shared.keys, own.keys), values: joined(&shared.values, own.values) }
}
