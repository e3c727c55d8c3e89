//! The projector of Granite Speech: a few queries read each window of the encoder's states.
//!
//! Papers: *BLIP-2*, arXiv 2301.12597, section 3.1, of the querying Transformer; *SALMONN*, arXiv 2310.13289, section 3.1, of
//! the windows; *Granite-speech*, arXiv 2505.08699.

pub mod attention;
pub mod config;
pub mod layer;
pub mod model;

pub use config::{QFormerConfig, WindowQFormerConfig};
pub use model::WindowQFormer;
