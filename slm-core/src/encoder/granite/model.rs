//! The encoder and its CTC head.
//!
//! Papers: *Granite-speech*, arXiv 2505.08699; of what it hears itself by: Nozaki and Komatsu 2021, arXiv 2104.02724.
//! Reference: transformers 5.23.0, `modeling_granite_speech.py`, `GraniteSpeechCTCEncoder`, and that of
//! `granite_speech_plus`. There padding is not masked, so that a row says something else beside a longer one; here a row says
//! what it says alone. Shapes: `B` utterances, `T` feature frames of width `M`, `E` width, `n` kept states, `V` labels.

use std::collections::BTreeSet;

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use super::config::GraniteSpeechConfig;
use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::encoder::conformer::span::SharedAttention;
use crate::encoder::conformer::strided_block::StridedBlock;
use crate::encoder::error::EncoderError;
use crate::encoder::head;
use crate::encoder::model::{EncoderModel, EncoderSizes, unfinished};
use crate::encoder::side_by_side::SideBySide;
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, Watch};

/// The encoder and its CTC head.
#[derive(Module, Debug)]
pub struct GraniteSpeech {
    input_linear: MatrixLinear,
    layers: Vec<StridedBlock>,
    /// What the encoder says, in its middle and in the end.
    out: Linear,
    /// How the encoder hears that in its middle.
    out_mid: Linear,
    #[module(skip)]
    side_layers: BTreeSet<usize>,
    #[module(skip)]
    config: GraniteSpeechConfig,
}

impl GraniteSpeechConfig {
    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> GraniteSpeech {
        let encoder = &self.encoder_config;
        let (width, labels) = (encoder.hidden_dim, encoder.output_dim);
        GraniteSpeech {
            input_linear: LinearConfig::new(encoder.input_dim, width).init(device).into(),
            layers: (0..encoder.num_layers).map(|_| encoder.block().init(device)).collect(),
            out: LinearConfig::new(width, labels).init(device),
            out_mid: LinearConfig::new(labels, width).init(device),
            side_layers: encoder.cat_hidden_layers.clone(),
            config: self.clone(),
        }
    }
}

impl GraniteSpeech {
    /// Loads config and weights out of the folder of a speech language model; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = GraniteSpeechConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let prefix = prefix(&files);
        let model = config.init(placement.device());
        // The other parts of the folder are not the encoder's.
        let is_ignored = |name: &str| !name.starts_with(prefix) || name.ends_with(".num_batches_tracked");
        let named = |path: &str| format!("{prefix}{}", hf_name(path));
        Ok(weights::load(model, &files, &placement, named, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &GraniteSpeechConfig {
        &self.config
    }
}

impl EncoderModel for GraniteSpeech {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let encoder = &self.config.encoder_config;
        // [B, T, M] -> [B, T, E]
        let mut frames = features.with_values(self.input_linear.forward(features.values()));
        let shared = SharedAttention::new(encoder.span(), &frames, watch);
        let mut side = SideBySide::new(&self.side_layers);
        side.see(0, frames.values());
        for (behind, layer) in (1..).zip(&self.layers) {
            if watch.is_stopped() {
                return unfinished(features, self.config.output_width());
            }
            frames = layer.forward(&frames, &shared);
            if behind == encoder.middle() {
                frames = head::hear_itself(&frames, &self.out, &self.out_mid);
            }
            side.see(behind, frames.values());
        }
        side.with(frames)
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        let (weight, bias) = head::of_linear(&self.out);
        let [_, width] = weight.dims();
        // The head reads the last states alone: [V, E] -> [V, (n + 1) * E]
        let others = self.config.output_width() - width;
        Some((if others == 0 { weight } else { weight.pad([(0, 0), (others, 0)], 0.0) }, bias))
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &self.config
    }

    fn side_layers(&mut self) -> Option<&mut BTreeSet<usize>> {
        // Those that the config names stay.
        self.config.equal_layers().is_some().then_some(&mut self.side_layers)
    }
}

/// What the names of the encoder's tensors begin with: transformers 5 has a module around it in memory, and files may come
/// with its name.
fn prefix(files: &WeightFiles) -> &'static str {
    if files.contains("model.encoder.input_linear.weight") { "model.encoder." } else { "encoder." }
}

/// Our names in a path, and those of the file in their place. A path has one of them at most.
const NAMES: [(&str, &str); 17] = [
    (".feed_forward1.linear1.", ".ff1.up_proj."),
    (".feed_forward1.linear2.", ".ff1.down_proj."),
    (".norm_feed_forward1.", ".ff1.pre_norm."),
    (".feed_forward2.linear1.", ".ff2.up_proj."),
    (".feed_forward2.linear2.", ".ff2.down_proj."),
    (".norm_feed_forward2.", ".ff2.pre_norm."),
    (".norm_self_att.", ".attn.pre_norm."),
    (".self_attn.q_proj.", ".attn.to_q."),
    (".self_attn.k_proj.", ".attn.to_kv."),
    (".self_attn.o_proj.", ".attn.to_out."),
    (".self_attn.position.", ".attn."),
    (".norm_conv.", ".conv.norm."),
    (".conv.pointwise_lin1.", ".conv.up_conv."),
    (".conv.depthwise_conv.", ".conv.depth_conv.conv."),
    (".conv.norm.", ".conv.batch_norm."),
    (".conv.pointwise_lin2.", ".conv.down_conv."),
    (".norm_out.", ".post_norm."),
];

/// The name in the file, behind its prefix, of the tensor at `path` in [`GraniteSpeech`].
fn hf_name(path: &str) -> String {
    match NAMES.iter().find(|(ours, _)| path.contains(ours)) {
        Some((ours, theirs)) => path.replacen(ours, theirs, 1),
        None => path.to_owned(),
    }
}
