//! T5's relative position bias: distances fall into buckets, each head has a number a bucket.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. Reference: transformers 5.23.0, `modeling_t5.py`,
//! `T5Attention._relative_position_bucket`. Half of the buckets are exact, the others grow
//! logarithmically up to the largest distance, beyond which all share the last one.
//! Shapes: `H` heads, `Q` queries, `S` keys.

use burn::nn::{Embedding, EmbeddingConfig, Initializer};
use burn::prelude::*;
use burn::tensor::Int;

/// In which directions a query sees keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// Both; keys after the query use the upper half of the buckets (encoder).
    Bidirectional,
    /// Only itself and earlier ones (decoder).
    Causal,
}

/// How distances map to buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// The number of buckets.
    pub count: usize,
    /// The distance from which on all share the last bucket.
    pub max_distance: usize,
    /// The directions seen.
    pub direction: Direction,
}

impl Buckets {
    /// The bucket of the key at `key` for the query at `query`.
    pub fn bucket(self, query: usize, key: usize) -> usize {
        let (offset, buckets, distance) = match self.direction {
            Direction::Bidirectional => {
                let half = self.count / 2;
                (if key > query { half } else { 0 }, half, key.abs_diff(query))
            }
            Direction::Causal => (0, self.count, query.saturating_sub(key)),
        };
        let exact = buckets / 2;
        if distance < exact {
            return offset + distance;
        }
        // In the types of the reference, f32 but for the divisor: at the edges of the buckets the rounding decides.
        let divisor = (self.max_distance as f64 / exact as f64).ln() as f32;
        let ratio = (distance as f32 / exact as f32).ln() / divisor;
        let logarithmic = exact + (ratio * (buckets - exact) as f32) as usize;
        offset + logarithmic.min(buckets - 1)
    }
}

/// Which blocks of a stack have a table of relative positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BiasSharing {
    /// The first block's table serves all (T5, mT5).
    FirstBlock,
    /// Each block has its own (UMT5).
    EveryBlock,
}

impl BiasSharing {
    /// Tables of a stack of `layers` blocks.
    pub fn tables(self, layers: usize) -> usize {
        match self {
            Self::FirstBlock => 1,
            Self::EveryBlock => layers,
        }
    }
}

/// Shape of a [`RelativeBias`].
#[derive(Debug, Clone, PartialEq)]
pub struct RelativeBiasConfig {
    /// Heads `H`.
    pub num_heads: usize,
    /// How distances map to buckets.
    pub buckets: Buckets,
    /// Standard deviation of the random values that a table starts from.
    pub std: f64,
}

/// One table of biases, `[buckets, H]`.
#[derive(Module, Debug)]
pub struct RelativeBias {
    table: Embedding,
    #[module(skip)]
    buckets: Buckets,
}

impl RelativeBiasConfig {
    /// Builds a table on `device`, initialised as transformers does.
    pub fn init(&self, device: &Device) -> RelativeBias {
        RelativeBias {
            table: EmbeddingConfig::new(self.buckets.count, self.num_heads)
                .with_initializer(Initializer::Normal { mean: 0.0, std: self.std })
                .init(device),
            buckets: self.buckets,
        }
    }
}

impl RelativeBias {
    /// Heads `H`.
    pub fn num_heads(&self) -> usize {
        self.table.weight.val().dims()[1]
    }

    /// The biases of `queries` positions from `first_query` on against keys `0..keys`, `[1, H, Q, S]`.
    pub fn forward(&self, first_query: usize, queries: usize, keys: usize) -> Tensor<4> {
        // A bucket depends on the distance alone: those of the last query, read from further on, are those of the others.
        let last = (first_query + queries).saturating_sub(1);
        let of_last: Vec<i64> =
            (0..keys + queries).map(|key| self.buckets.bucket(last, key) as i64).collect();
        let ids: Vec<i64> =
            (0..queries).rev().flat_map(|ahead| &of_last[ahead..ahead + keys]).copied().collect();
        let device = self.table.weight.val().device();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [queries, keys]), &device);
        // [Q, S] -> [Q, S, H] -> [1, H, Q, S]
        self.table.forward(ids).permute([2, 0, 1]).unsqueeze_dim(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first distance of each bucket past the exact ones, computed with transformers 5.23.0.
    const BIDIRECTIONAL: [(usize, usize); 8] =
        [(8, 8), (12, 9), (16, 10), (23, 11), (32, 12), (46, 13), (64, 14), (91, 15)];
    const CAUSAL: [(usize, usize); 16] = [
        (16, 16),
        (19, 17),
        (21, 18),
        (24, 19),
        (27, 20),
        (31, 21),
        (35, 22),
        (40, 23),
        (46, 24),
        (52, 25),
        (59, 26),
        (67, 27),
        (77, 28),
        (87, 29),
        (99, 30),
        (113, 31),
    ];

    fn expected(thresholds: &[(usize, usize)], distance: usize) -> usize {
        thresholds.iter().rev().find(|(first, _)| distance >= *first).map_or(distance, |(_, bucket)| *bucket)
    }

    #[test]
    fn buckets_equal_the_reference_at_every_distance() {
        let both = Buckets { count: 32, max_distance: 128, direction: Direction::Bidirectional };
        let causal = Buckets { direction: Direction::Causal, ..both };
        for distance in 0..400 {
            let back = expected(&BIDIRECTIONAL, distance);
            assert_eq!(both.bucket(distance, 0), back, "{distance} back");
            let ahead = if distance == 0 { 0 } else { 16 + back };
            assert_eq!(both.bucket(0, distance), ahead, "{distance} ahead");
            assert_eq!(causal.bucket(distance, 0), expected(&CAUSAL, distance), "{distance} causal");
            assert_eq!(causal.bucket(0, distance), 0, "{distance} in the future");
        }
    }
    /// Each bias is looked up by its bucket, pair by pair, which is what a table is.
    #[cfg(feature = "flex")]
    #[test]
    fn a_block_of_queries_has_the_bias_of_every_pair() {
        let device = Device::flex();
        for direction in [Direction::Bidirectional, Direction::Causal] {
            let buckets = Buckets { count: 8, max_distance: 12, direction };
            let table = RelativeBiasConfig { num_heads: 2, buckets, std: 1.0 }.init(&device);
            let values: Vec<f32> = table.table.weight.val().into_data().try_to_vec().unwrap();
            let found: Vec<f32> = table.forward(5, 7, 20).into_data().try_to_vec().unwrap();
            let pairs = (0..2)
                .flat_map(|head| (5..12).flat_map(move |query| (0..20).map(move |key| (head, query, key))));
            let expected: Vec<f32> =
                pairs.map(|(head, query, key)| values[2 * buckets.bucket(query, key) + head]).collect();
            assert_eq!(found, expected, "{direction:?}");
        }
    }
}
