//! T5Gemma and T5Gemma 2: encoder-decoders made of Gemma 2 and Gemma 3; and Gemma 3's [text] model itself, a decoder alone.
//!
//! Papers: *Encoder-Decoder Gemma*, arXiv 2504.06225 (T5Gemma); *T5Gemma 2*, arXiv 2512.14856. The two share all
//! parts: [`attention`], [`feed_forward`] and [`norm`], of which the layers of [`encoder`] and [`decoder`] are made.
//! What differs is configuration ([`config::GemmaVersion`]): where embeddings are scaled, how the decoder reads the
//! encoder, which norms attention has.

pub mod attention;
pub mod config;
pub mod decoder;
pub mod encoder;
pub mod feed_forward;
pub mod model;
pub mod norm;
mod places;
mod raw;
pub mod text;
pub mod text_config;

pub(super) use config::MODEL_TYPES;
pub use config::{GemmaConfig, GemmaVersion};
pub use model::T5Gemma;
pub use text::GemmaText;
pub use text_config::GemmaTextConfig;
pub(super) use text_config::MODEL_TYPES as TEXT_MODEL_TYPES;
