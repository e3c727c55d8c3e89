//! From a prompt to texts: the language model's search.

use super::Adapted;
use crate::decode::{DecodeConfig, Hooks, generate_n_best};
use crate::engine::request::Request;
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::texts::texts;
use crate::engine::speech::writer::{OnText, Written};
use crate::nn::{PaddedBatch, Watch};

impl Adapted {
    /// What is written for each row of a prompt. `on_text` is for one row only.
    pub(super) fn texts(
        &self,
        prompt: &PaddedBatch,
        request: &Request,
        decode: &DecodeConfig,
        on_text: Option<OnText>,
        watch: &Watch,
    ) -> Result<Vec<Written>, SpeechError> {
        let memory = self.llm.encode_watched(prompt, watch);
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        texts(&self.tokenizer, request, decode.max_new_tokens, on_text, |stops, on_settled| {
            let mut hooks = Hooks {
                stops,
                // What it calls lives longer than the hooks.
                on_settled: match on_settled {
                    Some(tell) => Some(tell),
                    None => None,
                },
                prompts: &[],
                processors: &[],
                watch: watch.clone(),
            };
            Ok(generate_n_best(&self.llm, &memory, decode, &mut hooks)?)
        })
    }
}
