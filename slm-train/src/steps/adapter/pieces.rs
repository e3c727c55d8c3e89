//! The pieces of transcripts that a CTC loss labels the adapter's outputs with.

use serde::ser::{Error, Serialize, SerializeSeq, Serializer};
use slm_core::models::text::TextTokenizer;

use super::data::Data;

/// The pieces: those of the encoder's own labels, which are few, where they have a tokenizer.
pub(super) fn ctc_labels<'a>(
    encoder: Option<&'a TextTokenizer>,
    llm: &'a TextTokenizer,
) -> &'a TextTokenizer {
    encoder.unwrap_or(llm)
}

/// The labels of all transcripts of a corpus, for a fingerprint; none where there are no pieces for them.
pub(super) struct AllLabelled<'a> {
    pub(super) data: &'a Data,
    pub(super) pieces: Option<&'a TextTokenizer>,
}

impl Serialize for AllLabelled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = if self.pieces.is_some() { self.data.utterances() } else { 0 };
        let mut all = serializer.serialize_seq(Some(count))?;
        if let Some(pieces) = self.pieces {
            for utterance in 0..count {
                let row = self.data.row(utterance).map_err(S::Error::custom)?;
                all.serialize_element(&pieces.encode(&row.text).map_err(S::Error::custom)?)?;
            }
        }
        all.end()
    }
}
