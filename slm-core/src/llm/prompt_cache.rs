//! What a decoder-only model keeps between steps: keys and values of its prompt and of what it has written.
//!
//! Prompts of different lengths lie with their last positions side by side, the padding before them: so all rows write
//! to one place, at one rotary position, and a step has no work of its own for each row. Rotary positions tell distances
//! alone, so that counting from the padding changes nothing.
//! Shapes: `B` rows, `S` positions.

use burn::prelude::*;

use super::cache::{Rows, SelfCache, row_index};
use crate::nn::MASKED;

/// Keys and values of each layer.
#[derive(Debug, Clone)]
pub(super) struct PromptCache {
    pub(super) layers: Vec<SelfCache>,
    /// What hides the padding before the prompts, `[B, 1, 1, S]`; `None` where there is none.
    padding: Option<Tensor<4>>,
    /// Positions so far, padding included.
    pub(super) len: usize,
}

impl PromptCache {
    /// A cache of `layers` layers before prompts of these lengths at the end of `longest` positions.
    pub(super) fn new(layers: usize, lengths: &[usize], longest: usize, device: &Device) -> Self {
        let is_padded = lengths.iter().any(|&length| length < longest);
        let padding = is_padded.then(|| {
            let values: Vec<f32> = lengths
                .iter()
                .flat_map(|&length| {
                    (0..longest).map(move |t| if t + length < longest { MASKED } else { 0.0 })
                })
                .collect();
            Tensor::from_data(TensorData::new(values, [lengths.len(), 1, 1, longest]), device)
        });
        Self { layers: (0..layers).map(|_| SelfCache::new()).collect(), padding, len: 0 }
    }

    /// What hides the padding among `keys` positions, `[B, 1, 1, keys]`.
    pub(super) fn padding(&self, keys: usize) -> Option<Tensor<4>> {
        let padding = self.padding.clone()?;
        let [batch, _, _, prompt] = padding.dims();
        let written = Tensor::zeros([batch, 1, 1, keys - prompt], &padding.device());
        Some(if keys == prompt { padding } else { Tensor::cat(vec![padding, written], 3) })
    }
}

impl Rows for PromptCache {
    fn select(&mut self, rows: &[usize]) {
        let Some(device) = self.layers.first().and_then(SelfCache::device) else { return };
        let index = row_index(rows, &device);
        self.layers.iter_mut().for_each(|layer| layer.select(&index));
        self.padding = self.padding.take().map(|padding| padding.select(0, index));
    }
}
