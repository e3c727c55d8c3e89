//! What a decoder keeps between steps: keys and values of what it has written, and of what it reads.
//!
//! Buffers are written in place, and what is read of them grows by blocks of [`BLOCK`] positions, so that the shapes of a
//! step change only once a block: GPU backends tune a kernel for each new shape. Where a part of a buffer is read as it
//! lies, in this process's memory, buffers double when they are full; elsewhere they grow by a block.
//! Shapes: `B` rows, `H` heads of width `K`, `S` positions, `T` texts.

use burn::prelude::*;
use burn::tensor::Int;

use crate::nn::host::has_host_memory;
use crate::nn::transformer::KeysValues;

/// Positions by which what is read grows.
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

    /// Appends positions and returns those so far, `[B, H, capacity_for(length), K]`; positions from the written length on
    /// are zeros and must be masked.
    pub fn append(&mut self, new: KeysValues) -> KeysValues {
        let [batch, heads, added, head_dim] = new.keys.dims();
        let needed = self.len + added;
        let device = new.keys.device();
        let (keys, values) = match self.buffers.take() {
            Some(old) if old.keys.dims()[2] >= needed => (old.keys, old.values),
            old => {
                let have = old.as_ref().map_or(0, |old| old.keys.dims()[2]);
                let least = if has_host_memory(&device) { 2 * have } else { 0 };
                let capacity = capacity_for(needed).max(least);
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
        read_of(buffers, needed)
    }

    /// Where its buffers are, once there are some.
    pub(super) fn device(&self) -> Option<Device> {
        self.buffers.as_ref().map(|buffers| buffers.keys.device())
    }

    /// Keeps the rows named by `index`, in that order.
    pub(super) fn select(&mut self, index: &Tensor<1, Int>) {
        let len = self.len;
        self.buffers = self.buffers.take().map(|buffers| selected(&read_of(buffers, len), index));
    }
}

/// What is read of buffers with `len` positions.
fn read_of(buffers: KeysValues, len: usize) -> KeysValues {
    let (capacity, read) = (buffers.keys.dims()[2], capacity_for(len));
    if capacity <= read {
        return buffers;
    }
    KeysValues { keys: buffers.keys.narrow(2, 0, read), values: buffers.values.narrow(2, 0, read) }
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

/// Positions that are read where `length` are written.
pub fn capacity_for(length: usize) -> usize {
    length.div_ceil(BLOCK) * BLOCK
}

/// One layer's share of the cache.
#[derive(Debug, Clone)]
pub struct LayerCache {
    /// Of the decoder's own sequence.
    pub own: SelfCache,
    /// Of the encoder's output, computed once: a row for each row of the cache, or for some of one text.
    pub memory: KeysValues,
}

/// Which rows of a cache read one row of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Those of one text, its beams or its draws.
    Texts,
    /// None.
    Rows,
}

/// The decoder's state between steps.
#[derive(Debug, Clone)]
pub struct DecoderCache {
    pub(super) layers: Vec<LayerCache>,
    /// Additive bias over the encoder's positions, `[T, 1, 1, S]`; as many rows as the memory has.
    pub(super) memory_bias: Tensor<4>,
    sharing: Sharing,
    /// Which of the encoder's rows each row reads.
    sources: Vec<usize>,
    /// Which of them the memory has, in its order. Each is for as many rows as any other, which lie side by side.
    held: Vec<usize>,
    pub(super) len: usize,
}

impl DecoderCache {
    /// A cache before the first step.
    pub(super) fn new(memory: Vec<KeysValues>, memory_bias: Tensor<4>, sharing: Sharing) -> Self {
        let layers = memory.into_iter().map(|memory| LayerCache { own: SelfCache::new(), memory }).collect();
        let sources: Vec<usize> = (0..memory_bias.dims()[0]).collect();
        Self { layers, memory_bias, sharing, held: sources.clone(), sources, len: 0 }
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
        self.sources = rows.iter().map(|&row| self.sources[row]).collect();
        let shared = if self.sharing == Sharing::Texts { one_a_text(&self.sources) } else { None };
        let wanted = shared.unwrap_or_else(|| self.sources.clone());
        // Beams that change places among those of one text read what they read before.
        if wanted != self.held {
            let place = |source: &usize| self.held.iter().position(|held| held == source);
            let places: Vec<usize> = wanted.iter().filter_map(place).collect();
            let index = row_index(&places, &self.memory_bias.device());
            for layer in &mut self.layers {
                layer.memory = selected(&layer.memory, &index);
            }
            self.memory_bias = self.memory_bias.clone().select(0, index);
            self.held = wanted;
        }
    }
}

/// Each source once, where all have the same number of rows, side by side.
fn one_a_text(sources: &[usize]) -> Option<Vec<usize>> {
    let mut distinct = sources.to_vec();
    distinct.dedup();
    let rows = sources.len().checked_div(distinct.len())?;
    let is_even = sources.chunks(rows.max(1)).map(|rows| (rows[0], rows.iter().all(|row| *row == rows[0])));
    is_even.eq(distinct.iter().map(|&source| (source, true))).then_some(distinct)
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;

    /// `[rows, 1, positions, 1]`, of which every value is another.
    fn numbered(rows: usize, positions: std::ops::Range<usize>) -> KeysValues {
        let count = positions.len();
        let values: Vec<f32> =
            (0..rows).flat_map(|row| positions.clone().map(move |at| (1000 * row + at + 1) as f32)).collect();
        let keys = Tensor::from_data(TensorData::new(values, [rows, 1, count, 1]), &Device::flex());
        KeysValues { values: keys.clone() * -1.0, keys }
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn what_was_appended_is_read_whatever_room_there_is() {
        let mut cache = SelfCache::new();
        // The naive twin: the values of each row.
        let mut twin = [Vec::new(), Vec::new()];
        for (step, added) in [5, 1, 26, 1, 1, 40, 1, 90, 1].into_iter().enumerate() {
            let from = twin[0].len();
            let new = numbered(2, from..from + added);
            let read = cache.append(new.clone());
            for (twin, new) in twin.iter_mut().zip(values(new.keys).chunks(added)) {
                twin.extend_from_slice(new);
            }
            let positions = capacity_for(from + added);
            assert_eq!(read.keys.dims(), [2, 1, positions, 1]);
            let padded = |twin: &Vec<f32>| [twin.as_slice(), &vec![0.0; positions - twin.len()]].concat();
            let expected: Vec<f32> = twin.iter().flat_map(padded).collect();
            assert_eq!(values(read.keys), expected, "step {step}");
            assert_eq!(values(read.values * -1.0), expected);
            if step == 4 {
                // From here on both have the past of the second.
                cache.select(&row_index(&[1, 1], &Device::flex()));
                twin[0] = twin[1].clone();
            }
        }
    }

    #[test]
    fn rows_of_a_text_share_its_memory_while_all_texts_have_as_many() {
        let memory = |rows| vec![numbered(rows, 0..3)];
        let bias = Tensor::zeros([3, 1, 1, 3], &Device::flex());
        for (sharing, expected) in [(Sharing::Texts, [3, 2, 3, 2]), (Sharing::Rows, [6, 4, 3, 2])] {
            let mut cache = DecoderCache::new(memory(3), bias.clone(), sharing);
            let steps: [(&[usize], &[usize]); 4] = [
                (&[0, 0, 1, 1, 2, 2], &[0, 0, 1, 1, 2, 2]),
                // The first text is finished, the beams of the third change places.
                (&[2, 3, 5, 4], &[1, 1, 2, 2]),
                // One row of a text is left and two of the other.
                (&[1, 2, 3], &[1, 2, 2]),
                (&[0, 2], &[1, 2]),
            ];
            for ((rows, sources), expected) in steps.into_iter().zip(expected) {
                cache.select(rows);
                let held = cache.layers[0].memory.keys.clone();
                let [count, ..] = held.dims();
                assert_eq!(count, expected, "{sharing:?}, {rows:?}");
                assert_eq!(cache.memory_bias.dims()[0], count);
                for (row, source) in sources.iter().enumerate() {
                    let read = values(held.clone().narrow(0, row / (sources.len() / count), 1));
                    assert_eq!(read, [1.0, 2.0, 3.0].map(|value| value + (1000 * source) as f32));
                }
            }
        }
    }
}
