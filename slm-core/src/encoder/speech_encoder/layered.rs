//! A frozen encoder and trained layers on top of it, as one encoder.
//!
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states of width `H`, `V` labels.

use std::sync::Arc;

use burn::prelude::*;

use super::SpeechEncoder;
use crate::encoder::ctc_layers::{CtcLayers, LayersSizes};
use crate::encoder::model::{EncoderModel, EncoderSizes};
use crate::nn::{PaddedBatch, Watch};

/// The frozen encoder and the layers on top of it.
#[derive(Module, Debug)]
pub struct WithCtcLayers {
    /// One: a list, so that the type is of a known size.
    base: Vec<SpeechEncoder>,
    layers: CtcLayers,
    #[module(skip)]
    sizes: Arc<LayersSizes>,
}

impl WithCtcLayers {
    /// `layers` on top of `base`, of which `sizes` were read.
    pub(in crate::encoder) fn new(base: SpeechEncoder, layers: CtcLayers, sizes: LayersSizes) -> Self {
        Self { base: vec![base], layers, sizes: Arc::new(sizes) }
    }
}

impl EncoderModel for WithCtcLayers {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let states =
            self.base.iter().fold(features.clone(), |frames, base| base.forward_watched(&frames, watch));
        self.layers.forward(&states, watch)
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        Some(self.layers.head())
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &*self.sizes
    }
}
