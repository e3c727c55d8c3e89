//! What the configs of the frozen encoder and of the layers say of the two together.

use super::config::CtcLayersConfig;
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};

/// What the configs of both say.
#[derive(Debug)]
pub struct LayersSizes {
    base: Box<dyn EncoderSizes>,
    layers: CtcLayersConfig,
}

impl LayersSizes {
    /// Of `layers` on an encoder of the sizes `base`.
    pub(in crate::encoder) fn new(base: Box<dyn EncoderSizes>, layers: CtcLayersConfig) -> Self {
        Self { base, layers }
    }
}

impl EncoderSizes for LayersSizes {
    fn input_width(&self) -> usize {
        self.base.input_width()
    }

    fn output_width(&self) -> usize {
        self.layers.hidden_size
    }

    fn blank(&self) -> usize {
        self.layers.blank()
    }

    fn no_speech_threshold(&self) -> Option<f64> {
        self.layers.no_speech_threshold
    }

    fn stride(&self) -> usize {
        self.base.stride() * self.layers.stack
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let states = self.layers.reduced(frames.div_ceil(self.base.stride().max(1)));
        let all = rows as f64 * states as f64;
        let input = all * (self.layers.stack * self.base.output_width()) as f64;
        let own = peak_bytes(&[
            input + self.layers.block().working_values(rows, states),
            output_values(all, self.layers.hidden_size, self.layers.vocab_size),
        ]);
        self.base.working_bytes(rows, frames).max(own)
    }
}
