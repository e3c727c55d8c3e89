//! How far attention sees, and what all attention modules of a forward pass share.
//!
//! Chunk-wise attention: USM, arXiv 2303.01037, section 2.2, where every layer sees the same chunks, so that the span of
//! the whole encoder stays theirs. A chunk is a row of its own to the attention: its cost grows with the length of the
//! utterance and not with its square.
//! Shapes: `B` utterances, `T` frames, `E` width, `n` chunks of `C` frames, `K` width of a head.

use std::cell::{OnceCell, RefCell};

use burn::prelude::*;

use super::distances;
use crate::nn::blocks::MAX_SCORES;
use crate::nn::rotary::Rotation;
use crate::nn::{PaddedBatch, Watch, key_bias};

/// How far attention sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttentionSpan {
    /// All frames of the utterance.
    Full,
    /// The frames of the same chunk.
    Chunked {
        /// Frames of a chunk.
        frames: usize,
    },
}

impl AttentionSpan {
    /// Rows of the attention over `rows` utterances of `frames` frames, and the frames of each.
    pub(in crate::encoder) fn rows(self, rows: usize, frames: usize) -> (usize, usize) {
        match self {
            Self::Chunked { frames: chunk } if chunk < frames => {
                (rows.saturating_mul(frames.div_ceil(chunk.max(1))), chunk)
            }
            Self::Full | Self::Chunked { .. } => (rows, frames),
        }
    }
}

/// What all attention modules of a forward pass share.
///
/// Tables of positions are made when a module first asks for one and kept for the layers after it: a module with another
/// kind of position asks for another table, and none can be given what it does not know.
#[derive(Debug, Clone)]
pub struct SharedAttention {
    /// Added to the scores, `[B * n, 1, 1, C]`; `None` where all frames are real.
    pub(in crate::encoder) mask: Option<Tensor<4>>,
    /// `C`, where the frames are cut.
    chunk: Option<usize>,
    /// Frames that attend to each other: `C`, or `T` without chunks.
    time: usize,
    width: usize,
    device: Device,
    watch: Watch,
    /// The most values of a tensor of scores.
    pub(super) max_scores: usize,
    sinusoids: OnceCell<Tensor<3>>,
    rotation: RefCell<Option<KnownRotation>>,
}

/// A rotation with the base and width of heads that it is for.
#[derive(Debug, Clone)]
struct KnownRotation {
    base: f64,
    head_dim: usize,
    rotation: Rotation,
}

impl SharedAttention {
    /// For attention over `frames` `[B, T, E]`, which ends early once `watch` stops.
    pub fn new(span: AttentionSpan, frames: &PaddedBatch, watch: &Watch) -> Self {
        let [batch, time, width] = frames.dims();
        let device = frames.values().device();
        let shared = |mask, chunk: Option<usize>| Self {
            mask,
            chunk,
            time: chunk.unwrap_or(time),
            width,
            device: device.clone(),
            watch: watch.clone(),
            max_scores: MAX_SCORES,
            sinusoids: OnceCell::new(),
            rotation: RefCell::new(None),
        };
        let (rows, chunk) = span.rows(batch, time);
        if chunk == time {
            return shared((!frames.is_full()).then(|| frames.attention_bias()), None);
        }
        let lengths: Vec<usize> = frames
            .lengths()
            .iter()
            .flat_map(|&length| {
                (0..time).step_by(chunk).map(move |start| length.saturating_sub(start).min(chunk))
            })
            .collect();
        let is_full = lengths.iter().all(|&length| length == chunk);
        let mask = || key_bias(&lengths, chunk, &device).reshape([rows, 1, 1, chunk]);
        shared((!is_full).then(mask), Some(chunk))
    }

    /// Whether the work shall end.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Sinusoids of the distances between `C` frames, `[1, 2C, E]`.
    pub(super) fn sinusoids(&self) -> Tensor<3> {
        self.sinusoids.get_or_init(|| distances::sinusoids(self.time, self.width, &self.device)).clone()
    }

    /// The rotation of `C` frames for heads of width `K`.
    pub(super) fn rotation(&self, base: f64, head_dim: usize) -> Rotation {
        let mut known = self.rotation.borrow_mut();
        let fits =
            |known: &&KnownRotation| known.base.to_bits() == base.to_bits() && known.head_dim == head_dim;
        if let Some(known) = known.as_ref().filter(fits) {
            return known.rotation.clone();
        }
        let rotation = Rotation::new(base, 0..self.time, head_dim, &self.device);
        *known = Some(KnownRotation { base, head_dim, rotation: rotation.clone() });
        rotation
    }

    /// Frames as rows of what attends to each other: `[B, T, E]` to `[B * n, C, E]`.
    pub(super) fn split(&self, x: Tensor<3>) -> Tensor<3> {
        let Some(chunk) = self.chunk else { return x };
        let [batch, time, width] = x.dims();
        let count = time.div_ceil(chunk);
        x.pad([(0, count * chunk - time), (0, 0)], 0.0).reshape([batch * count, chunk, width])
    }

    /// The way back, to `batch` utterances of `time` frames.
    pub(super) fn join(&self, x: Tensor<3>, batch: usize, time: usize) -> Tensor<3> {
        if self.chunk.is_none() {
            return x;
        }
        let [rows, chunk, width] = x.dims();
        x.reshape([batch, rows / batch * chunk, width]).narrow(1, 0, time)
    }
}
