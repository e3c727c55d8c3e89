//! How a task of a bundle is decoded.

use serde::{Deserialize, Serialize};

/// What a task wants decoded otherwise than the `generation_config.json` of the language model says, under the names
/// that the settings have there. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskDecoding {
    /// Beams of a search; 1 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_beams: Option<usize>,
    /// The power of an answer's length that its log-probability is divided by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_penalty: Option<f64>,
    /// Tokens of an answer at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new_tokens: Option<usize>,
    /// What the scores of tokens that were said before are divided by; 1 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f64>,
    /// Tokens in a row that are never said twice; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_repeat_ngram_size: Option<usize>,
    /// What the score of the encoder's CTC head counts beside the language model's, for transcripts; 0 for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctc_weight: Option<f64>,
    /// The share that the language model's opinion of the text alone has in its opinion of text and sound; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior_weight: Option<f64>,
    /// What each letter of a phrase that the sound supports counts, where phrases are given; 0 for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase_weight: Option<f64>,
}

impl TaskDecoding {
    /// The most beams: the cost of a step grows with them.
    pub const MAX_BEAMS: usize = 64;

    /// Takes what `other` says in the place of its own.
    pub fn override_by(&mut self, other: &Self) {
        let Self {
            num_beams,
            length_penalty,
            max_new_tokens,
            repetition_penalty,
            no_repeat_ngram_size,
            ctc_weight,
            prior_weight,
            phrase_weight,
        } = other;
        self.num_beams = num_beams.or(self.num_beams);
        self.length_penalty = length_penalty.or(self.length_penalty);
        self.max_new_tokens = max_new_tokens.or(self.max_new_tokens);
        self.repetition_penalty = repetition_penalty.or(self.repetition_penalty);
        self.no_repeat_ngram_size = no_repeat_ngram_size.or(self.no_repeat_ngram_size);
        self.ctc_weight = ctc_weight.or(self.ctc_weight);
        self.prior_weight = prior_weight.or(self.prior_weight);
        self.phrase_weight = phrase_weight.or(self.phrase_weight);
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(size) = self.num_beams.filter(|size| !(1..=Self::MAX_BEAMS).contains(size)) {
            problems.push(format!("`num_beams` is {size}, must be 1 to {}", Self::MAX_BEAMS));
        }
        if let Some(penalty) = self.length_penalty.filter(|penalty| !penalty.is_finite()) {
            problems.push(format!("`length_penalty` is {penalty}, must be a number"));
        }
        if self.max_new_tokens == Some(0) {
            problems.push("`max_new_tokens` is 0, must be 1 or more".to_owned());
        }
        if let Some(penalty) =
            self.repetition_penalty.filter(|penalty| !(penalty.is_finite() && *penalty > 0.0))
        {
            problems.push(format!("`repetition_penalty` is {penalty}, must be a positive number"));
        }
        if let Some(weight) = self.ctc_weight.filter(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            problems.push(format!("`ctc_weight` is {weight}, must be a number from 0 on"));
        }
        if let Some(weight) = self.prior_weight.filter(|weight| !(0.0..=1.0).contains(weight)) {
            problems.push(format!("`prior_weight` is {weight}, must be 0 to 1"));
        }
        if let Some(weight) = self.phrase_weight.filter(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            problems.push(format!("`phrase_weight` is {weight}, must be a number from 0 on"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_named() {
        assert!(TaskDecoding::default().problems().is_empty());
        let neutral = TaskDecoding {
            num_beams: Some(1),
            length_penalty: Some(-1.0),
            max_new_tokens: Some(1),
            repetition_penalty: Some(1.0),
            no_repeat_ngram_size: Some(0),
            ctc_weight: Some(0.0),
            prior_weight: Some(0.0),
            phrase_weight: Some(0.0),
        };
        assert!(neutral.problems().is_empty());
        let wrong = TaskDecoding {
            num_beams: Some(65),
            length_penalty: Some(f64::NAN),
            max_new_tokens: Some(0),
            repetition_penalty: Some(0.0),
            no_repeat_ngram_size: None,
            ctc_weight: Some(-1.0),
            prior_weight: Some(1.1),
            phrase_weight: Some(f64::INFINITY),
        };
        assert_eq!(
            wrong.problems(),
            [
                "`num_beams` is 65, must be 1 to 64",
                "`length_penalty` is NaN, must be a number",
                "`max_new_tokens` is 0, must be 1 or more",
                "`repetition_penalty` is 0, must be a positive number",
                "`ctc_weight` is -1, must be a number from 0 on",
                "`prior_weight` is 1.1, must be 0 to 1",
                "`phrase_weight` is inf, must be a number from 0 on",
            ]
        );
    }

    #[test]
    fn what_is_said_takes_the_place_of_what_was() {
        let mut own =
            TaskDecoding { num_beams: Some(4), no_repeat_ngram_size: Some(0), ..TaskDecoding::default() };
        own.override_by(&TaskDecoding {
            num_beams: Some(8),
            ctc_weight: Some(0.5),
            ..TaskDecoding::default()
        });
        let expected = TaskDecoding {
            num_beams: Some(8),
            no_repeat_ngram_size: Some(0),
            ctc_weight: Some(0.5),
            ..TaskDecoding::default()
        };
        assert_eq!(own, expected);
    }

    #[test]
    fn unknown_settings_are_refused() {
        let error = serde_json::from_str::<TaskDecoding>(r#"{"beams": 4}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `beams`"), "{error}");
    }
}
