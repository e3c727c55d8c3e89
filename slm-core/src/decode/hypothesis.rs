//! Generated text and why it ends.

/// Why a hypothesis ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finish {
    /// The model wrote an end token.
    Eos,
    /// It reached [`DecodeConfig::max_new_tokens`](super::DecodeConfig::max_new_tokens).
    Length,
    /// It is complete, as [`Hooks::stops`](super::Hooks::stops) says.
    Stop,
    /// The caller ended it, by [`Hooks::on_settled`](super::Hooks::on_settled).
    Cancelled,
    /// The [processors](super::StepProcessor) ruled out every id that could follow.
    NoChoice,
}

/// Generated text, as token ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The ids, without start and end token.
    pub ids: Vec<u32>,
    /// The sum of the log-probabilities of all generated tokens, the end token included. Greedy and sampled texts have
    /// those that the model gives, whatever made the choice; those of beams are the processed ones, and the sum is
    /// divided by their number to the power of the length penalty.
    pub score: f64,
    /// That sum, not divided.
    pub log_prob: f64,
    /// Why it ends.
    pub finish: Finish,
}
