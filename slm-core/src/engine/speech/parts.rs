//! The parts of a model, and whether they fit.

use std::collections::BTreeMap;

use crate::adapter::Adapter;
use crate::checkpoint::bundle::TaskDecoding;
use crate::decode::DecodeConfig;
use crate::encoder::SpeechEncoder;
use crate::features::FeatureExtractor;
use crate::llm::LanguageModel;
use crate::prompt::Templates;
use crate::text::TextTokenizer;

/// The parts of a [`SpeechModel`](super::SpeechModel); all tensors are on one device, without autodiff.
#[derive(Debug, Clone)]
pub struct SpeechParts {
    /// The encoder's features.
    pub features: FeatureExtractor,
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// The adapter.
    pub adapter: Adapter,
    /// The language model.
    pub llm: LanguageModel,
    /// The language model's tokenizer.
    pub tokenizer: TextTokenizer,
    /// The tokenizer of the encoder's CTC labels, where there is one.
    pub labels: Option<TextTokenizer>,
    /// The phrasings of the tasks.
    pub templates: Templates,
    /// How the language model is decoded where neither a task nor a request says it.
    pub decode: DecodeConfig,
    /// What tasks want otherwise, by their keys.
    pub task_decoding: BTreeMap<String, TaskDecoding>,
    /// The longest segment in seconds, as the model was trained.
    pub max_segment_seconds: f64,
}

impl SpeechParts {
    /// Fields of different parts that contradict each other, one text a pair.
    pub(super) fn problems(&self) -> Vec<String> {
        let adapter = self.adapter.config();
        let mut problems = Vec::new();
        for (one, found, other, expected) in [
            (
                "the width of the features",
                self.features.width(),
                "that of the encoder's input",
                self.encoder.input_width(),
            ),
            (
                "adapter `encoder_dim`",
                adapter.encoder_dim,
                "the encoder's width",
                self.encoder.output_width(),
            ),
            ("adapter `llm_dim`", adapter.llm_dim, "language model `d_model`", self.llm.d_model()),
        ] {
            if found != expected {
                problems.push(format!("{one} is {found}, {other} is {expected}"));
            }
        }
        if adapter.shape.reduction.needs_ctc() && self.encoder.labels().is_none() {
            problems.push("adapter `reduction` needs a CTC head, the encoder has none".to_owned());
        }
        problems
    }
}
