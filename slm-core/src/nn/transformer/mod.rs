//! The pre-norm Transformer layers that T5 and the adapter share.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. [`encoder`] is a stack of blocks of [`attention`] and [`feed_forward`];
//! positions come in as a [`relative_bias`] of the scores. [`scaled_attention`] is that of Whisper, Canary
//! and Cohere Transcribe.

pub mod attention;
pub mod encoder;
pub mod feed_forward;
pub mod relative_bias;
pub mod scaled_attention;

pub use super::attend::KeysValues;
pub use attention::{Attention, AttentionConfig};
pub use encoder::{TransformerConfig, TransformerEncoder};
pub use feed_forward::{FeedForward, FeedForwardConfig, FeedForwardKind};
pub use relative_bias::{BiasSharing, Buckets, Direction, RelativeBias, RelativeBiasConfig};
pub use scaled_attention::{AttentionBias, ScaledAttention, ScaledAttentionConfig};
