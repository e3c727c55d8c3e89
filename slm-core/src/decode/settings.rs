//! `generation_config.json`: how the makers of a language model want it decoded.

use std::path::Path;

use serde::Deserialize;

use super::{DEFAULT_MAX_NEW_TOKENS, DecodeConfig, Strategy};
use crate::json::{self, JsonError};

/// The file's name in a model folder.
pub const FILE_NAME: &str = "generation_config.json";
/// The most beams that a file may ask for: the cost of a step grows with them.
pub const MAX_BEAMS: usize = 64;
/// The most tokens of an answer, where endless repetition ends; a file that asks for more gets this.
pub const MAX_NEW_TOKENS: usize = 448;
/// The length penalty that makes the mean log-probability the score.
const MEAN: f64 = 1.0;
/// The repetition penalty that changes nothing.
const NO_PENALTY: f64 = 1.0;

/// What is read of the file; its other keys are for transformers. Sampling is left to the caller, who has the seed.
#[derive(Debug, Deserialize)]
struct GenerationConfig {
    #[serde(default)]
    num_beams: Option<usize>,
    #[serde(default)]
    length_penalty: Option<f64>,
    #[serde(default)]
    max_new_tokens: Option<usize>,
    /// 1 for none.
    #[serde(default)]
    repetition_penalty: Option<f64>,
    /// 0 for none.
    #[serde(default)]
    no_repeat_ngram_size: Option<usize>,
}

impl GenerationConfig {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(size) = self.num_beams.filter(|size| !(1..=MAX_BEAMS).contains(size)) {
            problems.push(format!("`num_beams` is {size}, must be 1 to {MAX_BEAMS}"));
        }
        if self.max_new_tokens == Some(0) {
            problems.push("`max_new_tokens` is 0, must be 1 or more".to_owned());
        }
        if let Some(penalty) =
            self.repetition_penalty.filter(|penalty| !(penalty.is_finite() && *penalty > 0.0))
        {
            problems.push(format!("`repetition_penalty` is {penalty}, must be a positive number"));
        }
        problems
    }
}

impl Strategy {
    /// Beam search with `size` beams, or greedy where there is one, which gives the same text at less cost.
    fn beams(size: usize, length_penalty: f64) -> Self {
        if size == 1 { Self::Greedy } else { Self::Beam { size, length_penalty } }
    }

    /// The same with `size` beams. They are scored as before; where there were none, by the mean log-probability, as
    /// transformers does by default.
    #[must_use]
    pub fn with_beams(self, size: usize) -> Self {
        let length_penalty = match self {
            Self::Beam { length_penalty, .. } => length_penalty,
            Self::Greedy | Self::Sample { .. } => MEAN,
        };
        Self::beams(size, length_penalty)
    }
}

impl DecodeConfig {
    /// The settings of the model folder `dir`: beams, their length penalty, the most tokens, penalties of repetition. A
    /// folder without the file has the defaults.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when the file cannot be read, is no JSON, or asks for what is out of range.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Ok(Self::default());
        }
        let config = json::read_checked(&path, GenerationConfig::problems)?;
        Ok(Self {
            strategy: Strategy::beams(config.num_beams.unwrap_or(1), config.length_penalty.unwrap_or(MEAN)),
            max_new_tokens: config.max_new_tokens.unwrap_or(DEFAULT_MAX_NEW_TOKENS).min(MAX_NEW_TOKENS),
            repetition_penalty: config
                .repetition_penalty
                .filter(|&penalty| (penalty - NO_PENALTY).abs() > f64::EPSILON),
            no_repeat_ngram: config.no_repeat_ngram_size.filter(|&size| size > 0),
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: Option<&str>) -> Result<DecodeConfig, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::write(dir.path().join(FILE_NAME), text).unwrap();
        }
        DecodeConfig::from_dir(dir.path())
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
        let neutral = r#"{"repetition_penalty": 1.0, "no_repeat_ngram_size": 0}"#;
        assert_eq!(read(Some(neutral)).unwrap(), DecodeConfig::default());
    }

    #[test]
    fn other_beams_are_scored_as_before() {
        let beams = Strategy::Beam { size: 4, length_penalty: 0.5 };
        assert_eq!(beams.with_beams(8), Strategy::Beam { size: 8, length_penalty: 0.5 });
        assert_eq!(beams.with_beams(1), Strategy::Greedy);
        assert_eq!(Strategy::Greedy.with_beams(4), Strategy::Beam { size: 4, length_penalty: 1.0 });
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
    }
}
