//! The frozen parts that an adapter stands between.

use std::path::Path;

use burn::prelude::*;
use slm_core::encoder::SpeechEncoder;
use slm_core::features::FeatureExtractor;
use slm_core::llm::LanguageModel;
use slm_core::text::TextTokenizer;

use crate::steps::config;

/// The frozen models and what goes with them.
pub struct Frozen {
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// SHA-256 of the encoder's weights.
    pub encoder_hash: String,
    /// The language model.
    pub llm: LanguageModel,
    /// SHA-256 of its weights.
    pub llm_hash: String,
    /// Its tokenizer.
    pub tokenizer: TextTokenizer,
    /// The tokenizer of the encoder's CTC labels, where its folder has one.
    pub labels: Option<TextTokenizer>,
    /// The encoder's features.
    pub features: FeatureExtractor,
    /// Where they live.
    pub device: Device,
}

impl Frozen {
    /// Loads both folders on `device`.
    ///
    /// # Errors
    ///
    /// Files that are missing, do not fit, or disagree.
    pub fn load(encoder: &Path, llm: &Path, device: &Device) -> anyhow::Result<Self> {
        let hash = |dir: &Path| anyhow::Ok(config::weights_hash(Some(dir))?.unwrap_or_default());
        let llm_model = LanguageModel::load(llm, device)?;
        let tokenizer = TextTokenizer::from_dir(llm)?;
        tokenizer.check_rows(llm_model.vocab_size())?;
        Ok(Self {
            labels: TextTokenizer::find(encoder)?,
            encoder: SpeechEncoder::load(encoder, device)?,
            encoder_hash: hash(encoder)?,
            llm: llm_model,
            llm_hash: hash(llm)?,
            tokenizer,
            features: FeatureExtractor::from_dir(encoder)?,
            device: device.clone(),
        })
    }
}
