//! From a prompt to texts: the language model's search, and its tokens as words.

use std::ops::ControlFlow;

use super::Adapted;
use crate::decode::{DecodeConfig, Finish, Hooks, Hypothesis, OnSettled, Settled, generate_n_best};
use crate::engine::answer::Alternative;
use crate::engine::request::Request;
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::stream::{GrowingText, until_stop};
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
        let rows = match on_text {
            None => self.generate(prompt, request, decode, None, watch)?,
            Some(on_text) => {
                let mut text = GrowingText::new(&self.tokenizer, &request.stop);
                let mut tell = |settled: Settled<'_>| {
                    let added = text.advance(settled.ids, settled.is_last);
                    if !added.is_empty() {
                        on_text(&added);
                    }
                    ControlFlow::Continue(())
                };
                self.generate(prompt, request, decode, Some(&mut tell), watch)?
            }
        };
        rows.into_iter().map(|hypotheses| self.written(&hypotheses, request, decode)).collect()
    }

    fn generate(
        &self,
        prompt: &PaddedBatch,
        request: &Request,
        decode: &DecodeConfig,
        on_settled: Option<OnSettled>,
        watch: &Watch,
    ) -> Result<Vec<Vec<Hypothesis>>, SpeechError> {
        let memory = self.llm.encode_watched(prompt, watch);
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        let stops =
            |ids: &[u32]| self.tokenizer.decode(ids).is_ok_and(|text| until_stop(&text, &request.stop).1);
        let mut hooks = Hooks {
            stops: request.stop.iter().any(|stop| !stop.is_empty()).then_some(&stops),
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
    }

    /// The text of the best hypothesis, and those of the others.
    fn written(
        &self,
        hypotheses: &[Hypothesis],
        request: &Request,
        decode: &DecodeConfig,
    ) -> Result<Written, SpeechError> {
        let mut texts = hypotheses
            .iter()
            .map(|hypothesis| {
                let text = self.tokenizer.decode(&hypothesis.ids)?;
                let text = until_stop(&text, &request.stop).0.trim().to_owned();
                Ok(Alternative { text, score: hypothesis.score })
            })
            .collect::<Result<Vec<_>, SpeechError>>()?
            .into_iter();
        let text = texts.next().map(|best| best.text).unwrap_or_default();
        let best = hypotheses.first();
        let is_cut = best.is_some_and(|best| best.finish == Finish::Length);
        Ok(Written {
            text,
            tokens: best.map(|best| best.ids.clone()).unwrap_or_default(),
            score: best.map_or(0.0, |best| best.score),
            stopped_at: is_cut.then_some(decode.max_new_tokens),
            alternatives: texts.collect(),
        })
    }
}
