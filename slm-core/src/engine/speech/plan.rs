//! What fits into the memory budget: how long audio may be at once, how many segments go together, how many tokens a text
//! may have.

use super::SpeechModel;
use super::segment::{Cutter, MAX_SEGMENT_SECONDS};
use crate::adapter::LengthReduction;
use crate::audio::SAMPLE_RATE;
use crate::audio::activity::Doubtful;
use crate::decode::{DecodeConfig, Strategy, settings};
use crate::engine::memory::largest_count;
use crate::engine::request::{Request, TokenLimit};
use crate::prompt::Task;

/// Tokens that a text may have beside those that its duration gives.
const BASE_TOKENS: f64 = 16.0;
/// What a task that needs all of the audio takes at once, in the longest segments that the model was trained on.
const WHOLE_SEGMENTS: f64 = 2.0;
/// Tokens of a second of fast speech, in a language that takes many: ordinary speech has 3 to 5.
const TOKENS_A_SECOND: f64 = 12.0;
/// Soft tokens of a second of speech where there is one a label that was heard.
const LABELS_A_SECOND: f64 = 12.0;
/// Tokens of an instruction, for estimates.
const INSTRUCTION_TOKENS: usize = 64;
/// The longest audio at once that is thought of: a day.
const LONGEST_HOURS: usize = 24;
/// Steps in which the longest audio is told.
const STEP_SECONDS: usize = 10;

impl SpeechModel {
    /// Bytes of work on `rows` stretches of `seconds` each, an estimate from the shapes of the models.
    pub fn working_bytes(&self, rows: usize, seconds: f64) -> u64 {
        let parts = &self.parts;
        let samples = seconds * f64::from(SAMPLE_RATE);
        let frames = (samples / parts.features.hop() as f64).ceil() as usize + 1;
        let states = frames.div_ceil(parts.encoder.stride().max(1));
        let tokens = match parts.adapter.config().shape.reduction {
            LengthReduction::Stride { every } => states.div_ceil(every.max(1)),
            LengthReduction::Stack { count } => states.div_ceil(count.max(1)),
            LengthReduction::Random { keep } => (states as f64 * keep).ceil() as usize,
            LengthReduction::CtcBlank { .. } | LengthReduction::CtcAverage => {
                states.min((seconds * LABELS_A_SECOND).ceil() as usize)
            }
        };
        let beams = match parts.decode.strategy {
            Strategy::Beam { size, .. } => size,
            Strategy::Greedy | Strategy::Sample { .. } => 1,
        };
        // On the host: samples, features, states and posteriors, each with the batch that they are copied to.
        let host = samples as usize
            + 2 * frames * parts.features.width()
            + 2 * states * (parts.encoder.output_width() + parts.encoder.labels().unwrap_or(0));
        let target = token_limit(seconds).min(settings::MAX_NEW_TOKENS);
        let llm = parts.llm.working_bytes(rows * beams, tokens + INSTRUCTION_TOKENS, target);
        let encoder = parts.encoder.working_bytes(rows, frames);
        (rows * host * size_of::<f32>()) as u64 + encoder.max(llm)
    }

    /// Seconds of audio at most for tasks that need all of it at once.
    pub fn longest_whole_seconds(&self) -> f64 {
        let most = LONGEST_HOURS * 3600 / STEP_SECONDS;
        let bytes = |steps: usize| self.working_bytes(1, (steps * STEP_SECONDS) as f64);
        let steps = largest_count(most, self.memory, bytes);
        // A segment always goes.
        ((steps * STEP_SECONDS) as f64).max(MAX_SEGMENT_SECONDS)
    }

    /// The longest segment of a request in seconds.
    pub fn longest_segment(&self, request: &Request) -> f64 {
        request.segmentation.max_segment.unwrap_or(self.parts.max_segment_seconds)
    }

    /// Seconds of audio at most that tasks which need all of it are given; of longer audio they get
    /// [a part](crate::LongAudio).
    pub fn whole_seconds(&self) -> f64 {
        self.longest_whole_seconds().min(WHOLE_SEGMENTS * self.parts.max_segment_seconds)
    }

    /// What cuts a recording for a request. Where the encoder has a CTC head that can tell noise from speech, it is given
    /// what is doubtful.
    pub(crate) fn cutter(&self, request: &Request) -> Cutter {
        let doubtful =
            if self.parts.encoder.labels().is_some() { Doubtful::StandsOut } else { Doubtful::IsQuiet };
        Cutter::new(&request.segmentation, self.longest_segment(request), doubtful)
    }

    /// Stretches of at most `seconds` that go through the model together.
    pub fn batch_rows(&self, seconds: f64) -> usize {
        largest_count(self.max_batch, self.memory, |rows| self.working_bytes(rows, seconds))
    }

    /// How to decode a request for stretches of at most `seconds`: ids without a token are left out.
    pub(super) fn decoding_of(&self, request: &Request, task: &Task, seconds: f64) -> DecodeConfig {
        let limit = request.decode.vocab_limit.unwrap_or_else(|| self.parts.tokenizer.len());
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
