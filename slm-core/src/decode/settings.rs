//! `generation_config.json`: how the makers of a language model want it decoded.

use std::path::Path;

use serde::Deserialize;

use super::{DEFAULT_MAX_NEW_TOKENS, DecodeConfig, Strategy};
use crate::json::{self, JsonError};

/// The file's name in a model folder.
pub const FILE_NAME: &str = "generation_config.json";
/// The most beams that a file may ask for: the cost of a step grows with them.
pub const MAX_BEAMS: usize = 64;
/// The most tokens that a file may ask for.
pub const MAX_NEW_TOKENS: usize = 4096;

/// What is read of the file; its other keys are for transformers. Sampling is left to the caller, who has the seed.
#[derive(Debug, Deserialize)]
struct GenerationConfig {
    #[serde(default)]
    num_beams: Option<usize>,
    #[serde(default)]
    length_penalty: Option<f64>,
    #[serde(default)]
    max_new_tokens: Option<usize>,
}

impl GenerationConfig {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let counts = [
            ("num_beams", self.num_beams, MAX_BEAMS),
            ("max_new_tokens", self.max_new_tokens, MAX_NEW_TOKENS),
        ];
        for (name, value, most) in counts {
            if let Some(value) = value.filter(|value| !(1..=most).contains(value)) {
                problems.push(format!("`{name}` is {value}, must be 1 to {most}"));
            }
        }
        problems
    }
}

impl Strategy {
    /// Beam search with `size` beams and the mean log-probability as score, as transformers has it by default; greedy
    /// where there is one beam, which gives the same text at less cost.
    pub fn beams(size: usize) -> Self {
        Self::scored_beams(size, 1.0)
    }

    fn scored_beams(size: usize, length_penalty: f64) -> Self {
        if size == 1 { Self::Greedy } else { Self::Beam { size, length_penalty } }
    }
}

impl DecodeConfig {
    /// The settings of the model folder `dir`: beams, their length penalty, the most tokens. A folder without the
    /// file has the defaults.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when the file cannot be read, is no JSON, or asks for what is out of range.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Ok(Self::default());
        }
        let config: GenerationConfig = json::read(&path)?;
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(JsonError::Invalid { path, problems });
        }
        Ok(Self {
            strategy: Strategy::scored_beams(
                config.num_beams.unwrap_or(1),
                config.length_penalty.unwrap_or(1.0),
            ),
            max_new_tokens: config.max_new_tokens.unwrap_or(DEFAULT_MAX_NEW_TOKENS),
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
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let error = read(Some(r#"{"num_beams": 0, "max_new_tokens": 1000000}"#)).unwrap_err().to_string();
        assert!(
            error.contains("2 invalid fields: `num_beams` is 0, must be 1 to 64, `max_new_tokens` is"),
            "{error}"
        );
        assert!(read(Some("{")).is_err());
        assert!(read(Some(r#"{"num_beams": -1}"#)).is_err());
    }
}
