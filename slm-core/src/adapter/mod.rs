//! The adapter: from the speech encoder's states to the language model's embedding space. The only part
//! that SLM trains.
//!
//! Paper: arXiv 2310.00230, section 3. [`reduction`] makes the sequence shorter, [`model`] maps it,
//! [`soft_tokens`] ties it to the pieces of text that the encoder hears.
//! A published speech language model has a [`Projector`] in its place: [`window_qformer`] or [`linear_projector`].

pub mod config;
pub mod linear_projector;
pub mod model;
mod projector;
pub mod reduction;
pub mod soft_tokens;
pub mod window_qformer;

pub use config::{AdapterConfig, AdapterShape, OutputSpace};
pub use linear_projector::{LinearProjector, LinearProjectorConfig};
pub use model::{Adapter, AdapterError};
pub use projector::Projector;
pub use reduction::LengthReduction;
pub use soft_tokens::{SoftTokens, SoftTokensConfig, SoftTokensStart};
pub use window_qformer::{WindowQFormer, WindowQFormerConfig};
