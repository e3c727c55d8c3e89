//! Activations, by the names that configs of transformers have for them.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::host;

/// An activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// `max(0, x)`.
    Relu,
    /// The error-function form.
    Gelu,
    /// The tanh form (`gelu_new`).
    GeluTanh,
    /// `x * sigmoid(x)`.
    Silu,
}

impl ActivationKind {
    /// `max(0, x)`, as a default of configs.
    pub fn relu() -> Self {
        Self::Relu
    }

    /// The error-function form, as a default of configs.
    pub fn gelu() -> Self {
        Self::Gelu
    }

    /// By the name that configs have for it (transformers 5.23.0, `ACT2FN`).
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "relu" => Some(Self::Relu),
            "gelu" | "gelu_python" => Some(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_fast" | "gelu_accurate" => {
                Some(Self::GeluTanh)
            }
            "silu" | "swish" => Some(Self::Silu),
            _ => None,
        }
    }

    /// Applies it to every value.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        host::activate(self, x)
    }

    /// Applies it to every value of `x`, times that of `gate`.
    pub fn apply_gated<const D: usize>(self, x: Tensor<D>, gate: Tensor<D>) -> Tensor<D> {
        host::activate_gated(self, x, gate)
    }
}
