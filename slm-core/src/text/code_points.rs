//! CTC labels that are characters by their numbers, for encoders whose folders do not say what their labels spell: those of
//! Granite Speech.
//!
//! Known is that the encoder was trained on characters (documentation of transformers), that it has 256 or 348 labels, and
//! that label 0 is the blank (`granite_speech_nar` of transformers, which has the same encoder and takes `1 - p(0)` for how
//! much a frame says). Assumed is that label `n` is the character of number `n`, and that the last 92 are the katakana from
//! U+30A1 on. Labels that spell something else are found by no phrase and fit no text.

use std::path::Path;

use super::{TextTokenizer, TokenizerError, ctc_vocabulary};

/// Characters of one byte.
const BYTES: u32 = 256;
/// The katakana that follow them in the later of Granite Speech's encoders.
const KATAKANA: std::ops::RangeInclusive<u32> = 0x30A1..=0x30FC;

impl TextTokenizer {
    /// So many labels: the characters of one byte, and where there are 348 the katakana. `None` for another number of
    /// labels, of which nothing says what they spell. Label 0 is the blank. `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Invalid`].
    pub fn of_code_points(labels: usize, path: &Path) -> Result<Option<Self>, TokenizerError> {
        let more = KATAKANA.count();
        let katakana = match labels.checked_sub(BYTES as usize) {
            Some(0) => None,
            Some(count) if count == more => Some(KATAKANA),
            _ => return Ok(None),
        };
        let numbers = (0..BYTES).chain(katakana.into_iter().flatten());
        let characters: Vec<String> = numbers.filter_map(char::from_u32).map(String::from).collect();
        let invalid = |reason| TokenizerError::Invalid { path: path.into(), reason };
        let definition = ctc_vocabulary::of_characters(&characters).map_err(invalid)?;
        Self::from_bytes(definition.as_bytes(), path).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_numbers_of_characters() {
        let labels = |count| TextTokenizer::of_code_points(count, Path::new("x")).unwrap();
        assert!(labels(42).is_none() && labels(22).is_none());
        let found = labels(256).unwrap();
        assert_eq!((found.len(), found.encode("a é").unwrap()), (256, vec![97, 32, 233]));
        assert_eq!(found.decode(&[97, 32, 233]).unwrap(), "a é");
        let found = labels(348).unwrap();
        assert_eq!((found.len(), found.encode("ー").unwrap()), (348, vec![347]));
    }
}
