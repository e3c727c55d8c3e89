//! How tokens are chosen.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, value_parser};
use slm_core::{DecodeConfig, Model, Request, Strategy, Task, TokenLimit};

use super::{UsageError, numbers};

/// The most tokens an answer may have.
const MAX_NEW_TOKENS: i64 = slm_core::MAX_NEW_TOKENS as i64;
/// The most beams.
pub(super) const MAX_BEAMS: i64 = slm_core::MAX_BEAMS as i64;

/// How tokens are chosen; what is not given is as the bundle says.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DecodeArgs {
    /// Search with this many beams; 1 is greedy [default: as the bundle says]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_BEAMS))]
    pub(crate) beam: Option<u16>,
    /// Exponent of the length that a beam's score is divided by: 0 for short texts, 1 and more for long ones
    #[arg(long, value_name = "X", value_parser = numbers::finite)]
    pub(crate) length_penalty: Option<f64>,
    /// Draw tokens at random: below 1 closer to the most probable ones, above 1 further from them
    #[arg(long, value_name = "X", conflicts_with_all = ["beam", "length_penalty"], value_parser = numbers::positive)]
    pub(crate) temperature: Option<f64>,
    /// Draw from this many most probable tokens
    #[arg(long, value_name = "N", conflicts_with_all = ["beam", "length_penalty"], value_parser = numbers::count)]
    pub(crate) top_k: Option<usize>,
    /// Draw from the most probable tokens that together have this share
    #[arg(long, value_name = "X", conflicts_with_all = ["beam", "length_penalty"], value_parser = numbers::share)]
    pub(crate) top_p: Option<f64>,
    /// Where the random numbers start [default: 0]
    #[arg(long, value_name = "N", conflicts_with_all = ["beam", "length_penalty"])]
    pub(crate) seed: Option<u64>,
    /// Most tokens of an answer, of each segment of 30 s when transcribing or translating [default: what fast speech
    /// of that duration has; for other tasks as the bundle says]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_NEW_TOKENS))]
    pub(crate) max_new_tokens: Option<u16>,
    /// Above 1: less of what the text has already [default: as the bundle says]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    pub(crate) repetition_penalty: Option<f64>,
    /// No sequence of this many tokens twice, 0 for no such limit [default: as the bundle says]
    #[arg(long, value_name = "N")]
    pub(crate) no_repeat_ngram: Option<usize>,
    /// What the encoder's own hearing (its CTC head) counts beside the language model in a transcript, 0 for nothing
    /// [default: as the bundle says]
    #[arg(long, value_name = "X", value_parser = numbers::not_negative)]
    pub(crate) ctc_weight: Option<f64>,
    /// The share that the language model's opinion of the text alone has in its opinion of a transcript, 0 for none; goes with
    /// `--ctc-weight` [default: as the bundle says]
    #[arg(long, value_name = "X", value_parser = numbers::fraction)]
    pub(crate) prior_weight: Option<f64>,
    /// End the text before this; can be repeated
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stop: Vec<String>,
}

impl DecodeArgs {
    /// A request of `task` to `model` with what was chosen; `n_best` is how many texts are wanted.
    pub(crate) fn request(&self, model: &Model, task: Task, n_best: Option<u16>) -> Request {
        let mut request = model.request(task);
        request.decode = self.apply(request.decode, n_best);
        if let Some(count) = self.max_new_tokens {
            request.token_limit = TokenLimit::AtMost(count.into());
        }
        request.stop.clone_from(&self.stop);
        // The model was opened with the one that the command line names, or with none.
        request.adapter = model.capabilities().adapters.first().cloned();
        request
    }

    /// Refuses what would change nothing about decoding by `decode`.
    pub(crate) fn check(&self, decode: &DecodeConfig) -> Result<(), UsageError> {
        if self.length_penalty.is_some() && !matches!(decode.strategy, Strategy::Beam { .. }) {
            return Err(UsageError {
                message: "`--length-penalty` has no effect without beams".into(),
                hint: Some("it ranks the texts of `--beam 2` or more".into()),
            });
        }
        Ok(())
    }

    /// The way of decoding that `bundle` asks for, with what was chosen in its place.
    fn apply(&self, bundle: DecodeConfig, n_best: Option<u16>) -> DecodeConfig {
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
        if let Some(count) = n_best {
            decode.num_hypotheses = count.into();
            let beams = if let Strategy::Beam { size, .. } = decode.strategy { size } else { 1 };
            let needs_beams = !self.samples() && self.beam.is_none();
            if needs_beams && beams < decode.num_hypotheses {
                decode.strategy = decode.strategy.with_beams(decode.num_hypotheses);
            }
        }
        if let (Some(chosen), Strategy::Beam { length_penalty, .. }) =
            (self.length_penalty, &mut decode.strategy)
        {
            *length_penalty = chosen;
        }
        decode.repetition_penalty = self.repetition_penalty.or(decode.repetition_penalty);
        decode.no_repeat_ngram = match self.no_repeat_ngram {
            Some(0) => None,
            chosen => chosen.or(decode.no_repeat_ngram),
        };
        decode.ctc_weight = match self.ctc_weight {
            Some(weight) => Some(weight).filter(|&weight| weight > 0.0),
            None => decode.ctc_weight,
        };
        decode.prior_weight = match self.prior_weight {
            Some(weight) => Some(weight).filter(|&weight| weight > 0.0),
            // It goes with the other one.
            None => decode.prior_weight.filter(|_| decode.ctc_weight.is_some()),
        };
        // So does this.
        decode.phrase_weight = decode.phrase_weight.filter(|_| decode.ctc_weight.is_some());
        decode
    }

    fn samples(&self) -> bool {
        self.temperature.is_some() || self.top_k.is_some() || self.top_p.is_some() || self.seed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beams(size: usize, length_penalty: f64) -> DecodeConfig {
        let greedy = DecodeConfig::default();
        let mut decode = greedy;
        decode.strategy = Strategy::Beam { size, length_penalty };
        decode
    }

    #[test]
    fn what_is_chosen_takes_the_place_of_what_the_bundle_says() {
        let bundle = beams(4, 0.5);
        assert_eq!(DecodeArgs::default().apply(bundle, None), bundle);
        let many = DecodeArgs::default().apply(bundle, Some(6));
        assert_eq!(many.strategy, Strategy::Beam { size: 6, length_penalty: 0.5 });
        assert_eq!(many.num_hypotheses, 6);
        let drawn = DecodeArgs { top_k: Some(3), ..DecodeArgs::default() }.apply(bundle, Some(2));
        let sample = Strategy::Sample { temperature: 1.0, top_k: Some(3), top_p: None, seed: 0 };
        assert_eq!((drawn.strategy, drawn.num_hypotheses), (sample, 2));
        let short = DecodeArgs { length_penalty: Some(0.0), ..DecodeArgs::default() }.apply(bundle, None);
        assert_eq!(short.strategy, Strategy::Beam { size: 4, length_penalty: 0.0 });
        let mut once = bundle;
        once.no_repeat_ngram = Some(6);
        for (chosen, expected) in [(None, Some(6)), (Some(3), Some(3)), (Some(0), None)] {
            let args = DecodeArgs { no_repeat_ngram: chosen, ..DecodeArgs::default() };
            assert_eq!(args.apply(once, None).no_repeat_ngram, expected);
        }
    }

    #[test]
    fn a_length_penalty_needs_beams() {
        let args = DecodeArgs { length_penalty: Some(0.8), ..DecodeArgs::default() };
        args.check(&args.apply(beams(4, 0.5), None)).unwrap();
        args.check(&args.apply(DecodeConfig::default(), Some(2))).unwrap();
        let error = args.check(&args.apply(DecodeConfig::default(), None)).unwrap_err();
        assert!(error.message.contains("`--length-penalty` has no effect"), "{error}");
        let greedy = DecodeArgs { beam: Some(1), ..args };
        assert!(greedy.check(&greedy.apply(beams(4, 0.5), None)).is_err());
    }
}
