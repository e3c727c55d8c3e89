//! Self-attention with relative positions in the manner of Transformer-XL.
//!
//! Paper: Transformer-XL, arXiv 1901.02860, section 3.3. Reference: transformers 5.23.0,
//! `ParakeetEncoderAttention` and `ParakeetEncoderRelPositionalEncoding`.
//! Shapes: `B` utterances, `T` frames, `E` width, `H` heads of width `K`, `P = 2T - 1` distances.

use burn::module::Param;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::softmax;

use super::config::ParakeetEncoderConfig;

/// Base of the sinusoids' wavelengths.
const WAVELENGTH_BASE: f64 = 10_000.0;

/// Multi-head attention whose scores are `(q + u)·k + (q + v)·p[distance]`.
#[derive(Module, Debug)]
pub struct RelativeAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    relative_k_proj: Linear,
    bias_u: Param<Tensor<2>>,
    bias_v: Param<Tensor<2>>,
    num_heads: usize,
}

impl RelativeAttention {
    /// Builds the module on `device`.
    pub fn init(config: &ParakeetEncoderConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let linear = |bias| LinearConfig::new(width, width).with_bias(bias).init(device);
        let head_bias = || Initializer::Zeros.init([config.num_attention_heads, config.head_dim()], device);
        Self {
            q_proj: linear(config.attention_bias),
            k_proj: linear(config.attention_bias),
            v_proj: linear(config.attention_bias),
            o_proj: linear(config.attention_bias),
            relative_k_proj: linear(false),
            bias_u: head_bias(),
            bias_v: head_bias(),
            num_heads: config.num_attention_heads,
        }
    }

    /// Attends over the frames of each row.
    ///
    /// # Shapes
    ///
    /// - x: `[B, T, E]`
    /// - positions: `[1, P, E]`, see [`relative_positions`]
    /// - mask: `[B, 1, 1, T]`, added to the scores
    /// - output: `[B, T, E]`
    pub fn forward(&self, x: Tensor<3>, positions: Tensor<3>, mask: Tensor<4>) -> Tensor<3> {
        let [batch, time, width] = x.dims();
        let head_dim = width / self.num_heads;
        let scale = (head_dim as f64).powf(-0.5);

        // [B, T, E] -> [B, H, T, K]
        let query = self.split_heads(self.q_proj.forward(x.clone()));
        let key = self.split_heads(self.k_proj.forward(x.clone()));
        let value = self.split_heads(self.v_proj.forward(x));
        // [1, P, E] -> [1, H, P, K]
        let position = self.split_heads(self.relative_k_proj.forward(positions));

        let head_bias = |bias: &Param<Tensor<2>>| bias.val().reshape([1, self.num_heads, 1, head_dim]);
        let with_u = query.clone() + head_bias(&self.bias_u);
        let with_v = query + head_bias(&self.bias_v);

        // [B, H, T, K] x [B, H, K, T] -> [B, H, T, T]
        let content = with_u.matmul(key.swap_dims(2, 3));
        // [B, H, T, K] x [1, H, K, P] -> [B, H, T, P] -> [B, H, T, T]
        let distance = shift(with_v.matmul(position.swap_dims(2, 3)));
        let scores = (content + distance) * scale + mask;

        // [B, H, T, T] x [B, H, T, K] -> [B, H, T, K] -> [B, T, E]
        let context = softmax(scores, 3).matmul(value).swap_dims(1, 2).reshape([batch, time, width]);
        self.o_proj.forward(context)
    }

    fn split_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, time, width] = x.dims();
        x.reshape([batch, time, self.num_heads, width / self.num_heads]).swap_dims(1, 2)
    }
}

/// Turns scores by distance into scores by key: `out[q, k] = scores[q, T - 1 + k - q]`.
///
/// `[B, H, T, 2T - 1]` to `[B, H, T, T]`. One zero column makes a row one longer than the distances,
/// so that reading the same memory with rows one shorter moves each row by one against the last.
fn shift(scores: Tensor<4>) -> Tensor<4> {
    let [batch, heads, time, distances] = scores.dims();
    let zeros = Tensor::zeros([batch, heads, time, 1], &scores.device());
    Tensor::cat(vec![zeros, scores], 3)
        .reshape([batch, heads, distances + 1, time])
        .slice([0..batch, 0..heads, 1..distances + 1, 0..time])
        .reshape([batch, heads, time, distances])
        .slice([0..batch, 0..heads, 0..time, 0..time])
}

/// Sinusoids of the distances `T - 1` down to `-(T - 1)`, sine and cosine interleaved, `[1, 2T - 1, E]`.
pub fn relative_positions(time: usize, width: usize, device: &Device) -> Tensor<3> {
    let distances = 2 * time - 1;
    let frequencies: Vec<f64> =
        (0..width / 2).map(|i| WAVELENGTH_BASE.powf(-2.0 * i as f64 / width as f64)).collect();
    let mut values = Vec::with_capacity(distances * width);
    for p in 0..distances {
        let distance = time as f64 - 1.0 - p as f64;
        for frequency in &frequencies {
            let (sin, cos) = (distance * frequency).sin_cos();
            values.extend([sin as f32, cos as f32]);
        }
    }
    Tensor::from_data(TensorData::new(values, [1, distances, width]), device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn shift_reads_the_distance_of_query_and_key() {
        let device = Device::flex();
        let time = 5;
        let scores = Tensor::<1, Int>::arange(0..(time * (2 * time - 1)) as i64, &device).float().reshape([
            1,
            1,
            time,
            2 * time - 1,
        ]);
        let before: Vec<f32> = scores.clone().into_data().try_to_vec().unwrap();
        let after: Vec<f32> = shift(scores).into_data().try_to_vec().unwrap();
        for q in 0..time {
            for k in 0..time {
                let expected = before[q * (2 * time - 1) + time - 1 + k - q];
                assert!((after[q * time + k] - expected).abs() < f32::EPSILON);
            }
        }
    }
}
