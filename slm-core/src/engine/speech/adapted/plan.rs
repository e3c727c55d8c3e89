//! How many tokens a text may have, and what writing it takes.

use super::Adapted;
use crate::adapter::LengthReduction;
use crate::decode::DecodeConfig;
use crate::engine::request::Request;
use crate::engine::speech::texts::{self, token_limit};
use crate::prompt::Task;

/// Soft tokens of a second of speech where there is one a label that was heard.
const LABELS_A_SECOND: f64 = 12.0;

impl Adapted {
    /// Bytes of writing for `rows` pieces of `states` states and `seconds` each.
    pub(super) fn bytes(&self, rows: usize, states: usize, seconds: f64) -> u64 {
        let shape = &self.adapter.config().shape;
        let reduced = match shape.reduction {
            LengthReduction::Stride { every } => states.div_ceil(every.max(1)),
            LengthReduction::Stack { count } => states.div_ceil(count.max(1)),
            LengthReduction::Random { keep } => (states as f64 * keep).ceil() as usize,
            LengthReduction::CtcBlank { .. } | LengthReduction::CtcAverage | LengthReduction::LlmTokens => {
                states.min((seconds * LABELS_A_SECOND).ceil() as usize)
            }
        };
        let source = shape.kind.count(reduced) + self.form.usual_tokens();
        self.llm.working_bytes(rows * self.decode.beams(), source, token_limit(seconds))
    }

    /// How to decode a request for pieces of at most `seconds`: ids without a token are left out.
    pub(in crate::engine::speech) fn decoding_of(
        &self,
        request: &Request,
        task: &Task,
        seconds: f64,
    ) -> DecodeConfig {
        texts::decoding_of(request, task, seconds, &self.tokenizer)
    }
}
