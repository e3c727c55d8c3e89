//! T5, mT5 and UMT5: an encoder reads, a decoder writes.
//!
//! [`config`] has the sizes, [`decoder`] the blocks that write, and the model joins them; the blocks that read are
//! [`TransformerEncoder`](crate::nn::transformer::TransformerEncoder), which the adapter has too.

pub mod config;
pub mod decoder;
mod model;

pub(super) use config::MODEL_TYPES;
pub use config::T5Config;
pub use model::T5;

pub use super::output_head::OutputHead;
