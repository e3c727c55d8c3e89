//! How text is generated: the strategy and its limits.

use serde::Serialize;

use super::error::DecodeError;
use crate::checkpoint::TaskDecoding;

/// Tokens generated at most when nothing else is asked for.
pub const DEFAULT_MAX_NEW_TOKENS: usize = 128;

/// The most beams, and the most texts that are drawn for a row: the cost of a step grows with them.
const MAX_BEAMS: usize = TaskDecoding::MAX_BEAMS;
/// The length penalty that makes the mean log-probability the score.
const MEAN: f64 = 1.0;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "strategy", rename_all = "snake_case")]
#[non_exhaustive]
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

impl Strategy {
    /// The same with `size` beams, or greedy where that is one, which gives the same text at less cost. Beams are scored
    /// as before; where there were none, by the mean log-probability, as transformers does by default.
    #[must_use]
    pub fn with_beams(self, size: usize) -> Self {
        let length_penalty = match self {
            Self::Beam { length_penalty, .. } => length_penalty,
            Self::Greedy | Self::Sample { .. } => MEAN,
        };
        if size == 1 { Self::Greedy } else { Self::Beam { size, length_penalty } }
    }

    /// What logits are divided by before an id is drawn; 0 where none is drawn.
    pub fn temperature(self) -> f64 {
        match self {
            Self::Sample { temperature, .. } => temperature,
            Self::Greedy | Self::Beam { .. } => 0.0,
        }
    }
}

/// Settings of generation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DecodeConfig {
    /// How the next token is chosen. Default: greedy.
    #[serde(flatten)]
    pub strategy: Strategy,
    /// Tokens generated at most, the end token included. Default: 128.
    pub max_new_tokens: usize,
    /// Tokens generated at least, before which no end token is chosen. Default: 0.
    pub min_new_tokens: usize,
    /// Ids from here on are never chosen: rows of the embedding without a token. Default: none.
    pub vocab_limit: Option<usize>,
    /// What the score of an id that the text has already is divided by where positive, and multiplied by where
    /// negative: above 1 fewer repetitions. Default: none.
    pub repetition_penalty: Option<f64>,
    /// No sequence of this many ids occurs twice in a text. Default: none.
    pub no_repeat_ngram: Option<usize>,
    /// What a CTC head's score of the sound counts beside the model's of the text, for transcripts of a language model
    /// behind an encoder that has such a head: [`JointCtc`](super::JointCtc). Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctc_weight: Option<f64>,
    /// What the model says of the text without the sound counts in place of this share of what it says with it; goes with a
    /// [`Self::ctc_weight`]. A model that was told to repeat what it hears repeats what was misheard; without the sound it
    /// knows what people say. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior_weight: Option<f64>,
    /// What each letter of a phrase that the sound supports counts in a text, as a log, where phrases are given; goes with a
    /// [`Self::ctc_weight`]: [`BoostedPhrases`](super::BoostedPhrases). Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase_weight: Option<f64>,
    /// Hypotheses that a row gets: at most the beams, 1 when greedy. Default: 1.
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
            ctc_weight: None,
            prior_weight: None,
            phrase_weight: None,
            num_hypotheses: 1,
        }
    }
}

impl DecodeConfig {
    /// Whether text can be told while it is generated: where there is one hypothesis. Of several, the best is known only
    /// when all are finished.
    pub fn can_stream(&self) -> bool {
        self.num_hypotheses <= 1
    }

    /// Texts that are kept at once for each input.
    pub fn beams(&self) -> usize {
        match self.strategy {
            Strategy::Beam { size, .. } => size,
            Strategy::Greedy | Strategy::Sample { .. } => 1,
        }
    }

    /// An error for settings that are out of range for a model whose texts end with one of `ends`.
    pub(super) fn check(&self, ends: &[u32]) -> Result<(), DecodeError> {
        let problems = self.problems(ends.iter().copied().min().unwrap_or_default());
        if problems.is_empty() { Ok(()) } else { Err(DecodeError::Config { problems }) }
    }

    /// All settings that are out of range for a model whose end token, of several the least, is `eos`, one text each; empty when sound.
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
        if let Some(weight) = self.ctc_weight {
            check(
                weight.is_finite() && weight > 0.0,
                format!("`ctc_weight` {weight} is not a positive number"),
            );
        }
        if let Some(weight) = self.prior_weight {
            check(weight > 0.0 && weight <= 1.0, format!("`prior_weight` {weight} is not in (0, 1]"));
            check(
                self.ctc_weight.is_some(),
                "`prior_weight` needs a `ctc_weight`: without the sound nothing says what was said".into(),
            );
        }
        if let Some(weight) = self.phrase_weight {
            check(
                weight.is_finite() && weight > 0.0,
                format!("`phrase_weight` {weight} is not a positive number"),
            );
            check(
                self.ctc_weight.is_some(),
                "`phrase_weight` needs a `ctc_weight`: without the sound phrases would be written that nobody said"
                    .into(),
            );
        }
        let count = self.num_hypotheses;
        let most = self.strategy.most_hypotheses();
        check(
            (1..=most).contains(&count),
            format!("`num_hypotheses` is {count}, must be 1 to {most}, the beams or draws"),
        );
        problems.extend(self.strategy.problems());
        problems
    }
}

impl Strategy {
    /// Hypotheses that a row can get.
    fn most_hypotheses(self) -> usize {
        match self {
            Self::Greedy => 1,
            Self::Beam { size, .. } => size.clamp(1, MAX_BEAMS),
            Self::Sample { .. } => MAX_BEAMS,
        }
    }

    /// Its settings that are out of range.
    fn problems(self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, text: String| {
            if !ok {
                problems.push(text);
            }
        };
        match self {
            Self::Greedy => {}
            Self::Beam { size, length_penalty } => {
                check(
                    (1..=MAX_BEAMS).contains(&size),
                    format!("beam `size` is {size}, must be 1 to {MAX_BEAMS}"),
                );
                check(length_penalty.is_finite(), format!("`length_penalty` {length_penalty} is not finite"));
            }
            Self::Sample { temperature, top_k, top_p, .. } => {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The end token of T5.
    const EOS: u32 = 1;

    #[test]
    fn settings_out_of_range_are_all_named() {
        let config = DecodeConfig {
            strategy: Strategy::Sample { temperature: 0.0, top_k: Some(0), top_p: Some(1.5), seed: 0 },
            max_new_tokens: 0,
            min_new_tokens: 1,
            vocab_limit: Some(1),
            repetition_penalty: Some(0.0),
            no_repeat_ngram: Some(0),
            ctc_weight: Some(0.0),
            prior_weight: Some(1.5),
            phrase_weight: Some(-1.0),
            num_hypotheses: 0,
        };
        assert_eq!(config.problems(EOS).len(), 12);
        let unheard = DecodeConfig { prior_weight: Some(0.5), ..DecodeConfig::default() };
        assert_eq!(unheard.problems(EOS).len(), 1);
        let unheard = DecodeConfig { phrase_weight: Some(0.5), ..DecodeConfig::default() };
        assert_eq!(unheard.problems(EOS).len(), 1);
        assert!(DecodeConfig::default().problems(EOS).is_empty());
        let two = DecodeConfig { num_hypotheses: 2, ..DecodeConfig::default() };
        assert!(!two.problems(EOS).is_empty());
    }

    #[test]
    fn what_is_not_finite_is_refused_everywhere() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let of = |strategy| DecodeConfig { strategy, ..DecodeConfig::default() };
            let sample = |temperature, top_p| Strategy::Sample { temperature, top_k: None, top_p, seed: 0 };
            for config in [
                of(Strategy::Beam { size: 2, length_penalty: value }),
                of(sample(value, None)),
                of(sample(1.0, Some(value))),
                DecodeConfig { repetition_penalty: Some(value), ..DecodeConfig::default() },
                DecodeConfig { ctc_weight: Some(value), ..DecodeConfig::default() },
                DecodeConfig { ctc_weight: Some(1.0), prior_weight: Some(value), ..DecodeConfig::default() },
                DecodeConfig { ctc_weight: Some(1.0), phrase_weight: Some(value), ..DecodeConfig::default() },
            ] {
                assert_eq!(config.problems(EOS).len(), 1, "{config:?}");
            }
        }
    }

    #[test]
    fn beams_are_limited() {
        let of = |size, num_hypotheses| DecodeConfig {
            strategy: Strategy::Beam { size, length_penalty: 1.0 },
            num_hypotheses,
            ..DecodeConfig::default()
        };
        assert!(of(MAX_BEAMS, MAX_BEAMS).problems(EOS).is_empty());
        assert_eq!(
            of(usize::MAX, 1).problems(EOS),
            [format!("beam `size` is {}, must be 1 to 64", usize::MAX)]
        );
        assert_eq!(of(4, 5).problems(EOS), ["`num_hypotheses` is 5, must be 1 to 4, the beams or draws"]);
    }

    #[test]
    fn other_beams_are_scored_as_before() {
        let beams = Strategy::Beam { size: 4, length_penalty: 0.5 };
        assert_eq!(beams.with_beams(8), Strategy::Beam { size: 8, length_penalty: 0.5 });
        assert_eq!(beams.with_beams(1), Strategy::Greedy);
        assert_eq!(Strategy::Greedy.with_beams(4), Strategy::Beam { size: 4, length_penalty: 1.0 });
    }

    #[test]
    fn one_hypothesis_can_be_told_as_it_grows() {
        let one = DecodeConfig::default();
        assert!(one.can_stream());
        let sample = Strategy::Sample { temperature: 1.0, top_k: None, top_p: None, seed: 0 };
        for strategy in [sample, Strategy::Greedy.with_beams(4)] {
            assert!(DecodeConfig { strategy, ..one }.can_stream());
            assert!(!DecodeConfig { strategy, num_hypotheses: 2, ..one }.can_stream());
        }
    }
}
