//! The naive twin is the reference's dequantization and sums of f64.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use burn::module::{Param, ParamId, Reparameterizer};
use burn::nn::{EmbeddingConfig, LinearConfig};
use burn::prelude::*;
use burn::tensor::{Distribution, Int};

use super::*;
use crate::nn::matrix::{MatrixConv1d, MatrixEmbedding, MatrixLinear};
use crate::nn::panels::PANEL;

const KINDS: [BlockType; 8] = [
    BlockType::Q4_0,
    BlockType::Q4_1,
    BlockType::Q5_0,
    BlockType::Q5_1,
    BlockType::Q8_0,
    BlockType::Q4K,
    BlockType::Q5K,
    BlockType::Q6K,
];

/// Blocks of any bits, but for their scales.
fn random(kind: BlockType, rows: usize, width: usize) -> Quantized {
    let mut state = 12345_u32;
    let mut bytes: Vec<u8> = (0..rows * width / kind.values() * kind.bytes())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    for block in bytes.chunks_exact_mut(kind.bytes()) {
        for &at in kind.halves() {
            // From 2^-14 on to 1, of both signs.
            block[at + 1] &= 0xbb;
        }
    }
    Quantized::new(kind, vec![rows, width], bytes).unwrap()
}

struct Beside(Option<FewBits>);

impl Reparameterizer for Beside {
    type Reparam = FewBits;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<FewBits>) {
        let blocks = if path == "weight" { self.0.take() } else { None };
        (param, blocks)
    }
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as::<f32>().unwrap()
}

/// The values that eight bits keep of 32.
fn rounded(values: &[f32]) -> Vec<f64> {
    let part = |values: &[f32]| {
        let scale = values.iter().fold(0.0_f32, |a, b| a.max(b.abs())) / 127.0;
        let code = |value: f32| if scale == 0.0 { 0.0 } else { (value / scale).round_ties_even() };
        values.iter().map(|&value| f64::from(code(value)) * f64::from(scale)).collect::<Vec<_>>()
    };
    values.chunks(32).flat_map(part).collect()
}

/// `[R, I]` times the transposed matrix, `[R, O]`.
fn twin(x: &[f64], matrix: &Quantized) -> Vec<f64> {
    let (weights, width) = (matrix.dequantize(), matrix.row_values());
    let dot = |row: &[f64], column: &[f32]| row.iter().zip(column).map(|(a, &b)| a * f64::from(b)).sum();
    let columns = || weights.chunks(width);
    x.chunks(width).flat_map(|row| columns().map(|column| dot(row, column)).collect::<Vec<f64>>()).collect()
}

fn gap(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = (expected.iter().map(|value| value * value).sum::<f64>() / expected.len() as f64).sqrt();
    let gaps = found.iter().zip(expected).map(|(&found, expected)| (f64::from(found) - expected).abs());
    gaps.fold(0.0, f64::max) / size
}

#[test]
fn values_are_bit_for_bit_those_of_the_reference() {
    for kind in KINDS {
        let matrix = random(kind, 70, 768);
        let expected: Vec<u32> = matrix.dequantize().into_iter().map(f32::to_bits).collect();
        let found = (Operations::of(kind).unwrap().values)(matrix.bytes());
        // An offset of zero has a sign here and none there, where 0 is all that comes of it.
        let found: Vec<u32> = found.into_iter().map(f32::to_bits).collect();
        assert_eq!(found, expected, "{kind}");
    }
}

/// The same numbers in every run, from -1 to 1: another draw may round one of them to the other of two integers.
fn inputs(rows: usize, width: usize) -> Tensor<2> {
    let mut state = 7_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = std::iter::repeat_with(next).take(rows * width).collect();
    Tensor::from_data(TensorData::new(values, [rows, width]), &Device::flex())
}

/// How many rows are multiplied as whole numbers.
fn has_whole_numbers(rows: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    let has_tiles = vnni::Vnni::found().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let has_tiles = false;
    rows <= MAX_ROWS || has_tiles
}

#[test]
fn products_are_those_of_the_twin() {
    for kind in KINDS {
        // More outputs than a thread takes, and more rows than are multiplied one output at a time.
        let matrix = random(kind, 131, 768);
        for rows in [1, 2, 3, 4, MAX_ROWS, MAX_ROWS + 1, 40] {
            let x = inputs(rows, 768);
            let of = values(x.clone());
            let exact: Vec<f64> = of.iter().map(|&value| f64::from(value)).collect();
            let found = values(FewBits::new(matrix.clone(), Orientation::Rows).unwrap().multiply(&x));
            let expected = twin(&if has_whole_numbers(rows) { rounded(&of) } else { exact.clone() }, &matrix);
            let found_gap = gap(&found, &expected);
            assert!(found_gap < 2e-4, "{kind}, {rows} rows: {found_gap}");
            let from_exact = gap(&found, &twin(&exact, &matrix));
            assert!(from_exact < 0.05, "{kind}, {rows} rows: {from_exact}");
        }
    }
}

/// Rows and outputs that do not fill their tiles, a width that does not fill its last group, and more outputs than are laid
/// out at once.
#[test]
fn tiles_are_parts_of_one_product() {
    for (kind, outputs, width) in
        [(BlockType::Q4_0, 1300, 2080), (BlockType::Q6K, 33, 256), (BlockType::Q4_1, 1, 32)]
    {
        let matrix = random(kind, outputs, width);
        for rows in [1, 13, 90] {
            let of = values(inputs(rows, width));
            let expected = twin(&rounded(&of), &matrix);
            let naive: fn(tile::Naive, &[f32], &Quantized) -> Vec<f32> = match kind {
                BlockType::Q4_0 => many_rows::product::<Q4Zero>,
                BlockType::Q4_1 => many_rows::product::<Q4One>,
                _ => many_rows::product::<Q6K>,
            };
            let found = naive(tile::Naive, &of, &matrix);
            assert!(gap(&found, &expected) < 2e-4, "{kind}, {rows} rows");
            let activations = Activations::new(&of, width);
            // Twice, as two matrices.
            let both = || vec![Arc::new(matrix.clone()), Arc::new(matrix.clone())];
            let found = match kind {
                BlockType::Q4_0 => side_by_side::multiply::<Q4Zero>(tile::Naive, activations, both()),
                BlockType::Q4_1 => side_by_side::multiply::<Q4One>(tile::Naive, activations, both()),
                _ => side_by_side::multiply::<Q6K>(tile::Naive, activations, both()),
            };
            for found in found {
                assert!(gap(&found, &expected) < 2e-4, "{kind}, {rows} rows side by side");
            }
            let activations = Activations::new(&of, width);
            for found in (Operations::of(kind).unwrap().multiply)(activations, both()) {
                assert!(gap(&found, &expected) < 2e-4, "{kind}, {rows} rows as few");
            }
            if let Some(found) = (Operations::of(kind).unwrap().multiply_many)(&of, &matrix) {
                let exact = || of.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
                let expected = if has_whole_numbers(usize::MAX) { expected } else { twin(&exact(), &matrix) };
                assert!(
                    gap(&found, &expected) < 2e-4,
                    "{kind}, {rows} rows, by this processor's instructions"
                );
            }
        }
    }
}

#[test]
fn panels_are_parts_of_one_product() {
    let matrix = random(BlockType::Q4_0, 2 * PANEL / 512 + 3, 512);
    let x = Tensor::<2>::random([MAX_ROWS + 1, 512], Distribution::Normal(0.0, 1.0), &Device::flex());
    let exact: Vec<f64> = values(x.clone()).iter().map(|&value| f64::from(value)).collect();
    let dense = matrix.dequantize();
    let found = by_panels(&x, matrix.rows(), |range| dense[range.start * 512..range.end * 512].to_vec());
    assert!(gap(&values(found), &twin(&exact, &matrix)) < 1e-4);
}

#[test]
fn what_is_no_number_is_not_hidden() {
    let device = Device::flex();
    let blocks = FewBits::new(random(BlockType::Q8_0, 4, 64), Orientation::Rows).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut row = vec![1.0; 64];
        row[40] = bad;
        let x = Tensor::<2>::from_data(TensorData::new([row, vec![1.0; 64]].concat(), [2, 64]), &device);
        let found = values(blocks.multiply(&x));
        assert!(
            found[..4].iter().all(|value| value.is_nan()) && found[4..].iter().all(|value| value.is_finite())
        );
    }
    let zeros = values(blocks.multiply(&Tensor::<2>::zeros([2, 64], &device)));
    assert_eq!(zeros, [0.0; 8]);
}

/// Modules take the blocks for products and rows, and their parameters give the same matrix.
#[test]
fn modules_take_them() {
    let device = Device::flex();
    device.seed(4);
    let matrix = random(BlockType::Q8_0, 48, 64);
    let blocks = |orientation| Beside(FewBits::new(matrix.clone(), orientation));
    let dense = matrix.dequantize();
    let linear: MatrixLinear = LinearConfig::new(64, 48).init(&device).into();
    let linear = linear.apply_reparameterization(blocks(Orientation::Columns));
    assert_eq!(values(linear.weight.val().transpose()), dense);
    let embedding: MatrixEmbedding = EmbeddingConfig::new(48, 64).init(&device).into();
    let embedding = embedding.apply_reparameterization(blocks(Orientation::Rows));
    assert_eq!(values(embedding.weight.val()), dense);
    let ids = Tensor::<2, Int>::from_data([[47, 0, 3]], &device);
    assert_eq!(values(embedding.forward(ids)), [&dense[47 * 64..], &dense[..64], &dense[192..256]].concat());

    let x = Tensor::<3>::random([2, 3, 64], Distribution::Normal(0.0, 1.0), &device);
    let expected = twin(&rounded(&values(x.clone())), &matrix);
    let bias: Vec<f64> = values(linear.bias.as_ref().unwrap().val()).into_iter().map(f64::from).collect();
    let with_bias: Vec<f64> = expected.iter().enumerate().map(|(i, value)| value + bias[i % 48]).collect();
    assert!(gap(&values(linear.forward(x.clone())), &with_bias) < 1e-4);
    assert!(gap(&values(embedding.logits(x.clone())), &expected) < 1e-4);

    let weight = Tensor::<3>::zeros([48, 64, 1], &device);
    let conv = MatrixConv1d { weight: Param::initialized(ParamId::new(), weight), bias: None };
    let conv = conv.apply_reparameterization(blocks(Orientation::Rows));
    assert!(gap(&values(conv.forward(x)), &expected) < 1e-4);
    assert_eq!(values(conv.weight.val().reshape([48, 64])), dense);
}
