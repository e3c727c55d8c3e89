//! The shape of an adapter between any two models.

use std::collections::BTreeSet;

use slm_core::audio::SAMPLE_RATE;
use slm_core::models::adapter::{
    AdapterConfig, AdapterKind, AdapterShape, LengthReduction, OutputSpace, TransformerShape,
};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;

use super::adapter::Frozen;

/// Soft tokens a second that an adapter makes of an encoder without a CTC head: about the rate of text.
const TOKENS_A_SECOND: f64 = 6.25;
/// Width of a head of a derived adapter.
const HEAD_WIDTH: usize = 64;

/// The config of an adapter of this shape between two models.
pub fn config_between(encoder: &SpeechEncoder, llm: &LanguageModel, shape: &AdapterShape) -> AdapterConfig {
    AdapterConfig {
        encoder_dim: encoder.output_width(),
        llm_dim: llm.d_model(),
        labels: encoder.labels().filter(|_| shape.kind.has_soft_tokens()),
        shape: shape.clone(),
    }
}

/// The shape of an adapter between two models: what their configs leave open has the defaults that were found by
/// measurement on the reference model (`weights/README.md`). With a CTC head, one state a label, and soft tokens where
/// the labels have a tokenizer; without one, neighbouring states side by side until they come at the rate of text.
pub fn shape_between(parts: &Frozen) -> AdapterShape {
    let reduction = if parts.encoder.labels().is_some() {
        LengthReduction::CtcAverage
    } else {
        // Asked of the shapes: what fills whole windows makes as many states of a second as of half a minute.
        let samples = (parts.features.hop() * parts.encoder.stride()) as f64;
        let count = f64::from(SAMPLE_RATE) / samples / TOKENS_A_SECOND;
        LengthReduction::Stack { count: count.round().max(1.0) as usize }
    };
    let has_soft_tokens = reduction.needs_ctc() && parts.labels.is_some();
    let hidden_size = (parts.llm.d_model() / 2).div_ceil(HEAD_WIDTH) * HEAD_WIDTH;
    AdapterShape {
        reduction,
        encoder_layers: BTreeSet::new(),
        kind: AdapterKind::Transformer(TransformerShape {
            output: if has_soft_tokens { OutputSpace::SoftTokens } else { OutputSpace::Projected },
            hidden_size,
            num_layers: 2,
            num_heads: hidden_size / HEAD_WIDTH,
            intermediate_size: 2 * hidden_size,
            dropout: 0.05,
        }),
    }
}
