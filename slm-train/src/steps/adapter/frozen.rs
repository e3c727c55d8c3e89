//! The frozen parts that an adapter stands between.

use std::collections::BTreeSet;
use std::path::Path;

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::ctc::label_tokenizer;
use slm_core::models::encoder::{SpeechEncoder, layers_problem};
use slm_core::models::features::FeatureExtractor;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::weights::{ComputeType, Placement};
use slm_core::models::text::TextTokenizer;

use crate::digest::digest;

/// The frozen models and what goes with them.
pub struct Frozen {
    /// The speech encoder's files.
    pub encoder_files: Checkpoint,
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// Hash of what it gives: weights, config, features, labels, and the type of its matrices.
    pub encoder_hash: String,
    /// The language model's files.
    pub llm_files: Checkpoint,
    /// The language model.
    pub llm: LanguageModel,
    /// Hash of its files, and the type of its matrices.
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
    /// Loads both models on a device, with their large matrices in the type that the placement asks for.
    ///
    /// # Errors
    ///
    /// Files that are missing, do not fit, or disagree, and a type that the device does not compute in.
    pub fn load(encoder: &Path, llm: &Path, placement: impl Into<Placement>) -> anyhow::Result<Self> {
        let placement = placement.into();
        placement.compute().check(placement.device())?;
        let (encoder_files, llm_files) = (Checkpoint::open(encoder)?, Checkpoint::open(llm)?);
        let llm = LanguageModel::load(&llm_files, &placement)?;
        let tokenizer = TextTokenizer::from_checkpoint(&llm_files)?;
        tokenizer.check_rows(llm.vocab_size())?;
        let encoder = SpeechEncoder::load(&encoder_files, &placement)?;
        Ok(Self {
            labels: label_tokenizer(encoder.sizes(), &encoder_files)?,
            encoder,
            encoder_hash: of_type(encoder_files.content_hash()?, placement.compute()),
            features: FeatureExtractor::from_checkpoint(&encoder_files)?,
            encoder_files,
            llm,
            llm_hash: of_type(llm_files.content_hash()?, placement.compute()),
            llm_files,
            tokenizer,
            device: placement.device().clone(),
        })
    }

    /// The same with an encoder that gives the states of `layers` beside its last ones. They are other states, so that what
    /// was kept of it is not taken for them.
    ///
    /// # Errors
    ///
    /// An encoder that does not have them.
    pub fn with_layers(mut self, layers: &BTreeSet<usize>) -> anyhow::Result<Self> {
        if let Some(problem) = layers_problem(self.encoder.sizes(), layers) {
            anyhow::bail!(problem);
        }
        if !layers.is_empty() {
            self.encoder = self.encoder.with_layers(layers);
            self.encoder_hash = digest(&(&self.encoder_hash, layers));
        }
        Ok(self)
    }
}

/// The hash of a model whose files have this one. In f32 it is theirs, by which runs that were begun before there were other
/// types go on.
fn of_type(hash: String, compute: ComputeType) -> String {
    if compute == ComputeType::F32 { hash } else { digest(&(hash, compute)) }
}

/// Bytes of the values of `model`, each tensor in its type; what is in few bits, which only the host multiplies, as in f32.
pub(super) fn bytes_of(model: &impl Module) -> u64 {
    struct Bytes(usize);
    impl ModuleVisitor for Bytes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let values: usize = param.lazy_shape().iter().product();
            self.0 += values * param.base().dtype().size();
        }
    }
    let mut bytes = Bytes(0);
    model.visit(&mut bytes);
    bytes.0 as u64
}
