//! A layer of a decoder that hears: attention to earlier positions, attention to the sound, and a feed-forward layer, each
//! behind a norm.
//!
//! Reference: transformers 5.23.0, `WhisperDecoderLayer`, whose files have these names for its parts, and
//! `CanaryDecoderLayer`.
//! Shapes: `B` rows, `L` positions, `S` states, `D` width.

use std::ops::Range;

use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;

use super::decoder::Memory;
use super::visibility::rows_of;
use crate::nn::host::add;
use crate::nn::matrix::MatrixLinear;
use crate::nn::transformer::{KeysValues, ScaledAttention, ScaledAttentionConfig};
use crate::nn::{ActivationKind, Watch};

/// What a [`PreNormLayer`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreNormConfig {
    /// Both attentions.
    pub attention: ScaledAttentionConfig,
    /// Width `F` of the feed-forward layer.
    pub inner_width: usize,
    /// Its activation.
    pub activation: ActivationKind,
}

/// A layer of the decoder.
#[derive(Module, Debug)]
pub struct PreNormLayer {
    self_attn: ScaledAttention,
    self_attn_layer_norm: LayerNorm,
    encoder_attn: ScaledAttention,
    encoder_attn_layer_norm: LayerNorm,
    fc1: MatrixLinear,
    fc2: MatrixLinear,
    final_layer_norm: LayerNorm,
    #[module(skip)]
    activation: ActivationKind,
}

impl PreNormConfig {
    /// Builds a layer with random weights on `device`.
    pub fn init(&self, device: &Device) -> PreNormLayer {
        let (width, inner) = (self.attention.width, self.inner_width);
        let norm = || LayerNormConfig::new(width).init(device);
        PreNormLayer {
            self_attn: self.attention.init(device),
            self_attn_layer_norm: norm(),
            encoder_attn: self.attention.init(device),
            encoder_attn_layer_norm: norm(),
            fc1: LinearConfig::new(width, inner).init(device).into(),
            fc2: LinearConfig::new(inner, width).init(device).into(),
            final_layer_norm: norm(),
            activation: self.activation,
        }
    }
}

impl PreNormLayer {
    /// Keys and values of the sound's states, `[B, S, D]`.
    pub(super) fn keys_values(&self, states: Tensor<3>) -> KeysValues {
        self.encoder_attn.keys_values(states)
    }

    /// `[B, L, D]` to the same. `own` turns the keys and values of these positions into those of all so far; `causal`
    /// hides what comes after a position, `[1, 1, L, positions]`.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        causal: &Tensor<4>,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
    ) -> Tensor<3> {
        let watch = Watch::default();
        let x = self.read_own(x, causal, own);
        let normed = self.encoder_attn_layer_norm.forward(x.clone());
        let read = memory.read(normed, |normed, source, bias| {
            let bias = |queries: Range<usize>| Some(rows_of(bias, queries));
            self.encoder_attn.forward(normed, source, bias, &watch)
        });
        let x = add(x, read);
        // [B, L, D] -> [B, L, F] -> [B, L, D]
        let inner = self.activation.apply(self.fc1.forward(self.final_layer_norm.forward(x.clone())));
        add(x, self.fc2.forward(inner))
    }

    /// How much the positions of a known text attend to the sound, `[B, L, D]` to `[B, H, L, S]`; `causal` as in
    /// [`Self::forward`].
    pub(super) fn attention(&self, x: Tensor<3>, causal: &Tensor<4>, memory: &Memory<'_>) -> Tensor<4> {
        let x = self.read_own(x, causal, |own| own);
        let normed = self.encoder_attn_layer_norm.forward(x);
        self.encoder_attn.weights(normed, &memory.source, memory.bias.clone())
    }

    /// Attention to earlier positions, `[B, L, D]` to the same.
    fn read_own(
        &self,
        x: Tensor<3>,
        causal: &Tensor<4>,
        own: impl FnOnce(KeysValues) -> KeysValues,
    ) -> Tensor<3> {
        let normed = self.self_attn_layer_norm.forward(x.clone());
        let (queries, written) = self.self_attn.queries_keys_values(normed);
        let bias = |queries: Range<usize>| Some(rows_of(causal, queries));
        add(x, self.self_attn.read(&queries, &own(written), bias, &Watch::default()))
    }
}
