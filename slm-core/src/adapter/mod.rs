//! The adapter: from the speech encoder's states to the language model's embedding space. The only part
//! that SLM trains.
//!
//! Paper: arXiv 2310.00230, section 3. [`reduction`] makes the sequence shorter, [`layer_sum`] sums the encoder's layers
//! where it is asked to, and one of the kinds of [`AdapterKind`] maps what is left: [`transformer`], [`stacked`],
//! [`convolution`] or [`queries`], a file each. [`soft_tokens`] ties the first to the pieces of text that the encoder hears.
//! A published speech language model has a [`Projector`] in its place: [`window_qformer`] or [`linear_projector`].

pub mod config;
pub mod convolution;
mod error;
pub mod layer_sum;
pub mod linear_projector;
mod loudness;
pub mod model;
mod projector;
pub mod queries;
pub mod reduction;
mod sizes;
pub mod soft_tokens;
pub mod stacked;
pub mod transformer;
pub mod window_qformer;

pub use config::{AdapterConfig, AdapterKind, AdapterShape};
pub use convolution::ConvolutionShape;
pub use error::AdapterError;
pub use linear_projector::{LinearProjector, LinearProjectorConfig};
pub use model::Adapter;
pub use projector::Projector;
pub use queries::QueriesShape;
pub use reduction::{HeardToken, LengthReduction, ReducedSpeech};
pub use soft_tokens::{SoftTokens, SoftTokensConfig, SoftTokensStart};
pub use stacked::StackedShape;
pub use transformer::{OutputSpace, TransformerShape};
pub use window_qformer::{WindowQFormer, WindowQFormerConfig};

#[cfg(all(test, feature = "flex"))]
mod soft_tokens_tests;
