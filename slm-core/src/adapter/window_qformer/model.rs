//! The projector: windows of states to a few embeddings each.
//!
//! Reference: transformers 5.23.0, `GraniteSpeechEncoderProjector`, `Blip2QFormerModel`.
//! Shapes: `B` utterances, `T` states of width `E`, `n` windows of `S` of them, `q` queries of width `Q`, `D` width of the
//! language model.

use burn::module::Param;
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;

use super::config::WindowQFormerConfig;
use super::layer::QFormerLayer;
use crate::adapter::error::AdapterError;
use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement};

/// Makes embeddings of states, window by window.
#[derive(Module, Debug)]
pub struct WindowQFormer {
    /// `[1, q, Q]`.
    query: Param<Tensor<3>>,
    layernorm: LayerNorm,
    layers: Vec<QFormerLayer>,
    linear: MatrixLinear,
    #[module(skip)]
    config: WindowQFormerConfig,
}

impl WindowQFormerConfig {
    /// Builds the projector with random weights on `device`.
    pub fn init(&self, device: &Device) -> WindowQFormer {
        let layers = &self.projector_config;
        let width = layers.hidden_size;
        let start = Initializer::Normal { mean: 0.0, std: 1.0 };
        WindowQFormer {
            query: start.init([1, self.queries(), width], device),
            layernorm: LayerNormConfig::new(width).with_epsilon(layers.layer_norm_eps).init(device),
            layers: (0..layers.num_hidden_layers).map(|number| layers.init_layer(number, device)).collect(),
            linear: LinearConfig::new(width, self.output_width()).init(device).into(),
            config: self.clone(),
        }
    }
}

impl WindowQFormer {
    /// Loads config and weights out of the folder of a speech language model; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, AdapterError> {
        let placement = placement.into();
        let config = WindowQFormerConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let prefix = prefix(&files);
        let model = config.init(placement.device());
        // The other parts of the folder are not the projector's.
        let is_ignored = |name: &str| !name.starts_with(prefix);
        let named = |path: &str| format!("{prefix}{}", hf_name(path));
        Ok(weights::load(model, &files, &placement, named, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &WindowQFormerConfig {
        &self.config
    }

    /// States `[B, T, E]` to embeddings `[B, n * q, D]`. A last window that is not full is filled with zeros, which are
    /// read as the other states are.
    pub fn forward(&self, states: &PaddedBatch) -> PaddedBatch {
        let [batch, time, width] = states.dims();
        let size = self.config.window_size;
        let windows = time.div_ceil(size);
        // [B, T, E] -> [B, n * S, E] -> [B * n, S, E]
        let states_of = states.values().pad([(0, windows * size - time), (0, 0)], 0.0);
        let states_of = states_of.reshape([batch * windows, size, width]);
        // [1, q, Q] -> [B * n, q, Q]
        let [_, count, query_width] = self.query.dims();
        let queries = self.layernorm.forward(self.query.val());
        let mut x = queries.expand([batch * windows, count, query_width]);
        for layer in &self.layers {
            x = layer.forward(x, &states_of);
        }
        // [B * n, q, Q] -> [B * n, q, D] -> [B, n * q, D]
        let embeddings = self.linear.forward(x);
        let embeddings = embeddings.reshape([batch, windows * count, self.config.output_width()]);
        let lengths = states.lengths().iter().map(|&length| self.config.count(length)).collect();
        PaddedBatch::new(embeddings, lengths)
    }
}

/// What the names of the projector's tensors begin with: transformers 5 has a module around it in memory, and files may
/// come with its name.
fn prefix(files: &WeightFiles) -> &'static str {
    if files.contains("model.projector.query") { "model.projector." } else { "projector." }
}

/// Our names in the path of a layer's tensor, and those of the file in their place. A path has one of them at most.
const NAMES: [(&str, &str); 8] = [
    ("attention.query.", "attention.attention.query."),
    ("attention.key.", "attention.attention.key."),
    ("attention.value.", "attention.attention.value."),
    ("attention.dense.", "attention.output.dense."),
    ("attention.norm.", "attention.output.LayerNorm."),
    (".up.", ".intermediate_query.dense."),
    (".down.", ".output_query.dense."),
    (".norm.", ".output_query.LayerNorm."),
];

/// The name in the file, behind its prefix, of the tensor at `path` in [`WindowQFormer`].
fn hf_name(path: &str) -> String {
    let named = match NAMES.iter().find(|(ours, _)| path.contains(ours)) {
        Some((ours, theirs)) => path.replacen(ours, theirs, 1),
        None => path.to_owned(),
    };
    if let Some(rest) = named.strip_prefix("layers.") {
        return format!("qformer.encoder.layer.{rest}");
    }
    if named.starts_with("layernorm.") { format!("qformer.{named}") } else { named }
}
