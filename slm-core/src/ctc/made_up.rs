//! Labels and posteriors made up for tests.

use std::path::Path;

use super::posteriors::CtcPosteriors;
use crate::text::TextTokenizer;

/// A tokenizer of these pieces, with a mark at the start of a word.
pub(crate) fn labels(pieces: &[&str]) -> TextTokenizer {
    let vocabulary: Vec<String> = pieces.iter().map(|piece| format!("[\"{piece}\", -1.0]")).collect();
    let definition = format!(
        r#"{{"version": "1.0", "added_tokens": [],
        "pre_tokenizer": {{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}},
        "decoder": {{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}},
        "model": {{"type": "Unigram", "unk_id": 0, "vocab": [{}]}}}}"#,
        vocabulary.join(", ")
    );
    TextTokenizer::from_bytes(definition.as_bytes(), Path::new("labels")).unwrap()
}

/// Frames of these pieces with their probabilities; the blank, the last label, is any other piece. What is left of a
/// frame is shared by the others.
pub(crate) fn posteriors(pieces: &[&str], frames: &[&[(&str, f32)]]) -> CtcPosteriors {
    let count = pieces.len() + 1;
    let mut rows = Vec::new();
    for frame in frames {
        let rest = 1.0 - frame.iter().map(|one| one.1).sum::<f32>();
        let mut row = vec![rest / (count - frame.len()) as f32; count];
        for (name, p) in *frame {
            let label = pieces.iter().position(|piece| piece == name).unwrap_or(pieces.len());
            row[label] = *p;
        }
        rows.extend(row.into_iter().map(f32::ln));
    }
    CtcPosteriors::new(rows, count, pieces.len() as u32)
}

/// Frames that are sure of these pieces, each with probability `p`.
pub(crate) fn sure(pieces: &[&str], frames: &[&str], p: f32) -> CtcPosteriors {
    let frames: Vec<[(&str, f32); 1]> = frames.iter().map(|name| [(*name, p)]).collect();
    let frames: Vec<&[(&str, f32)]> = frames.iter().map(<[_; 1]>::as_slice).collect();
    posteriors(pieces, &frames)
}
