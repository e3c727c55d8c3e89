//! What the distances between queries and keys add to the scores of attention.
//!
//! All keys of a block of queries lie at few distances, so that models make a value for each of those, one column a
//! distance; here these come to their keys. Shapes: `B` rows, `H` heads, `Q` queries of a block, `T` keys, `D` columns.

use burn::prelude::*;

/// Values for the distances between queries and keys.
#[derive(Debug, Clone)]
pub(crate) struct ByDistance {
    /// A value for each distance that is told apart, `[B, H, Q, D]`; keys farther away have that of the limit.
    pub(crate) values: Tensor<4>,
    /// The column of the block's first query and the first key. The column goes up with the key and down with the query.
    pub(crate) origin: i64,
}

impl ByDistance {
    /// A value for each of `keys` keys, `[B, H, Q, T]`: `out[q, k] = values[q, k - q + origin]`, within the limits.
    pub(super) fn by_key(self, keys: usize) -> Tensor<4> {
        shift(self.for_all_distances(keys as i64))
    }

    /// A column for each distance of the block, `[B, H, Q, T + Q]`, whose column `c` is that of the distance `c - Q`.
    fn for_all_distances(self, keys: i64) -> Tensor<4> {
        let [batch, heads, queries, columns] = self.values.dims();
        let before = queries as i64 - self.origin;
        let after = keys - columns as i64 + self.origin;
        let limit = |column: usize, count: i64| -> Tensor<4> {
            self.values.clone().narrow(3, column, 1).expand([batch, heads, queries, count as usize])
        };
        let known = keys + queries as i64 - before.max(0) - after.max(0);
        let known = self.values.clone().narrow(3, (-before).max(0) as usize, known as usize);
        if before <= 0 && after <= 0 {
            return known;
        }
        let mut parts = Vec::with_capacity(3);
        if before > 0 {
            parts.push(limit(0, before));
        }
        parts.push(known);
        if after > 0 {
            parts.push(limit(columns - 1, after));
        }
        Tensor::cat(parts, 3)
    }
}

/// Turns scores by distance into scores by key: `out[q, k] = scores[q, Q + k - q]`, queries counted within the block.
///
/// `[B, H, Q, T + Q]` to `[B, H, Q, T]`. Rows are one longer than the distances, so that reading the same memory with
/// rows one shorter moves each row by one against the last. The first column is not read.
fn shift(scores: Tensor<4>) -> Tensor<4> {
    let [batch, heads, queries, columns] = scores.dims();
    scores
        .reshape([batch, heads, columns, queries])
        .narrow(2, 1, columns - 1)
        .reshape([batch, heads, queries, columns - 1])
        .narrow(3, 0, columns - queries)
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;

    /// `[1, 1, rows, columns]`, counted up.
    fn counted(rows: usize, columns: usize) -> Tensor<4> {
        Tensor::<1, Int>::arange(0..(rows * columns) as i64, &Device::flex())
            .float()
            .reshape([1, 1, rows, columns])
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn shift_reads_the_distance_of_query_and_key() {
        for (queries, time) in [(5, 5), (3, 7), (1, 4), (4, 4), (1, 1)] {
            let columns = time + queries;
            let before = values(counted(queries, columns));
            let after = values(shift(counted(queries, columns)));
            assert_eq!(after.len(), queries * time);
            for q in 0..queries {
                for k in 0..time {
                    let expected = before[q * columns + queries + k - q];
                    assert!((after[q * time + k] - expected).abs() < f32::EPSILON, "{queries} of {time}");
                }
            }
        }
    }

    #[test]
    fn keys_beyond_a_limit_get_the_product_at_the_limit() {
        for (left, right) in [(2, 1), (0, 0), (9, 3), (1, 20), (30, 30)] {
            for (start, end, time) in [(0, 11, 11), (0, 4, 11), (4, 8, 11), (8, 11, 11), (0, 1, 1)] {
                let (queries, distances) = (end - start, left + right + 1);
                let products = counted(queries, distances);
                let before = values(products.clone());
                let origin = left as i64 - start as i64;
                let after = values(ByDistance { values: products, origin }.by_key(time));
                assert_eq!(after.len(), queries * time);
                for q in 0..queries {
                    for k in 0..time {
                        let distance = k as i64 - (start + q) as i64;
                        let column = distance.clamp(-(left as i64), right as i64) + left as i64;
                        let expected = before[q * distances + column as usize];
                        assert!(
                            (after[q * time + k] - expected).abs() < f32::EPSILON,
                            "limits {left} and {right}, queries {start}..{end} of {time}"
                        );
                    }
                }
            }
        }
    }
}
