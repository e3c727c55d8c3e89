//! How Gemma's layers see positions, each kind of layer in its way.
//!
//! Shapes: `L` queries, `S` keys.

use std::ops::Range;

use burn::prelude::*;

use super::config::{LayerType, StackConfig};
use crate::llm::visibility::{causal, visibility};
use crate::nn::rotary::Rotation;

/// How each kind of layer turns queries and keys by their positions.
pub(super) struct Rotations {
    full: Rotation,
    sliding: Rotation,
}

impl Rotations {
    /// For `positions`.
    pub(super) fn new(config: &StackConfig, positions: &Range<usize>, device: &Device) -> Self {
        let of = |kind: LayerType| {
            let rope = config.rope(kind);
            Rotation::scaled(rope.theta, rope.factor, positions.clone(), config.head_dim, device)
        };
        Self { full: of(LayerType::Full), sliding: of(LayerType::Sliding) }
    }

    /// In one kind of layer.
    pub(super) fn of(&self, kind: LayerType) -> &Rotation {
        match kind {
            LayerType::Full => &self.full,
            LayerType::Sliding => &self.sliding,
        }
    }
}

/// How each kind of a decoder's layers sees positions: the rotation of queries and keys, and what is added to the scores.
pub(in crate::llm) struct Places {
    rotations: Rotations,
    /// What hides the future, `[1, 1, L, S]`.
    full: Tensor<4>,
    /// The same, and what lies before the window.
    sliding: Tensor<4>,
}

impl Places {
    /// Of `keys` positions from `queries`.
    pub(super) fn new(config: &StackConfig, queries: Range<usize>, keys: usize, device: &Device) -> Self {
        let window = config.sliding_window;
        let rotations = Rotations::new(config, &queries, device);
        let full = causal(queries.clone(), keys, device);
        let in_window = |query: usize, key: usize| key <= query && query - key < window;
        Self { rotations, full, sliding: visibility(queries, keys, device, in_window) }
    }

    /// In one kind of layer.
    pub(super) fn of(&self, kind: LayerType) -> (&Rotation, &Tensor<4>) {
        let bias = match kind {
            LayerType::Full => &self.full,
            LayerType::Sliding => &self.sliding,
        };
        (self.rotations.of(kind), bias)
    }
}
