//! The shape of an adapter between any two models.

use slm_core::audio::SAMPLE_RATE;
use slm_core::models::adapter::{AdapterShape, LengthReduction, OutputSpace};
use slm_core::models::nn::PaddedBatch;

use super::adapter::Frozen;

/// Soft tokens a second that an adapter makes of an encoder without a CTC head: about the rate of text.
const TOKENS_A_SECOND: f64 = 6.25;
/// Width of a head of a derived adapter.
const HEAD_WIDTH: usize = 64;

/// The shape of an adapter between two models: what their configs leave open has the defaults that were found by
/// measurement on the reference model (`weights/README.md`). With a CTC head, one state a label, and soft tokens where
/// the labels have a tokenizer; without one, neighbouring states side by side until they come at the rate of text.
///
/// # Errors
///
/// A device that fails.
pub fn shape_between(parts: &Frozen) -> anyhow::Result<AdapterShape> {
    let reduction = if parts.encoder.labels().is_some() {
        LengthReduction::CtcAverage
    } else {
        let second = parts.features.extract(&vec![0.0; SAMPLE_RATE as usize]);
        let rows = [second.values.as_slice()];
        let batch = PaddedBatch::from_rows(&rows, parts.features.width(), &parts.device);
        let states = parts.encoder.forward(&batch).lengths()[0];
        LengthReduction::Stack { count: (states as f64 / TOKENS_A_SECOND).round().max(1.0) as usize }
    };
    let has_soft_tokens = reduction.needs_ctc() && parts.labels.is_some();
    let hidden_size = (parts.llm.d_model() / 2).div_ceil(HEAD_WIDTH) * HEAD_WIDTH;
    Ok(AdapterShape {
        reduction,
        output: if has_soft_tokens { OutputSpace::SoftTokens } else { OutputSpace::Projected },
        hidden_size,
        num_layers: 2,
        num_heads: hidden_size / HEAD_WIDTH,
        intermediate_size: 2 * hidden_size,
        dropout: 0.05,
    })
}
