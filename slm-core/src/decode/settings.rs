//! How a model wants to be decoded: `generation_config.json` of its makers, and what a bundle says for one task.

use serde::Deserialize;

use super::config::{DecodeConfig, Strategy};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{Checkpoint, GENERATION_FILE, TaskDecoding};

/// The most beams that a file or a request may ask for: the cost of a step grows with them.
pub const MAX_BEAMS: usize = TaskDecoding::MAX_BEAMS;
/// The most tokens of an answer, where endless repetition ends; a file that asks for more gets this.
pub const MAX_NEW_TOKENS: usize = 448;
/// The repetition penalty that changes nothing.
const NO_PENALTY: f64 = 1.0;

/// What is read of `generation_config.json`; its other keys are for transformers. Sampling is left to the caller, who
/// has the seed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GenerationConfig {
    num_beams: Option<usize>,
    length_penalty: Option<f64>,
    max_new_tokens: Option<usize>,
    /// 1 for none.
    repetition_penalty: Option<f64>,
    /// 0 for none.
    no_repeat_ngram_size: Option<usize>,
}

impl GenerationConfig {
    /// The same as what a task asks for.
    fn settings(&self) -> TaskDecoding {
        TaskDecoding {
            num_beams: self.num_beams,
            length_penalty: self.length_penalty,
            max_new_tokens: self.max_new_tokens,
            repetition_penalty: self.repetition_penalty,
            no_repeat_ngram_size: self.no_repeat_ngram_size,
            ctc_weight: None,
            prior_weight: None,
            phrase_weight: None,
        }
    }
}

impl DecodeConfig {
    /// The settings of a language model: beams, their length penalty, the most tokens, penalties of repetition. A model
    /// without `generation_config.json` has the defaults.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when the file cannot be read, is no JSON, or asks for what is out of range.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        if !checkpoint.has(GENERATION_FILE) {
            return Ok(Self::default());
        }
        let problems = |file: &GenerationConfig| file.settings().problems();
        let file = checkpoint.json_checked(GENERATION_FILE, problems)?;
        Ok(Self::default().with_task(&file.settings()))
    }

    /// The same with what a task wants otherwise. More tokens than [`MAX_NEW_TOKENS`] are that many; a repetition
    /// penalty of 1, an n-gram size of 0 and a weight of 0 switch these off.
    #[must_use]
    pub fn with_task(self, task: &TaskDecoding) -> Self {
        let strategy = task.num_beams.map_or(self.strategy, |size| self.strategy.with_beams(size));
        let strategy = match (strategy, task.length_penalty) {
            (Strategy::Beam { size, .. }, Some(length_penalty)) => Strategy::Beam { size, length_penalty },
            (strategy, _) => strategy,
        };
        let repetition_penalty = match task.repetition_penalty {
            Some(penalty) => Some(penalty).filter(|penalty| (penalty - NO_PENALTY).abs() > f64::EPSILON),
            None => self.repetition_penalty,
        };
        let no_repeat_ngram = match task.no_repeat_ngram_size {
            Some(size) => Some(size).filter(|&size| size > 0),
            None => self.no_repeat_ngram,
        };
        let ctc_weight = match task.ctc_weight {
            Some(weight) => Some(weight).filter(|&weight| weight > 0.0),
            None => self.ctc_weight,
        };
        let prior_weight = match task.prior_weight {
            Some(weight) => Some(weight).filter(|&weight| weight > 0.0),
            None => self.prior_weight,
        };
        let phrase_weight = match task.phrase_weight {
            Some(weight) => Some(weight).filter(|&weight| weight > 0.0),
            None => self.phrase_weight,
        };
        let max_new_tokens =
            task.max_new_tokens.map_or(self.max_new_tokens, |tokens| tokens.min(MAX_NEW_TOKENS));
        Self {
            strategy,
            max_new_tokens,
            repetition_penalty,
            no_repeat_ngram,
            ctc_weight,
            prior_weight,
            phrase_weight,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: Option<&str>) -> Result<DecodeConfig, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::write(dir.path().join(GENERATION_FILE), text).unwrap();
        }
        DecodeConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
    }

    #[test]
    fn a_folder_says_how_it_is_decoded() {
        assert_eq!(read(None).unwrap(), DecodeConfig::default());
        assert_eq!(
            read(Some(r#"{"_from_model_config": true, "num_beams": 1}"#)).unwrap(),
            DecodeConfig::default()
        );
        let found = read(Some(r#"{"num_beams": 4, "length_penalty": 0.6, "max_new_tokens": 50}"#)).unwrap();
        assert_eq!(found.strategy, Strategy::Beam { size: 4, length_penalty: 0.6 });
        assert_eq!(found.max_new_tokens, 50);
        assert_eq!(read(Some(r#"{"max_new_tokens": 1024}"#)).unwrap().max_new_tokens, MAX_NEW_TOKENS);
        let found = read(Some(r#"{"repetition_penalty": 1.2, "no_repeat_ngram_size": 3}"#)).unwrap();
        assert_eq!((found.repetition_penalty, found.no_repeat_ngram), (Some(1.2), Some(3)));
        let neutral = r#"{"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "length_penalty": 2.0}"#;
        assert_eq!(read(Some(neutral)).unwrap(), DecodeConfig::default());
    }

    #[test]
    fn a_file_that_is_not_listed_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(GENERATION_FILE), r#"{"num_beams": 4}"#).unwrap();
        let listed = Checkpoint::listed::<&str>(dir.path(), []).unwrap();
        assert_eq!(DecodeConfig::from_checkpoint(&listed).unwrap(), DecodeConfig::default());
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let error = read(Some(r#"{"num_beams": 0, "max_new_tokens": 0}"#)).unwrap_err().to_string();
        assert!(
            error.contains("2 invalid fields: `num_beams` is 0, must be 1 to 64, `max_new_tokens` is"),
            "{error}"
        );
        let error = read(Some(r#"{"repetition_penalty": 0}"#)).unwrap_err().to_string();
        assert!(error.contains("`repetition_penalty` is 0, must be a positive number"), "{error}");
        assert!(read(Some("{")).is_err());
        assert!(read(Some(r#"{"num_beams": -1}"#)).is_err());
        assert!(read(Some(r#"{"length_penalty": 1e999}"#)).is_err());
    }

    #[test]
    fn a_task_says_what_it_wants_otherwise() {
        let folder = DecodeConfig {
            strategy: Strategy::Beam { size: 4, length_penalty: 0.6 },
            repetition_penalty: Some(1.2),
            no_repeat_ngram: Some(6),
            ..DecodeConfig::default()
        };
        assert_eq!(folder.with_task(&TaskDecoding::default()), folder);
        let free = TaskDecoding {
            repetition_penalty: Some(1.0),
            no_repeat_ngram_size: Some(0),
            ..TaskDecoding::default()
        };
        let expected = DecodeConfig { repetition_penalty: None, no_repeat_ngram: None, ..folder };
        assert_eq!(folder.with_task(&free), expected);
        let greedy =
            TaskDecoding { num_beams: Some(1), max_new_tokens: Some(9999), ..TaskDecoding::default() };
        let expected = DecodeConfig { strategy: Strategy::Greedy, max_new_tokens: MAX_NEW_TOKENS, ..folder };
        assert_eq!(folder.with_task(&greedy), expected);
        let wide = TaskDecoding { num_beams: Some(8), ..TaskDecoding::default() };
        assert_eq!(folder.with_task(&wide).strategy, Strategy::Beam { size: 8, length_penalty: 0.6 });
        let long = TaskDecoding { length_penalty: Some(2.0), ..TaskDecoding::default() };
        assert_eq!(folder.with_task(&long).strategy, Strategy::Beam { size: 4, length_penalty: 2.0 });
        assert_eq!(DecodeConfig::default().with_task(&long), DecodeConfig::default());
    }
}
