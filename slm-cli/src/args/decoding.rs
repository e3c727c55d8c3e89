//! How tokens are chosen.

use clap::{Args, value_parser};
use slm_core::decode::{DecodeConfig, Strategy, settings};

/// The most tokens an answer may have.
pub(crate) const MAX_NEW_TOKENS: i64 = settings::MAX_NEW_TOKENS as i64;
/// The most beams.
pub(crate) const MAX_BEAMS: i64 = settings::MAX_BEAMS as i64;

/// How tokens are chosen; what is not given is as the bundle says.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DecodeArgs {
    /// Search with this many beams; 1 is greedy [default: as the bundle says]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_BEAMS))]
    pub(crate) beam: Option<u16>,
    /// Exponent of the length that a beam's score is divided by: 0 for short texts, 1 and more for long ones
    #[arg(long, value_name = "X")]
    pub(crate) length_penalty: Option<f64>,
    /// Write this many texts, with their scores, the best first
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_BEAMS))]
    pub(crate) n_best: Option<u16>,
    /// Draw tokens at random: below 1 closer to the most probable ones, above 1 further from them
    #[arg(long, value_name = "X", conflicts_with_all = ["beam", "length_penalty"])]
    pub(crate) temperature: Option<f64>,
    /// Draw from this many most probable tokens
    #[arg(long, value_name = "N", conflicts_with_all = ["beam", "length_penalty"])]
    pub(crate) top_k: Option<usize>,
    /// Draw from the most probable tokens that together have this share
    #[arg(long, value_name = "X", conflicts_with_all = ["beam", "length_penalty"])]
    pub(crate) top_p: Option<f64>,
    /// Where the random numbers start [default: 0]
    #[arg(long, value_name = "N", conflicts_with_all = ["beam", "length_penalty"])]
    pub(crate) seed: Option<u64>,
    /// Most tokens of an answer (of each 30 s when transcribing or translating) [default: as the bundle says]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_NEW_TOKENS))]
    pub(crate) max_new_tokens: Option<u16>,
    /// Above 1: less of what the text has already [default: as the bundle says]
    #[arg(long, value_name = "X")]
    pub(crate) repetition_penalty: Option<f64>,
    /// No sequence of this many tokens twice, 0 for no such limit [default: as the bundle says]
    #[arg(long, value_name = "N")]
    pub(crate) no_repeat_ngram: Option<usize>,
    /// End the text before this; can be repeated
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
}

impl DecodeArgs {
    /// The way of decoding that `bundle` asks for, with what was chosen in its place.
    pub(crate) fn apply(&self, bundle: DecodeConfig) -> DecodeConfig {
        let mut decode = bundle;
        if self.samples() {
            decode.strategy = Strategy::Sample {
                temperature: self.temperature.unwrap_or(1.0),
                top_k: self.top_k,
                top_p: self.top_p,
                seed: self.seed.unwrap_or(0),
            };
        }
        if let Some(size) = self.beam {
            decode.strategy = decode.strategy.with_beams(size.into());
        }
        if let Some(count) = self.n_best {
            decode.num_hypotheses = count.into();
            let beams = match decode.strategy {
                Strategy::Greedy => 1,
                Strategy::Beam { size, .. } => size,
                Strategy::Sample { .. } => usize::MAX,
            };
            if self.beam.is_none() && beams < decode.num_hypotheses {
                decode.strategy = decode.strategy.with_beams(decode.num_hypotheses);
            }
        }
        if let (Some(chosen), Strategy::Beam { length_penalty, .. }) =
            (self.length_penalty, &mut decode.strategy)
        {
            *length_penalty = chosen;
        }
        if let Some(count) = self.max_new_tokens {
            decode.max_new_tokens = count.into();
        }
        decode.repetition_penalty = self.repetition_penalty.or(decode.repetition_penalty);
        decode.no_repeat_ngram = match self.no_repeat_ngram {
            Some(0) => None,
            chosen => chosen.or(decode.no_repeat_ngram),
        };
        decode
    }

    fn samples(&self) -> bool {
        self.temperature.is_some() || self.top_k.is_some() || self.top_p.is_some() || self.seed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_takes_the_place_of_what_the_bundle_says() {
        let beams = Strategy::Beam { size: 4, length_penalty: 0.5 };
        let bundle = DecodeConfig { strategy: beams, ..DecodeConfig::default() };
        assert_eq!(DecodeArgs::default().apply(bundle), bundle);
        let many = DecodeArgs { n_best: Some(6), ..DecodeArgs::default() }.apply(bundle);
        assert_eq!(many.strategy, Strategy::Beam { size: 6, length_penalty: 0.5 });
        assert_eq!(many.num_hypotheses, 6);
        let drawn = DecodeArgs { top_k: Some(3), n_best: Some(2), ..DecodeArgs::default() }.apply(bundle);
        let sample = Strategy::Sample { temperature: 1.0, top_k: Some(3), top_p: None, seed: 0 };
        assert_eq!((drawn.strategy, drawn.num_hypotheses), (sample, 2));
        let short = DecodeArgs { length_penalty: Some(0.0), ..DecodeArgs::default() }.apply(bundle);
        assert_eq!(short.strategy, Strategy::Beam { size: 4, length_penalty: 0.0 });
        let once = DecodeConfig { no_repeat_ngram: Some(6), ..bundle };
        for (chosen, expected) in [(None, Some(6)), (Some(3), Some(3)), (Some(0), None)] {
            let args = DecodeArgs { no_repeat_ngram: chosen, ..DecodeArgs::default() };
            assert_eq!(args.apply(once).no_repeat_ngram, expected);
        }
    }
}
