//! From a search to texts: its tokens as words, told as they come where that is asked for.

use std::ops::ControlFlow;

use super::error::SpeechError;
use super::stream::{GrowingText, until_stop};
use super::writer::{OnText, Written};
use crate::decode::{
    DecodeConfig, DecodeError, Finish, Hooks, Hypothesis, OnSettled, Settled, StepProcessor, Stops, search,
    settings,
};
use crate::engine::answer::{Alternative, Answer};
use crate::engine::request::{Delivery, Request, TokenLimit};
use crate::engine::warning::Warning;
use crate::llm::{Drafts, LanguageModel};
use crate::nn::{PaddedBatch, Watch};
use crate::prompt::Task;
use crate::text::TextTokenizer;

/// Tokens that a text may have beside those that its duration gives.
const BASE_TOKENS: f64 = 16.0;
/// Tokens of a second of fast speech, in a language that takes many: ordinary speech has 3 to 5.
const TOKENS_A_SECOND: f64 = 12.0;

/// A language model at work on prompts.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) llm: &'a LanguageModel,
    pub(super) tokenizer: &'a TextTokenizer,
    pub(super) request: &'a Request,
    pub(super) decode: &'a DecodeConfig,
    /// The same prompts without the sound, where what the model says to them counts as well.
    pub(super) prior: Option<&'a PaddedBatch>,
    /// What changes the logits beside what `decode` asks for.
    pub(super) processors: &'a [&'a dyn StepProcessor],
    pub(super) watch: &'a Watch,
}

impl<'a> Texts<'a> {
    /// Texts that answer `prompt`, before their first id.
    fn begin(&self, prompt: &PaddedBatch) -> Drafts<'a> {
        self.llm.begin(&self.llm.encode_watched(prompt, self.watch), self.watch)
    }

    /// What is written for each row of a prompt. `on_text` is for one row only.
    pub(super) fn write(
        self,
        prompt: &PaddedBatch,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        let mut drafts = self.begin(prompt);
        if let (Some(prior), Some(weight)) = (self.prior, self.decode.prior_weight) {
            drafts = drafts.mixed_with(self.begin(prior), weight);
        }
        if self.watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        let limit = self.decode.max_new_tokens;
        texts(self.tokenizer, self.request, limit, on_text, |stops, on_settled| {
            let mut hooks = Hooks {
                stops,
                // What it calls lives longer than the hooks.
                on_settled: match on_settled {
                    Some(tell) => Some(tell),
                    None => None,
                },
                prompts: &[],
                processors: self.processors,
                watch: self.watch.clone(),
            };
            Ok(search(drafts, self.decode, &mut hooks)?)
        })
    }
}

/// What is written for each row, of at most `limit` tokens. `search` gives the hypotheses of each, the best first; it is
/// told which texts are complete and whom to tell of settled ids. `on_text` is for one row only.
pub(super) fn texts(
    tokenizer: &TextTokenizer,
    request: &Request,
    limit: usize,
    on_text: Option<OnText>,
    search: impl for<'a> FnOnce(
        Option<Stops<'a>>,
        Option<OnSettled<'a>>,
    ) -> Result<Vec<Vec<Hypothesis>>, SpeechError>,
) -> Result<Vec<Written>, SpeechError> {
    let is_complete =
        |ids: &[u32]| tokenizer.decode(ids).is_ok_and(|text| until_stop(&text, &request.stop).1);
    let has_stops = request.stop.iter().any(|stop| !stop.is_empty());
    let stops: Option<Stops<'_>> = if has_stops { Some(&is_complete) } else { None };
    let rows = match on_text {
        None => search(stops, None)?,
        Some(on_text) => {
            let mut text = GrowingText::new(tokenizer, &request.stop);
            let mut tell = |settled: Settled<'_>| {
                let added = text.advance(settled.ids, settled.is_last);
                if !added.is_empty() {
                    on_text(&added);
                }
                ControlFlow::Continue(())
            };
            search(stops, Some(&mut tell))?
        }
    };
    rows.iter().map(|hypotheses| written(tokenizer, hypotheses, request, limit)).collect()
}

/// The text of the best hypothesis, and those of the others.
fn written(
    tokenizer: &TextTokenizer,
    hypotheses: &[Hypothesis],
    request: &Request,
    limit: usize,
) -> Result<Written, SpeechError> {
    let mut texts = hypotheses
        .iter()
        .map(|hypothesis| {
            let text = tokenizer.decode(&hypothesis.ids)?;
            let text = until_stop(&text, &request.stop).0.trim().to_owned();
            Ok(Alternative::new(text, hypothesis.score))
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
        log_prob: best.map_or(0.0, |best| best.log_prob),
        stopped_at: is_cut.then_some(limit),
        alternatives: texts.collect(),
        ..Written::default()
    })
}

/// Refuses a way of decoding that cannot be, where `least_end` is the least of the ids that end a text.
pub(super) fn check(request: &Request, decode: &DecodeConfig, least_end: u32) -> Result<(), SpeechError> {
    let problems = decode.problems(least_end);
    if !problems.is_empty() {
        return Err(DecodeError::Config { problems }.into());
    }
    if request.delivery == Delivery::Text && !decode.can_stream() {
        return Err(SpeechError::CannotStream { hypotheses: decode.num_hypotheses });
    }
    Ok(())
}

/// How to decode a request for pieces of at most `seconds`: ids without a token are left out.
pub(super) fn decoding_of(
    request: &Request,
    task: &Task,
    seconds: f64,
    tokenizer: &TextTokenizer,
) -> DecodeConfig {
    let limit = request.decode.vocab_limit.unwrap_or_else(|| tokenizer.len());
    let max_new_tokens = match request.token_limit {
        TokenLimit::AtMost(tokens) => tokens,
        TokenLimit::FollowsDuration if task.is_piecewise() => token_limit(seconds),
        TokenLimit::FollowsDuration => request.decode.max_new_tokens,
    };
    let max_new_tokens = max_new_tokens.max(request.decode.min_new_tokens);
    DecodeConfig { vocab_limit: Some(limit), max_new_tokens, ..request.decode }
}

/// Tokens of a text that is as long as `seconds` of fast speech.
pub(super) fn token_limit(seconds: f64) -> usize {
    ((BASE_TOKENS + TOKENS_A_SECOND * seconds).ceil() as usize).min(settings::MAX_NEW_TOKENS)
}

/// What was written for a text in the place of speech, as an answer.
pub(super) fn answer(written: Written) -> Answer {
    let limit = |tokens| Warning::TextLimit { start: 0.0, end: 0.0, tokens };
    Answer {
        text: written.text,
        truncated: written.stopped_at.is_some(),
        score: written.score,
        alternatives: written.alternatives,
        warnings: written.stopped_at.map(limit).into_iter().collect(),
        ..Answer::default()
    }
}
