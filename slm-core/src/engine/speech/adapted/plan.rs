//! How many tokens a text may have, and what writing it takes.

use super::Adapted;
use crate::adapter::LengthReduction;
use crate::decode::{DecodeConfig, Strategy, settings};
use crate::engine::request::{Request, TokenLimit};
use crate::prompt::Task;

/// Tokens that a text may have beside those that its duration gives.
const BASE_TOKENS: f64 = 16.0;
/// Tokens of a second of fast speech, in a language that takes many: ordinary speech has 3 to 5.
const TOKENS_A_SECOND: f64 = 12.0;
/// Soft tokens of a second of speech where there is one a label that was heard.
const LABELS_A_SECOND: f64 = 12.0;
/// Tokens of an instruction, for estimates.
const INSTRUCTION_TOKENS: usize = 64;

impl Adapted {
    /// Bytes of writing for `rows` pieces of `states` states and `seconds` each.
    pub(super) fn bytes(&self, rows: usize, states: usize, seconds: f64) -> u64 {
        let tokens = match self.adapter.config().shape.reduction {
            LengthReduction::Stride { every } => states.div_ceil(every.max(1)),
            LengthReduction::Stack { count } => states.div_ceil(count.max(1)),
            LengthReduction::Random { keep } => (states as f64 * keep).ceil() as usize,
            LengthReduction::CtcBlank { .. } | LengthReduction::CtcAverage => {
                states.min((seconds * LABELS_A_SECOND).ceil() as usize)
            }
        };
        let beams = match self.decode.strategy {
            Strategy::Beam { size, .. } => size,
            Strategy::Greedy | Strategy::Sample { .. } => 1,
        };
        let target = token_limit(seconds).min(settings::MAX_NEW_TOKENS);
        self.llm.working_bytes(rows * beams, tokens + INSTRUCTION_TOKENS, target)
    }

    /// How to decode a request for pieces of at most `seconds`: ids without a token are left out.
    pub(in crate::engine::speech) fn decoding_of(
        &self,
        request: &Request,
        task: &Task,
        seconds: f64,
    ) -> DecodeConfig {
        let limit = request.decode.vocab_limit.unwrap_or_else(|| self.tokenizer.len());
        let max_new_tokens = match request.token_limit {
            TokenLimit::AtMost(tokens) => tokens,
            TokenLimit::FollowsDuration if task.is_piecewise() => {
                token_limit(seconds).min(settings::MAX_NEW_TOKENS)
            }
            TokenLimit::FollowsDuration => request.decode.max_new_tokens,
        };
        let max_new_tokens = max_new_tokens.max(request.decode.min_new_tokens);
        DecodeConfig { vocab_limit: Some(limit), max_new_tokens, ..request.decode }
    }
}

/// Tokens of a text that is as long as `seconds` of fast speech.
fn token_limit(seconds: f64) -> usize {
    (BASE_TOKENS + TOKENS_A_SECOND * seconds).ceil() as usize
}
