//! What a published model is and takes, by its config alone.

use std::fs;

use anyhow::Context;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize_to_file};
use slm_core::models::checkpoint::{CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE};
use slm_core::models::nn::weights::Placement;
use slm_core::{ComputeType, MemoryEstimate, Model, ModelDescription};

use super::Published;
use crate::scratch;

/// A published model, as its config describes it.
#[derive(Debug)]
pub(crate) struct Outline {
    /// What it is and can do.
    pub(crate) described: ModelDescription,
    /// Its parameters.
    pub(crate) parameters: u64,
    /// What it takes with large matrices in 32 and in 16 bits.
    pub(crate) memory: [MemoryEstimate; 2],
}

impl Outline {
    /// Asks the code that opens models. Nothing is made on the device of `placement`.
    pub(crate) fn of(published: &Published, placement: &Placement) -> anyhow::Result<Self> {
        let dir = scratch::dir(|dir| {
            fs::write(dir.join(CONFIG_FILE), published.config)?;
            if let Some(class) = published.features {
                let settings = serde_json::json!({ "feature_extractor_type": class });
                fs::write(dir.join(PREPROCESSOR_FILE), settings.to_string())?;
            }
            // Tensors without values: only their names are looked at.
            let empty = |name: &&'static str| Ok((*name, TensorView::new(Dtype::F32, vec![0], &[])?));
            let tensors: Result<Vec<_>, safetensors::SafeTensorError> =
                published.tensors.iter().map(empty).collect();
            let written = tensors.and_then(|all| serialize_to_file(all, None, &dir.join(WEIGHTS_FILE)));
            written.map_err(std::io::Error::other)
        })?;
        Self::read(Model::describe(dir.path())?, placement).context(published.repository)
    }

    /// Of a model that is there.
    pub(crate) fn read(described: ModelDescription, placement: &Placement) -> anyhow::Result<Self> {
        let of = |compute| described.memory_by_config(placement, compute);
        let memory = [of(ComputeType::F32)?, of(ComputeType::F16)?];
        Ok(Self { parameters: memory[0].weights / ComputeType::F32.bytes(1), memory, described })
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::prelude::Device;

    use super::*;
    use crate::published::PUBLISHED;

    /// Parameters in millions, counted by others: of the reference of transformers' classes, or stated by the hub.
    const COUNTED: [(&str, f64); 16] = [
        ("nvidia/canary-1b-v2", 962.2),
        ("CohereLabs/cohere-transcribe-03-2026", 2065.6),
        ("ibm-granite/granite-4.0-1b-speech", 2313.1),
        ("ibm-granite/granite-speech-4.1-2b", 2313.1),
        ("ibm-granite/granite-speech-4.1-2b-plus", 2111.8),
        ("ibm-granite/granite-speech-3.3-2b", 3009.2),
        ("ibm-granite/granite-speech-3.3-8b", 8648.6),
        ("ibm-granite/granite-speech-5.0-470m-turboctc", 472.9),
        ("nvidia/parakeet-ctc-1.1b", 1062.5),
        ("google/medasr", 105.3),
        ("facebook/w2v-bert-2.0", 580.5),
        ("openai/whisper-base", 72.6),
        ("openai/whisper-large-v3", 1543.5),
        ("openai/whisper-large-v3-turbo", 808.9),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 134.5),
        ("Qwen/Qwen3-0.6B", 596.0),
    ];

    #[test]
    fn every_published_model_is_read_and_has_the_size_that_others_count() {
        let placement = Placement::new(&Device::flex());
        let mut sizes = std::collections::BTreeMap::new();
        for published in PUBLISHED {
            let outline = Outline::of(published, &placement).unwrap();
            assert!(outline.memory[0].working > 1 << 20, "{published:?}");
            assert_eq!(outline.memory[0].weights, 2 * outline.memory[1].weights);
            let before = sizes.insert(published.repository, outline.parameters as f64 / 1e6);
            assert!(before.is_none(), "{} is there twice", published.repository);
        }
        for (repository, expected) in COUNTED {
            let found = sizes[repository];
            assert!((found / expected - 1.0).abs() < 2e-3, "{repository}: {found} of {expected} M");
        }
    }
}
