//! The adapter: from the speech encoder's states to the language model's embedding space. The only part
//! that SLM trains.
//!
//! Paper: arXiv 2310.00230, section 3. [`reduction`] makes the sequence shorter, [`model`] maps it,
//! [`soft_tokens`] ties it to the pieces of text that the encoder hears.
//! [`window_qformer`] is what a published speech language model has in its place.

pub mod config;
pub mod model;
pub mod reduction;
pub mod soft_tokens;
pub mod window_qformer;

pub use config::{AdapterConfig, AdapterShape, OutputSpace};
pub use model::{Adapter, AdapterError};
pub use reduction::LengthReduction;
pub use soft_tokens::{SoftTokens, SoftTokensConfig, SoftTokensStart};
pub use window_qformer::{WindowQFormer, WindowQFormerConfig};
