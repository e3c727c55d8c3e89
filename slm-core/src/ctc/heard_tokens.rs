//! What a CTC head hears, in the tokens of a language model.
//!
//! The head's labels are few and short, and a language model reads its own tokens best: SmolLM2, told to repeat a text,
//! gives 0.23 nats a token where it reads the tokens that its tokenizer makes of it, and 1.92 where it reads the same text
//! in 512 other pieces. So the text of the best path is cut anew, and each token gets the states of the labels that it
//! covers.

use std::ops::Range;

use crate::adapter::HeardToken;
use crate::nn::EncodedSpeech;
use crate::text::{TextTokenizer, TokenizerError};

/// Reads the best path in the tokens of a language model.
#[derive(Debug, Clone)]
pub struct HeardTokens {
    /// What each label adds to a text.
    spelled: Vec<String>,
    llm: TextTokenizer,
    /// The token of speech in which nothing is heard.
    nothing: u32,
}

/// A label on the best path, with the bytes of the text that it spells.
struct Heard {
    states: Range<usize>,
    bytes: Range<usize>,
}

impl HeardTokens {
    /// Of labels that `labels` names, for a language model with the tokenizer `llm`. Speech in which nothing is heard gets the
    /// id `nothing`. Labels that know capital letters alone are read in small ones, which language models know better.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] of labels that cannot be decoded.
    pub fn new(labels: &TextTokenizer, llm: &TextTokenizer, nothing: u32) -> Result<Self, TokenizerError> {
        let mut spelled = labels.spellings()?;
        if !spelled.iter().any(|label| label.chars().any(char::is_lowercase)) {
            for label in &mut spelled {
                *label = label.to_lowercase();
            }
        }
        Ok(Self { spelled, llm: llm.clone(), nothing })
    }

    /// The tokens on the best path of `speech`, in their order; one where there is a state.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] of a text that the language model's tokenizer cannot encode.
    pub fn of(&self, speech: &EncodedSpeech) -> Result<Vec<HeardToken>, TokenizerError> {
        let (text, heard) = self.text(speech);
        let mut tokens = Vec::new();
        for (id, place) in self.llm.encode_with_places(&text)? {
            // A mark that the tokenizer adds, or half a character, stands where the next byte does.
            let bytes = place.start..place.end.max(place.start + 1);
            let mut covered =
                heard.iter().filter(|label| label.bytes.start < bytes.end && bytes.start < label.bytes.end);
            if let Some(first) = covered.next().or(heard.last()) {
                let last = covered.next_back().unwrap_or(first);
                tokens.push(HeardToken { id, states: first.states.start..last.states.end });
            }
        }
        if tokens.is_empty() && !speech.is_empty() {
            tokens.push(HeardToken { id: self.nothing, states: 0..speech.len() });
        }
        Ok(tokens)
    }

    /// The text of the best path, and its labels.
    fn text(&self, speech: &EncodedSpeech) -> (String, Vec<Heard>) {
        let (mut text, mut heard) = (String::new(), Vec::new());
        let mut start = 0;
        for run in speech.ctc.chunk_by(|before, after| before.label == after.label) {
            let states = start..start + run.len();
            start = states.end;
            let label = run[0].label;
            let mut spelled = self.spelled.get(label as usize).map_or("", String::as_str);
            if label == speech.blank || spelled.is_empty() {
                continue;
            }
            if text.is_empty() || text.ends_with(' ') {
                spelled = spelled.trim_start();
            }
            let from = text.len();
            text.push_str(spelled);
            heard.push(Heard { states, bytes: from..text.len() });
        }
        text.truncate(text.trim_end().len());
        (text, heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::made_up::labels;
    use crate::nn::CtcFrame;

    /// A language model that knows some words, with the space before them, and single letters.
    fn llm() -> TextTokenizer {
        let definition = r#"{"version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "vocab": {"c": 0, "a": 1, "l": 2, "Ġ": 3, "m": 4, "e": 5, "ca": 6, "ll": 7,
                "call": 8, "Ġm": 9, "Ġme": 10, "é": 11, "Ã": 12, "©": 13},
                "merges": ["c a", "l l", "ca ll", "Ġ m", "Ġm e"]}}"#;
        TextTokenizer::from_bytes(definition.as_bytes(), "llm.json".as_ref()).unwrap()
    }

    /// A state a label.
    fn speech(path: &[u32], blank: u32) -> EncodedSpeech {
        let ctc = path.iter().map(|&label| CtcFrame { label, blank: 0.0 }).collect();
        EncodedSpeech { states: vec![0.0; path.len()], width: 1, ctc, blank }
    }

    fn tokens(pieces: &[&str], path: &[u32]) -> Vec<(u32, Range<usize>)> {
        let blank = pieces.len() as u32;
        let heard = HeardTokens::new(&labels(pieces), &llm(), 3).unwrap();
        heard.of(&speech(path, blank)).unwrap().into_iter().map(|token| (token.id, token.states)).collect()
    }

    #[test]
    fn tokens_have_the_states_of_the_labels_that_they_cover() {
        let pieces = ["▁ca", "l", "▁", "me", "▁m", "e"];
        // "ca" "l" "l", blanks between, then " me" in one label and a space, or in two.
        let call = [6, 0, 0, 6, 1, 6, 1, 1];
        let with = |end: &[u32]| tokens(&pieces, &[call.as_slice(), end].concat());
        assert_eq!(with(&[2, 3, 6]), [(8, 1..8), (10, 8..10)]);
        assert_eq!(with(&[6, 4, 6, 5]), [(8, 1..8), (10, 9..12)]);
        // Spaces at the ends and twice are no text.
        assert_eq!(with(&[2, 6, 2, 3, 2]), [(8, 1..8), (10, 8..12)]);
    }

    #[test]
    fn a_label_of_several_tokens_gives_its_states_to_each() {
        assert_eq!(tokens(&["▁came"], &[1, 0, 0]), [(6, 1..3), (4, 1..3), (5, 1..3)]);
        // A letter of two bytes.
        assert_eq!(tokens(&["▁cé", "a"], &[0, 2, 1]), [(0, 0..1), (12, 0..1), (13, 0..1), (1, 2..3)]);
    }

    #[test]
    fn capitals_alone_are_read_in_small_letters() {
        assert_eq!(tokens(&["▁CA", "LL"], &[0, 1]), [(8, 0..2)]);
    }

    #[test]
    fn nothing_heard_is_one_token() {
        assert_eq!(tokens(&["▁a", "▁"], &[2, 2, 1, 2]), [(3, 0..4)]);
        assert!(tokens(&["▁a"], &[]).is_empty());
    }
}
