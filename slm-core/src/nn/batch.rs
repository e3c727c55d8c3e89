//! Padded batches: values and the number of real positions of each row, checked once, together.
//!
//! Shapes: `B` rows, `T` positions, `D` width.

use burn::prelude::*;
use burn::tensor::Int;

/// The additive attention bias of a padded position. Large and finite: a row of `-inf` would be NaN
/// in a softmax, and every backend reads it the same (a bool mask is inverted on libtorch).
pub const MASKED: f32 = -1e9;

/// Rows of vectors, `[B, T, D]`, padded at the end, with the length of each row.
///
/// Every row has at least one real position and positions past the length are zero, so attention over
/// a row is always defined and convolutions see no noise from the padding.
#[derive(Debug, Clone)]
pub struct PaddedBatch {
    values: Tensor<3>,
    lengths: Vec<usize>,
}

impl PaddedBatch {
    /// Takes `values` `[B, T, D]` and a length for each row, and zeroes what lies past it.
    ///
    /// # Panics
    ///
    /// If a length is 0 or over `T`, or their count is not `B`: both are computed by this crate.
    pub fn new(values: Tensor<3>, lengths: Vec<usize>) -> Self {
        let [batch, time, _] = values.dims();
        assert_eq!(batch, lengths.len(), "one length a row");
        assert!(
            lengths.iter().all(|&n| (1..=time).contains(&n)),
            "lengths {lengths:?} do not fit {time} positions"
        );
        let batch = Self { values, lengths };
        if batch.is_full() {
            return batch;
        }
        let keep = batch.keep();
        Self { values: batch.values * keep, lengths: batch.lengths }
    }

    /// Pads rows of `width` values a position, each row-major `[T, D]`, to the longest.
    pub fn from_rows(rows: &[&[f32]], width: usize, device: &Device) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|row| row.len() / width).collect();
        let time = lengths.iter().copied().max().unwrap_or(0);
        let mut values = vec![0.0; rows.len() * time * width];
        for (row, target) in rows.iter().zip(values.chunks_exact_mut((time * width).max(1))) {
            if let Some(head) = target.get_mut(..row.len()) {
                head.copy_from_slice(row);
            }
        }
        let data = TensorData::new(values, [rows.len(), time, width]);
        Self::new(Tensor::from_data(data, device), lengths)
    }

    /// The values, `[B, T, D]`, zero past each row's length.
    pub fn values(&self) -> Tensor<3> {
        self.values.clone()
    }

    /// The number of real positions of each row.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// `[B, T, D]`.
    pub fn dims(&self) -> [usize; 3] {
        self.values.dims()
    }

    /// Whether no row has padding.
    pub fn is_full(&self) -> bool {
        let [_, time, _] = self.values.dims();
        self.lengths.iter().all(|&n| n == time)
    }

    /// The same rows and lengths with other values, such as a layer's output `[B, T, D']`.
    #[must_use]
    pub fn with_values(&self, values: Tensor<3>) -> Self {
        Self::new(values, self.lengths.clone())
    }

    /// 1 at real positions and 0 at padding, `[B, T, 1]`.
    pub fn keep(&self) -> Tensor<3> {
        let [batch, time, _] = self.values.dims();
        keep_mask(&self.lengths, time, &self.values.device()).reshape([batch, time, 1])
    }

    /// Additive bias over keys, `[B, 1, 1, T]`: 0 at real positions, [`MASKED`] at padding.
    pub fn attention_bias(&self) -> Tensor<4> {
        let [batch, time, _] = self.values.dims();
        key_bias(&self.lengths, time, &self.values.device()).reshape([batch, 1, 1, time])
    }

    /// Joins two batches row by row: each row's real positions of `self`, then those of `next`.
    ///
    /// `[B, T, D]` and `[B, T', D]` give `[B, max(t + t'), D]`, without padding in between, so that
    /// relative positions are those of the row alone.
    #[must_use]
    pub fn join(&self, next: &Self) -> Self {
        Self::of_pieces(&[(self.values(), self.lengths.as_slice()), (next.values(), next.lengths.as_slice())])
    }

    /// The same of any number of pieces, each `[B, T, D]` with the real positions of each row. A row may have none of a
    /// piece.
    ///
    /// # Panics
    ///
    /// If there is no piece, or a row has no position in any: rows are made by this crate, which refuses empty ones.
    pub fn of_pieces(pieces: &[(Tensor<3>, &[usize])]) -> Self {
        let values: Vec<Tensor<3>> = pieces.iter().map(|(values, _)| values.clone()).collect();
        let values = Tensor::cat(values, 1);
        let [batch, all, width] = values.dims();
        let device = values.device();
        let lengths: Vec<usize> =
            (0..batch).map(|row| pieces.iter().map(|(_, lengths)| lengths[row]).sum()).collect();
        let joined = lengths.iter().copied().max().unwrap_or(0);

        // One gather over the flattened rows puts every real position where it belongs.
        let mut source = vec![0_i64; batch * joined];
        for (row, target) in source.chunks_exact_mut(joined.max(1)).enumerate() {
            target.fill((row * all) as i64);
            let (mut position, mut column) = (0, 0);
            for (values, lengths) in pieces {
                let [_, time, _] = values.dims();
                for (t, index) in target[position..position + lengths[row]].iter_mut().enumerate() {
                    *index = (row * all + column + t) as i64;
                }
                position += lengths[row];
                column += time;
            }
        }
        let index = Tensor::<1, Int>::from_data(TensorData::new(source, [batch * joined]), &device);
        // [B, T + T' + .., D] -> [B * (T + T' + ..), D] -> [B, joined, D]
        let values = values.reshape([batch * all, width]).select(0, index).reshape([batch, joined, width]);
        Self::new(values, lengths)
    }

    /// The values with the real positions of each row at its end and zeros before them, `[B, T, D]`: what follows all
    /// rows then has one index.
    pub fn values_at_end(&self) -> Tensor<3> {
        if self.is_full() {
            return self.values();
        }
        let [_, time, _] = self.values.dims();
        // What comes before the first real position is the padding after the last one, which is zero.
        self.gathered(time, |row, t| (t + self.lengths[row]) % time)
    }

    /// `count` positions of each row, `[B, count, D]`, beginning with that of `first`.
    pub fn values_from(&self, first: &[usize], count: usize) -> Tensor<3> {
        self.gathered(count, |row, t| first[row] + t)
    }

    /// `count` positions of each row, `[B, count, D]`, `position` telling where each lies.
    fn gathered(&self, count: usize, position: impl Fn(usize, usize) -> usize) -> Tensor<3> {
        let [batch, time, width] = self.values.dims();
        let index: Vec<i64> = (0..batch)
            .flat_map(|row| (0..count).map(move |t| (row, t)))
            .map(|(row, t)| (row * time + position(row, t)) as i64)
            .collect();
        let device = self.values.device();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [batch * count]), &device);
        // [B, T, D] -> [B * T, D] -> [B, count, D]
        self.values().reshape([batch * time, width]).select(0, index).reshape([batch, count, width])
    }

    /// The rows named by `index`, in that order.
    #[must_use]
    pub fn select(&self, index: &[usize]) -> Self {
        let device = self.values.device();
        let ids: Vec<i64> = index.iter().map(|&i| i as i64).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [index.len()]), &device);
        Self {
            values: self.values.clone().select(0, ids),
            lengths: index.iter().map(|&i| self.lengths[i]).collect(),
        }
    }
}

/// 1 where a position is real, 0 where it is padding, `[B, T]`.
pub fn keep_mask(lengths: &[usize], time: usize, device: &Device) -> Tensor<2> {
    filled(lengths, time, 1.0, 0.0, device)
}

/// Additive bias over keys, `[B, T]`: 0 at real positions, [`MASKED`] at padding.
pub fn key_bias(lengths: &[usize], time: usize, device: &Device) -> Tensor<2> {
    filled(lengths, time, 0.0, MASKED, device)
}

fn filled(lengths: &[usize], time: usize, real: f32, padded: f32, device: &Device) -> Tensor<2> {
    let values: Vec<f32> =
        lengths.iter().flat_map(|&n| (0..time).map(move |t| if t < n { real } else { padded })).collect();
    // Without autodiff it is a constant of the operations that take it.
    Tensor::from_data(TensorData::new(values, [lengths.len(), time]), &device.clone().inner())
}

/// Token ids, `[B, S]`, padded at the end with the id that the vocabulary keeps for it.
#[derive(Debug, Clone)]
pub struct PaddedIds {
    /// The ids, `[B, S]`.
    pub ids: Tensor<2, Int>,
    /// The number of real ids of each row.
    pub lengths: Vec<usize>,
}

impl PaddedIds {
    /// Pads rows of ids to the longest with `pad`.
    ///
    /// # Panics
    ///
    /// If a row is empty: a sequence holds at least its end token.
    pub fn from_rows<R: AsRef<[u32]>>(rows: &[R], pad: u32, device: &Device) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|row| row.as_ref().len()).collect();
        assert!(lengths.iter().all(|&n| n > 0), "empty row of token ids");
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let values: Vec<i64> = rows
            .iter()
            .flat_map(|row| {
                let row = row.as_ref();
                (0..longest).map(move |i| i64::from(row.get(i).copied().unwrap_or(pad)))
            })
            .collect();
        let ids = Tensor::from_data(TensorData::new(values, [rows.len(), longest]), device);
        Self { ids, lengths }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    fn batch(rows: &[&[f32]]) -> PaddedBatch {
        PaddedBatch::from_rows(rows, 1, &Device::flex())
    }

    #[test]
    fn padding_is_zeroed_whatever_it_held() {
        let device = Device::flex();
        let values = Tensor::<3>::ones([2, 3, 2], &device) * 7.0;
        let padded = PaddedBatch::new(values, vec![3, 1]);
        let data: Vec<f32> = padded.values().into_data().try_to_vec().unwrap();
        assert_eq!(data, [7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn join_leaves_no_padding_in_between() {
        let joined = batch(&[&[1.0, 2.0, 3.0], &[4.0]]).join(&batch(&[&[5.0], &[6.0, 7.0]]));
        assert_eq!(joined.lengths(), [4, 3]);
        let data: Vec<f32> = joined.values().into_data().try_to_vec().unwrap();
        assert_eq!(data, [1.0, 2.0, 3.0, 5.0, 4.0, 6.0, 7.0, 0.0]);
    }

    #[test]
    fn a_row_may_lack_a_piece() {
        let (first, last) = (batch(&[&[1.0, 2.0], &[9.0]]), batch(&[&[3.0], &[4.0, 5.0]]));
        let joined = PaddedBatch::of_pieces(&[
            (first.values(), &[2, 0][..]),
            (last.values(), &[1, 2]),
            (first.values(), &[0, 1]),
        ]);
        assert_eq!(joined.lengths(), [3, 3]);
        let data: Vec<f32> = joined.values().into_data().try_to_vec().unwrap();
        assert_eq!(data, [1.0, 2.0, 3.0, 4.0, 5.0, 9.0]);
    }

    #[test]
    fn positions_are_taken_from_the_end_or_from_where_a_row_says() {
        let rows = batch(&[&[1.0, 2.0, 3.0], &[4.0], &[5.0, 6.0]]);
        let data = |x: Tensor<3>| x.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(data(rows.values_at_end()), [1.0, 2.0, 3.0, 0.0, 0.0, 4.0, 0.0, 5.0, 6.0]);
        assert_eq!(data(rows.values_from(&[1, 0, 1], 2)), [2.0, 3.0, 4.0, 0.0, 6.0, 0.0]);
        let full = batch(&[&[1.0, 2.0], &[3.0, 4.0]]);
        assert_eq!(data(full.values_at_end()), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "do not fit")]
    fn an_empty_row_is_refused() {
        let _ = batch(&[&[1.0], &[]]);
    }
}
