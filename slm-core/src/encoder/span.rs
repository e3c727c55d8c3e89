//! How far attention sees: all frames of an utterance, or those of the same chunk.
//!
//! Chunk-wise attention: USM, arXiv 2303.01037, section 2.2, where every layer sees the same chunks, so that the span of
//! the whole encoder stays theirs. A chunk is a row of its own to the attention: its cost grows with the length of the
//! utterance and not with its square.
//! Shapes: `B` utterances, `T` frames, `E` width, `n` chunks of `C` frames.

use burn::prelude::*;

use super::block::BlockConfig;
use super::positions::PositionTable;
use crate::batch::{PaddedBatch, key_bias};

/// How far attention sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionSpan {
    /// All frames of the utterance.
    Full,
    /// The frames of the same chunk.
    Chunked {
        /// Frames of a chunk.
        frames: usize,
    },
}

/// What all attention modules of a forward pass share.
#[derive(Debug, Clone)]
pub struct AttentionContext {
    /// Positions of the frames of a chunk; without chunks, of the utterance.
    pub(super) table: PositionTable,
    /// Added to the scores, `[B * n, 1, 1, C]`.
    pub(super) mask: Tensor<4>,
    /// `C`, where the frames are cut.
    chunk: Option<usize>,
}

impl AttentionContext {
    /// For blocks of `config` over `frames` `[B, T, E]`.
    pub(super) fn new(config: &BlockConfig, frames: &PaddedBatch) -> Self {
        let [_, time, _] = frames.dims();
        let device = frames.values().device();
        let table =
            |time| PositionTable::new(config.position, time, config.num_heads, config.head_dim(), &device);
        match config.span {
            AttentionSpan::Chunked { frames: chunk } if chunk < time => {
                let starts: Vec<usize> = (0..time).step_by(chunk).collect();
                let lengths: Vec<usize> = frames
                    .lengths()
                    .iter()
                    .flat_map(|&length| {
                        starts.iter().map(move |start| length.saturating_sub(*start).min(chunk))
                    })
                    .collect();
                let rows = lengths.len();
                let mask = key_bias(&lengths, chunk, &device).reshape([rows, 1, 1, chunk]);
                Self { table: table(chunk), mask, chunk: Some(chunk) }
            }
            _ => Self { table: table(time), mask: frames.attention_bias(), chunk: None },
        }
    }

    /// For attention over all of `frames` that does not know positions.
    pub(super) fn unplaced(frames: &PaddedBatch) -> Self {
        Self { table: PositionTable::Absent, mask: frames.attention_bias(), chunk: None }
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
