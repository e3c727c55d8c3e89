//! The adapter: from the speech encoder's states to the language model's embedding space. The only part
//! that SLM trains.
//!
//! Paper: arXiv 2310.00230, section 3. [`reduction`] makes the sequence shorter, [`model`] maps it.

pub mod model;
pub mod reduction;

pub use model::{Adapter, AdapterConfig, AdapterError};
pub use reduction::LengthReduction;
