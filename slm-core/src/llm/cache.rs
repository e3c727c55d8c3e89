//! What a decoder keeps between steps: keys and values of what it has written, and of what it reads.
//!
//! Buffers grow by blocks of [`BLOCK`] positions and are written in place, so that the shapes of a step
//! change only once a block: GPU backends tune a kernel for each new shape.
//! Shapes: `B` rows, `H` heads of width `K`, `S` positions.

use burn::prelude::*;
use burn::tensor::Int;

use crate::nn::transformer::KeysValues;

/// Positions by which the buffers grow.
pub const BLOCK: usize = 32;

/// Keys and values of one layer's self-attention so far, in buffers with room to spare.
#[derive(Debug, Clone)]
pub struct SelfCache {
    buffers: Option<KeysValues>,
    len: usize,
}

impl SelfCache {
    /// An empty cache.
    pub(super) fn new() -> Self {
        Self { buffers: None, len: 0 }
    }

    /// Appends positions and returns the whole buffers, `[B, H, capacity, K]`; positions from the
    /// written length on are zeros and must be masked.
    pub fn append(&mut self, new: KeysValues) -> KeysValues {
        let [batch, heads, added, head_dim] = new.keys.dims();
        let needed = self.len + added;
        let device = new.keys.device();
        let capacity = capacity_for(needed);
        let (keys, values) = match self.buffers.take() {
            Some(old) if old.keys.dims()[2] >= needed => (old.keys, old.values),
            old => {
                let have = old.as_ref().map_or(0, |old| old.keys.dims()[2]);
                let room = || Tensor::<4>::zeros([batch, heads, capacity - have, head_dim], &device);
                match old {
                    Some(old) => {
                        (Tensor::cat(vec![old.keys, room()], 2), Tensor::cat(vec![old.values, room()], 2))
                    }
                    None => (room(), room()),
                }
            }
        };
        let place = [0..batch, 0..heads, self.len..needed, 0..head_dim];
        let buffers = KeysValues {
            keys: keys.slice_assign(place.clone(), new.keys),
            values: values.slice_assign(place, new.values),
        };
        self.len = needed;
        self.buffers = Some(buffers.clone());
        buffers
    }

    /// Where its buffers are, once there are some.
    pub(super) fn device(&self) -> Option<Device> {
        self.buffers.as_ref().map(|buffers| buffers.keys.device())
    }

    /// Keeps the rows named by `index`, in that order.
    pub(super) fn select(&mut self, index: &Tensor<1, Int>) {
        self.buffers = self.buffers.as_ref().map(|buffers| selected(buffers, index));
    }
}

/// The rows of keys and values that `index` names, in that order.
fn selected(of: &KeysValues, index: &Tensor<1, Int>) -> KeysValues {
    KeysValues {
        keys: of.keys.clone().select(0, index.clone()),
        values: of.values.clone().select(0, index.clone()),
    }
}

/// What a model keeps of the rows that it writes.
pub(super) trait Rows {
    /// Keeps the rows of these numbers, in that order: beams that survive, or rows not yet finished.
    fn select(&mut self, rows: &[usize]);
}

/// The numbers of rows on `device`.
pub(super) fn row_index(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let ids: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    Tensor::from_data(TensorData::new(ids, [rows.len()]), device)
}

/// Positions of the buffers that hold `length` positions.
pub fn capacity_for(length: usize) -> usize {
    length.div_ceil(BLOCK) * BLOCK
}

/// One layer's share of the cache.
#[derive(Debug, Clone)]
pub struct LayerCache {
    /// Of the decoder's own sequence.
    pub own: SelfCache,
    /// Of the encoder's output, computed once.
    pub memory: KeysValues,
}

/// The decoder's state between steps.
#[derive(Debug, Clone)]
pub struct DecoderCache {
    pub(super) layers: Vec<LayerCache>,
    /// Additive bias over the encoder's positions, `[B, 1, 1, S]`.
    pub(super) memory_bias: Tensor<4>,
    /// Which of the encoder's rows each row reads.
    sources: Vec<usize>,
    pub(super) len: usize,
}

impl DecoderCache {
    /// A cache before the first step.
    pub(super) fn new(memory: Vec<KeysValues>, memory_bias: Tensor<4>) -> Self {
        let layers = memory.into_iter().map(|memory| LayerCache { own: SelfCache::new(), memory }).collect();
        let sources = (0..memory_bias.dims()[0]).collect();
        Self { layers, memory_bias, sources, len: 0 }
    }

    /// Positions decoded so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no step was made.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Rows for DecoderCache {
    fn select(&mut self, rows: &[usize]) {
        let index = row_index(rows, &self.memory_bias.device());
        for layer in &mut self.layers {
            layer.own.select(&index);
        }
        // Beams that change places among those of one text read what they read before.
        let sources: Vec<usize> = rows.iter().map(|&row| self.sources[row]).collect();
        if sources != self.sources {
            for layer in &mut self.layers {
                layer.memory = selected(&layer.memory, &index);
            }
            self.memory_bias = self.memory_bias.clone().select(0, index);
            self.sources = sources;
        }
    }
}
