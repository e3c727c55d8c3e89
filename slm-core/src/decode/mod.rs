//! Text generation: which token comes next, until the end token or the limit.
//!
//! Three strategies over the same cached steps: `greedy`, `sample` and `beam`. Reference:
//! transformers 5.23.0, `generation/utils.py` and `generation/logits_process.py`. The logits are read
//! back once a step and chosen from on the host, so that every backend chooses alike; ties go to the
//! lowest id. Shapes: `B` rows, `S` source positions, `D` width, `V` vocabulary rows.

mod beam;
mod boost;
mod greedy;
mod hooks;
mod penalty;
mod sample;
pub mod settings;
mod step;

pub use boost::Boost;
pub use hooks::{Hooks, OnSettled, Settled, Stops};

use serde::Serialize;

use crate::batch::PaddedBatch;
use crate::llm::LanguageModel;

/// Tokens generated at most when nothing else is asked for.
pub const DEFAULT_MAX_NEW_TOKENS: usize = 128;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "strategy", rename_all = "snake_case")]
pub enum Strategy {
    /// The most probable one.
    Greedy,
    /// The best of several continuations kept side by side.
    Beam {
        /// Continuations kept a row.
        size: usize,
        /// Exponent of the length that a finished continuation's log-probability is divided by: 1 for
        /// the mean, 0 for the sum, more for longer output.
        length_penalty: f64,
    },
    /// A random one, by its probability.
    Sample {
        /// What logits are divided by: below 1 sharper, above 1 flatter.
        temperature: f64,
        /// Only the this many most probable ids.
        top_k: Option<usize>,
        /// Only the most probable ids that together reach this share.
        top_p: Option<f64>,
        /// Where the random numbers start; the same seed gives the same text.
        seed: u64,
    },
}

/// Settings of [`generate`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecodeConfig {
    /// How the next token is chosen. Default: greedy.
    #[serde(flatten)]
    pub strategy: Strategy,
    /// Tokens generated at most, the end token included. Default: [`DEFAULT_MAX_NEW_TOKENS`].
    pub max_new_tokens: usize,
    /// Tokens generated at least, before which the end token is never chosen. Default: 0.
    pub min_new_tokens: usize,
    /// Ids from here on are never chosen: rows of the embedding without a token. Default: none.
    pub vocab_limit: Option<usize>,
    /// What the score of an id that the text has already is divided by where positive, and multiplied by where
    /// negative: above 1 fewer repetitions. Default: none.
    pub repetition_penalty: Option<f64>,
    /// No sequence of this many ids occurs twice in a text. Default: none.
    pub no_repeat_ngram: Option<usize>,
    /// Hypotheses that [`generate_n_best`] gives a row: at most the beams, 1 when greedy. Default: 1.
    pub num_hypotheses: usize,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self {
            strategy: Strategy::Greedy,
            max_new_tokens: DEFAULT_MAX_NEW_TOKENS,
            min_new_tokens: 0,
            vocab_limit: None,
            repetition_penalty: None,
            no_repeat_ngram: None,
            num_hypotheses: 1,
        }
    }
}

impl DecodeConfig {
    /// All settings that are out of range for a model whose end token is `eos`, one text each; empty when sound.
    pub fn problems(&self, eos: u32) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, text: String| {
            if !ok {
                problems.push(text);
            }
        };
        check(self.max_new_tokens > 0, "`max_new_tokens` is 0, must be 1 or more".into());
        check(
            self.min_new_tokens <= self.max_new_tokens,
            format!(
                "`min_new_tokens` is {}, `max_new_tokens` only {}",
                self.min_new_tokens, self.max_new_tokens
            ),
        );
        if let Some(limit) = self.vocab_limit {
            let least = 2.max(eos as usize + 1);
            check(limit >= least, format!("`vocab_limit` is {limit}, must be {least} or more"));
        }
        if let Some(penalty) = self.repetition_penalty {
            check(
                penalty.is_finite() && penalty > 0.0,
                format!("`repetition_penalty` {penalty} is not a positive number"),
            );
        }
        check(self.no_repeat_ngram != Some(0), "`no_repeat_ngram` is 0, must be 1 or more".into());
        let count = self.num_hypotheses;
        let most = match self.strategy {
            Strategy::Greedy => 1,
            Strategy::Beam { size, .. } => size.max(1),
            Strategy::Sample { .. } => settings::MAX_BEAMS,
        };
        check(
            (1..=most).contains(&count),
            format!("`num_hypotheses` is {count}, must be 1 to {most}, the beams or draws"),
        );
        match self.strategy {
            Strategy::Greedy => {}
            Strategy::Beam { size, length_penalty } => {
                check(size > 0, "beam `size` is 0, must be 1 or more".into());
                check(length_penalty.is_finite(), format!("`length_penalty` {length_penalty} is not finite"));
            }
            Strategy::Sample { temperature, top_k, top_p, .. } => {
                check(
                    temperature.is_finite() && temperature > 0.0,
                    format!("`temperature` {temperature} is not a positive number"),
                );
                check(top_k != Some(0), "`top_k` is 0, must be 1 or more".into());
                if let Some(share) = top_p {
                    check(share > 0.0 && share <= 1.0, format!("`top_p` {share} is not in (0, 1]"));
                }
            }
        }
        problems
    }
}

/// Why a hypothesis ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model wrote the end token.
    Eos,
    /// It reached [`DecodeConfig::max_new_tokens`].
    Length,
    /// It is complete, as [`Hooks::stops`] says.
    Stop,
    /// The caller ended it, by [`Hooks::on_settled`].
    Cancelled,
}

/// Generated text, as token ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The ids, without start and end token.
    pub ids: Vec<u32>,
    /// The sum of the log-probabilities of all generated tokens, the end token included; with beams divided by their
    /// number to the power of the length penalty, and after penalties and boosts.
    pub score: f64,
    /// Why it ends.
    pub finish: Finish,
}

/// Why no text could be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Settings out of range.
    #[error("invalid decoding settings: {}", problems.join(", "))]
    Config {
        /// One text a setting.
        problems: Vec<String>,
    },
    /// The device failed.
    #[error("cannot read the logits of step {step} from the device: {reason}")]
    ReadBack {
        /// The step, counted from 0.
        step: usize,
        /// What the backend said.
        reason: String,
    },
    /// The model's output is NaN or infinite.
    #[error("the logits of step {step} are not finite in row {row}")]
    NonFinite {
        /// The step, counted from 0.
        step: usize,
        /// The row of the batch in that step.
        row: usize,
    },
}

/// Generates the best hypothesis for each row of the encoder's output `[B, S, D]`.
///
/// # Errors
///
/// [`DecodeError`] for settings out of range, a failing device, or a model that gives no numbers.
pub fn generate(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
) -> Result<Vec<Hypothesis>, DecodeError> {
    let rows = generate_n_best(model, memory, config, &mut Hooks::default())?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next()).collect())
}

/// Generates [`DecodeConfig::num_hypotheses`] hypotheses for each row of the encoder's output `[B, S, D]`, the best
/// first; fewer where a search finds fewer, one at least.
///
/// # Errors
///
/// As [`generate`].
pub fn generate_n_best(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
    hooks: &mut Hooks,
) -> Result<Vec<Vec<Hypothesis>>, DecodeError> {
    let problems = config.problems(model.ids().eos);
    if !problems.is_empty() {
        return Err(DecodeError::Config { problems });
    }
    if memory.lengths().is_empty() {
        return Ok(Vec::new());
    }
    match config.strategy {
        Strategy::Greedy => {
            let rows = greedy::generate(model, memory, config, hooks)?;
            Ok(rows.into_iter().map(|hypothesis| vec![hypothesis]).collect())
        }
        Strategy::Beam { size, length_penalty } => {
            beam::generate(model, memory, config, hooks, size, length_penalty)
        }
        Strategy::Sample { temperature, top_k, top_p, seed } => {
            let filter = sample::Filter { temperature, top_k, top_p };
            sample::generate(model, memory, config, hooks, filter, seed)
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests;
