//! What is done to references and hypotheses before words are compared.
//!
//! Which differences between two texts are errors is a choice, and error rates of different choices do not compare. So
//! each is a [`Normaliser`] with a name, and every report has the name of its own.

mod basic;
mod contractions;
mod numbers;
mod spelling;
mod unicode;
mod whisper;

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use basic::normalise;

/// How a text is changed before its words are compared. The texts that come out have no white space at their ends, and
/// single spaces between words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Normaliser {
    /// No case and no punctuation, in any language; apostrophes inside words stay.
    #[default]
    Basic,
    /// Whisper's for all languages but English: also without what stands in brackets, and without accents that are
    /// characters of their own.
    WhisperBasic,
    /// Whisper's for English: also numbers as digits, contractions in full and American spelling.
    WhisperEnglish,
    /// Case and punctuation count.
    Verbatim,
}

impl Normaliser {
    /// The text as it is compared.
    pub fn apply(self, text: &str) -> String {
        match self {
            Self::Basic => basic::normalise(text),
            Self::WhisperBasic => whisper::basic(text),
            Self::WhisperEnglish => whisper::english(text),
            Self::Verbatim => unicode::single_spaces(text),
        }
    }

    /// All texts as they are compared.
    pub fn apply_all<S: AsRef<str>>(self, texts: &[S]) -> Vec<String> {
        texts.iter().map(|text| self.apply(text.as_ref())).collect()
    }
}

/// The name in settings, on the command line and in reports.
impl fmt::Display for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "basic",
            Self::WhisperBasic => "whisper-basic",
            Self::WhisperEnglish => "whisper-english",
            Self::Verbatim => "verbatim",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_name() {
        for &normaliser in Normaliser::value_variants() {
            let name = serde_json::to_value(normaliser).unwrap();
            assert_eq!(name, normaliser.to_string());
            assert_eq!(Normaliser::from_str(&normaliser.to_string(), false), Ok(normaliser));
        }
    }

    #[test]
    fn what_counts_is_a_choice() {
        let text = " Dr. Müller's  twenty-one colours [cough], (he said)!";
        let of = |normaliser: Normaliser| normaliser.apply(text);
        assert_eq!(of(Normaliser::Basic), "dr müller's twenty one colours cough he said");
        assert_eq!(of(Normaliser::WhisperBasic), "dr müller s twenty one colours");
        assert_eq!(of(Normaliser::WhisperEnglish), "doctor muller is 21 colors");
        assert_eq!(of(Normaliser::Verbatim), "Dr. Müller's twenty-one colours [cough], (he said)!");
    }
}
