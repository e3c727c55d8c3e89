//! Text generation: which token comes next, until an end token or the limit.
//!
//! Three strategies over the same cached steps: greedy, beam search and sampling. They run over [`Drafts`], so that they
//! do not know what a model is made of. Between the model's scores and the
//! choice of an id stands one seam, [`StepProcessor`]: penalties, limits and what the caller adds. Reference:
//! transformers 5.23.0, `generation/utils.py` and `generation/logits_process.py`. The logits are read back once a step
//! and chosen from on the host, so that every backend chooses alike; ties go to the lowest id.
//! Shapes: `B` rows, `S` source positions, `D` width, `V` vocabulary rows.

mod beam;
mod config;
mod error;
mod greedy;
mod hooks;
mod hypothesis;
mod processors;
mod sample;
pub mod settings;
mod step;

pub use config::{DEFAULT_MAX_NEW_TOKENS, DecodeConfig, Strategy};
pub use error::DecodeError;
pub use hooks::{Hooks, OnSettled, Settled, Stops};
pub use hypothesis::{Finish, Hypothesis};
pub use processors::{BoostedPhrases, JointCtc, SpelledIds, StepProcessor, StepText};

use crate::llm::{Drafts, LanguageModel};
use crate::nn::PaddedBatch;

/// Generates the best hypothesis for each row of what the model has [read](LanguageModel::encode), `[B, S, D]`.
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

/// Generates [`DecodeConfig::num_hypotheses`] hypotheses for each row of what the model has
/// [read](LanguageModel::encode), `[B, S, D]`, the best first; fewer where a search finds fewer, one at least.
///
/// # Errors
///
/// As [`generate`], and [`DecodeError::Cancelled`] when the watch of `hooks` stops.
pub fn generate_n_best(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
    hooks: &mut Hooks,
) -> Result<Vec<Vec<Hypothesis>>, DecodeError> {
    if memory.lengths().is_empty() {
        config.check(model.ends())?;
        return Ok(Vec::new());
    }
    search(model.begin(memory, &hooks.watch), config, hooks)
}

/// The same for the texts of any model, which have not begun.
///
/// # Errors
///
/// As [`generate_n_best`].
pub fn search(
    drafts: Drafts<'_>,
    config: &DecodeConfig,
    hooks: &mut Hooks,
) -> Result<Vec<Vec<Hypothesis>>, DecodeError> {
    config.check(drafts.ends)?;
    match config.strategy {
        Strategy::Greedy => {
            let rows = greedy::generate(drafts, config, hooks)?;
            Ok(rows.into_iter().map(|hypothesis| vec![hypothesis]).collect())
        }
        Strategy::Beam { size, length_penalty } => {
            beam::generate(drafts, config, hooks, size, length_penalty)
        }
        Strategy::Sample { temperature, top_k, top_p, seed } => {
            let filter = sample::Filter { temperature, top_k, top_p };
            sample::generate(drafts, config, hooks, filter, seed)
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod causal_tests;
#[cfg(all(test, feature = "flex"))]
mod tests;
