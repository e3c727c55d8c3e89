//! A frozen encoder without labels, and layers with a CTC head that were trained on top of it.
//!
//! Encoders that were trained to be read by a decoder, such as Whisper's, say nothing of frames themselves. A few
//! Conformer blocks behind them do, after a short training, and what is built on labels works with them too: soft tokens,
//! averaging of equal labels, word times, agreement, phrases that are searched in the sound.
//!
//! Papers: frozen encoders that feed a language model by their CTC posteriors, LegoSLM, arXiv 2505.11352; the blocks,
//! Conformer, arXiv 2005.08100. A folder has `config.json` ([`CtcLayersConfig`]), the layers' weights, the tokenizer of the
//! labels, the settings of the features, and the frozen encoder as it was published in the folder `base`.

mod config;
mod layers;
mod sizes;

pub use config::{CTC_LAYERS, CtcLayersConfig};
pub use layers::CtcLayers;
pub use sizes::LayersSizes;
