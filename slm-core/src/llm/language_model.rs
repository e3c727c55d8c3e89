//! Any of the language models.
//!
//! Shapes: `B` rows, `S` source positions, `L` target positions, `D` width, `V` vocabulary rows.

use burn::prelude::*;
use burn::tensor::Int;

use super::causal::CausalLm;
use super::drafts::Drafts;
use super::gemma::{GemmaText, T5Gemma};
use super::lora::{Attachment, Lora, LoraError, LoraProblem, LoraShape, TrainableLora};
use super::model::{LlmSizes, TextModel};
use super::shared_prompt::SharedPrompt;
use super::t5::T5;
use super::token_ids::TokenIds;
use crate::nn::{PaddedBatch, PaddedIds, Watch};

/// A language model of one of the families.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a program, tensors are handles")]
pub enum LanguageModel {
    /// T5, mT5, UMT5 and what is fine-tuned from them: `t5`, `mt5`, `umt5`.
    T5(T5),
    /// T5Gemma and T5Gemma 2: `t5gemma`, `t5gemma2`.
    T5Gemma(T5Gemma),
    /// Gemma 3's text model, a decoder alone: `gemma3_text`.
    GemmaText(GemmaText),
    /// Decoders alone: `llama`, `mistral`, `qwen2`, `qwen3`, `granite`.
    Causal(CausalLm),
}

impl LanguageModel {
    fn model(&self) -> &dyn TextModel {
        match self {
            Self::T5(model) => model,
            Self::T5Gemma(model) => model,
            Self::GemmaText(model) => model,
            Self::Causal(model) => model,
        }
    }

    /// The same with an adapter, whose matrices count beside its own. Where they are kept [apart](Attachment::Apart), all
    /// other tensors are those of `self`.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] for an adapter that was made for another model.
    pub fn with_lora(&self, adapter: &Lora, attachment: Attachment) -> Result<Self, LoraError> {
        Ok(match self {
            Self::T5(model) => Self::T5(model.with_lora(adapter, attachment)?),
            Self::T5Gemma(model) => Self::T5Gemma(model.with_lora(adapter, attachment)?),
            Self::GemmaText(model) => Self::GemmaText(model.with_lora(adapter, attachment)?),
            Self::Causal(model) => Self::Causal(model.with_lora(adapter, attachment)?),
        })
    }

    /// Fresh thin matrices on `device` for the maps that `shape` names, to be trained beside this model.
    ///
    /// # Errors
    ///
    /// [`LoraProblem::Target`] for a name that no linear map has.
    pub fn trainable_lora(&self, shape: &LoraShape, device: &Device) -> Result<TrainableLora, LoraProblem> {
        let name = |path: &str| match self {
            Self::T5(model) => model.tensor_name(path),
            Self::T5Gemma(model) => model.tensor_name(path),
            Self::GemmaText(_) => GemmaText::tensor_name(path),
            // Its parts have the names that files have for them.
            Self::Causal(_) => path.to_owned(),
        };
        TrainableLora::new(self, shape, name, device)
    }

    /// The same with thin matrices of [`Self::trainable_lora`] as they are now, through which gradients flow to them. All other
    /// tensors are those of `self`, and stay constants for autodiff.
    #[must_use]
    pub fn with_trainable_lora(&self, lora: &TrainableLora) -> Self {
        lora.beside(self.clone())
    }

    /// What its config says of it.
    pub fn sizes(&self) -> &dyn LlmSizes {
        self.model().sizes()
    }

    /// Width `D` of what [`Self::embed`] gives and [`Self::encode`] takes.
    pub fn d_model(&self) -> usize {
        self.sizes().d_model()
    }

    /// Vocabulary rows `V`, which may exceed the tokenizer's ids.
    pub fn vocab_size(&self) -> usize {
        self.sizes().vocab_size()
    }

    /// The ids that mean something to the model itself.
    pub fn ids(&self) -> TokenIds {
        self.sizes().ids()
    }

    /// The ids that end a text that it writes, one at least; those of `generation_config.json`, where that has some.
    pub fn ends(&self) -> &[u32] {
        self.sizes().ends()
    }

    /// The least of the ids that end a text.
    pub fn least_end(&self) -> u32 {
        self.ends().iter().copied().min().unwrap_or(self.ids().eos)
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`: what [`Self::encode`] takes, and the space that an adapter
    /// maps speech to. Where a family scales embeddings inside its encoder, speech is scaled with them.
    pub fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        self.model().embed(tokens)
    }

    /// The root mean square of what [`Self::embed`] gives, the size that adapted speech should have.
    pub fn embedding_rms(&self) -> Tensor<1> {
        self.model().embedding_rms()
    }

    /// Reads embeddings of speech, text or both, `[B, S, D]` to `[B, S, D]`. A decoder-only model gives them back, as it
    /// reads them where a text [begins](Self::begin).
    pub fn encode(&self, inputs: &PaddedBatch) -> PaddedBatch {
        self.encode_watched(inputs, &Watch::default())
    }

    /// The same until `watch` stops: from then on the states are unfinished.
    pub fn encode_watched(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        self.model().encode(inputs, watch)
    }

    /// Teacher forcing: logits `[B, L, V]` after each of the decoder's input ids `[B, L]`. The first of them stands for the
    /// place where a text begins: it is an encoder-decoder's start token, and a decoder-only model, which goes on from
    /// `memory` itself, does not read it.
    pub fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        self.model().decode(memory, decoder_input_ids)
    }

    /// Reads ids `[1, P]` that several prompts begin with, once for all of them; `None` for a model that does not read
    /// prompts from their beginning. No gradient flows through them.
    pub fn read_shared(&self, ids: &PaddedIds) -> Option<SharedPrompt> {
        self.model().read_shared(ids)
    }

    /// As [`Self::decode`], where the prompts begin with what was [read](Self::read_shared) by this model, and `memory` is
    /// what follows it.
    pub fn decode_behind(
        &self,
        shared: &SharedPrompt,
        memory: &PaddedBatch,
        decoder_input_ids: Tensor<2, Int>,
    ) -> Tensor<3> {
        self.model().decode_behind(shared, memory, decoder_input_ids)
    }

    /// Texts over `memory` `[B, S, D]`, before their first id; once `watch` stops, of unfinished states.
    pub fn begin(&self, memory: &PaddedBatch, watch: &Watch) -> Drafts<'_> {
        self.model().begin(memory, watch)
    }

    /// [`LlmSizes::working_bytes`].
    pub fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64 {
        self.sizes().working_bytes(rows, source, target)
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::activation::log_softmax;

    use super::*;
    use crate::checkpoint::{CONFIG_FILE, Checkpoint};
    use crate::llm::causal::CausalConfig;
    use crate::llm::gemma::{GemmaConfig, GemmaTextConfig};
    use crate::llm::t5::{OutputHead, T5Config};

    const WIDTH: usize = 12;
    /// More than two blocks of the cache hold.
    const STEPS: usize = 70;

    fn t5(model_type: &str, device: &Device) -> LanguageModel {
        let config = T5Config {
            model_type: model_type.to_owned(),
            vocab_size: 20,
            d_model: WIDTH,
            d_kv: 4,
            d_ff: 16,
            num_layers: 1,
            num_decoder_layers: Some(2),
            num_heads: 2,
            relative_attention_num_buckets: 8,
            relative_attention_max_distance: 20,
            ..T5Config::default()
        };
        LanguageModel::T5(config.init(OutputHead::Own, device))
    }

    fn gemma(model_type: &str, device: &Device) -> LanguageModel {
        let stack = r#"{"vocab_size": 20, "hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4, "query_pre_attn_scalar": 4,
            "sliding_window": 5, "layer_types": ["sliding_attention", "full_attention"]}"#;
        let text = format!(r#"{{"model_type": "{model_type}", "encoder": {stack}, "decoder": {stack}}}"#);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
        let config = GemmaConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap()).unwrap();
        LanguageModel::T5Gemma(config.init(device))
    }

    fn gemma_text(device: &Device) -> LanguageModel {
        let text = r#"{"model_type": "gemma3_text", "vocab_size": 20, "hidden_size": 12, "intermediate_size": 16,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4,
            "query_pre_attn_scalar": 4, "sliding_window": 5, "sliding_window_pattern": 2}"#;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        LanguageModel::GemmaText(GemmaTextConfig::from_checkpoint(&checkpoint).unwrap().init(device))
    }

    fn causal(model_type: &str, device: &Device) -> LanguageModel {
        let text = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 20, "hidden_size": 12, "intermediate_size": 16,
                "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4,
                "sliding_window": 7, "eos_token_id": 1, "bos_token_id": 0, "residual_multiplier": 0.5}}"#
        );
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
        let config = CausalConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap()).unwrap();
        LanguageModel::Causal(config.init(device))
    }

    #[test]
    fn steps_give_what_all_positions_at_once_give() {
        let device = Device::flex();
        device.seed(11);
        let models = vec![
            t5("t5", &device),
            t5("umt5", &device),
            gemma("t5gemma", &device),
            gemma("t5gemma2", &device),
            gemma_text(&device),
            causal("llama", &device),
            causal("mistral", &device),
            causal("qwen2", &device),
            causal("qwen3", &device),
            causal("granite", &device),
        ];
        for model in models {
            let x = Tensor::random([2, 9, WIDTH], Distribution::Normal(0.0, 1.0), &device);
            let memory = model.encode(&PaddedBatch::new(x, vec![9, 4]));
            let mut ids: Vec<i64> = (0..2 * STEPS as i64).map(|i| i * i % 17).collect();
            (ids[0], ids[STEPS]) = (model.ids().decoder_start.into(), model.ids().decoder_start.into());
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [2, STEPS]), &device);
            let expected = model.decode(&memory, ids.clone());
            let mut drafts = model.begin(&memory, &Watch::default());
            let mut found = drafts.first;
            for t in 0..STEPS {
                if t > 0 {
                    found = drafts.state.step(ids.clone().narrow(1, t, 1));
                }
                let gap = found.clone() - expected.clone().narrow(1, t, 1).squeeze_dim::<2>(1);
                let gap = gap.abs().max().try_into_scalar::<f32>().unwrap();
                assert!(gap < 1e-4, "{model:?}: {gap} at step {t}");
            }
        }
    }

    #[test]
    fn rows_that_are_kept_go_on_as_before() {
        let device = Device::flex();
        device.seed(12);
        for model in
            [t5("t5", &device), gemma("t5gemma2", &device), gemma_text(&device), causal("mistral", &device)]
        {
            let x = Tensor::random([3, 9, WIDTH], Distribution::Normal(0.0, 1.0), &device);
            let memory = model.encode(&PaddedBatch::new(x, vec![9, 4, 6]));
            let next = |rows: usize| Tensor::<2, Int>::full([rows, 1], 5, &device);
            let steps = |memory: &PaddedBatch, kept: Option<&[usize]>| {
                let mut drafts = model.begin(memory, &Watch::default());
                drafts.state.step(next(memory.lengths().len()));
                let rows = kept.map_or(memory.lengths().len(), |kept| {
                    drafts.state.select(kept);
                    kept.len()
                });
                drafts.state.step(next(rows))
            };
            let kept = [2, 1, 1];
            let gap = steps(&memory, Some(&kept)) - steps(&memory.select(&kept), None);
            let gap = gap.abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-5, "{model:?}: {gap}");
        }
    }

    #[test]
    fn what_prompts_begin_with_is_read_once_for_all() {
        let device = Device::flex();
        device.seed(13);
        for name in ["llama", "mistral", "qwen2", "qwen3", "granite"] {
            let model = causal(name, &device);
            let beginning: Vec<u32> = (0..11).map(|i| i * i % 17).collect();
            let shared = model.read_shared(&PaddedIds::from_rows(&[&beginning], 0, &device)).unwrap();
            assert_eq!(shared.len(), 11);
            // Rows of other lengths follow it.
            let rest = PaddedBatch::new(
                Tensor::random([2, 6, WIDTH], Distribution::Normal(0.0, 1.0), &device),
                vec![6, 3],
            );
            let twice: [&[u32]; 2] = [&beginning, &beginning];
            let whole = model.embed(&PaddedIds::from_rows(&twice, 0, &device)).join(&rest);
            let ids: Vec<i64> = (0..14).map(|i| i * 5 % 13).collect();
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [2, 7]), &device);
            let expected = model.decode(&model.encode(&whole), ids.clone());
            let found = model.decode_behind(&shared, &model.encode(&rest), ids);
            let gap = (found - expected).abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-5, "{name}: {gap}");
        }
        for model in [t5("t5", &device), gemma("t5gemma", &device), gemma_text(&device)] {
            assert!(model.read_shared(&PaddedIds::from_rows(&[&[1_u32, 2][..]], 0, &device)).is_none());
        }
    }

    #[test]
    fn texts_that_are_read_in_two_ways_have_the_mean_of_both() {
        let device = Device::flex();
        device.seed(14);
        let model = causal("llama", &device);
        let memory = |length: usize| {
            let x = Tensor::random([2, length, WIDTH], Distribution::Normal(0.0, 1.0), &device);
            model.encode(&PaddedBatch::new(x, vec![length, length - 1]))
        };
        let (one, other) = (memory(6), memory(4));
        let watch = Watch::default();
        let next = |row: i64| Tensor::<2, Int>::full([2, 1], row, &device);
        let last = |mut drafts: Drafts<'_>| {
            drafts.state.step(next(3));
            drafts.state.select(&[1, 1]);
            log_softmax(drafts.state.step(next(7)), 1)
        };
        for weight in [0.0, 0.3, 1.0] {
            let mixed = model.begin(&one, &watch).mixed_with(model.begin(&other, &watch), weight);
            let mean =
                last(model.begin(&one, &watch)) * (1.0 - weight) + last(model.begin(&other, &watch)) * weight;
            let gap = (last(mixed) - log_softmax(mean, 1)).abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-5, "{weight}: {gap}");
        }
    }
}
