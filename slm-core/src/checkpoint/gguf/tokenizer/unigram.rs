//! Unigram vocabularies, as SentencePiece has them (`t5`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Parts;
use super::special::{Special, added};
use super::vocabulary::{TokenKind, Vocabulary};
use crate::checkpoint::gguf::{FieldProblem, Metadata};

/// What stands for a space inside a piece.
const SPACE: &str = "▁";
/// What stands for the unknown in T5's vocabularies, where a file does not tell it.
const UNKNOWN: usize = 2;
/// The table of characters that are written as others, in SentencePiece's own form.
const TABLE: &str = "tokenizer.ggml.precompiled_charsmap";
/// Blanks that a T5 fills in. Files call them by their ids, `[PAD32099]`, the first blank last.
const BLANKS: usize = 100;

pub(super) fn parts(
    metadata: &Metadata,
    vocabulary: &Vocabulary,
    special: &Special,
) -> Result<Parts, FieldProblem> {
    let scores = vocabulary.scores(metadata)?;
    let unknown = special.unknown().unwrap_or(UNKNOWN);
    let mut spelled = vocabulary.tokens.clone();
    let mut blanks = Vec::new();
    for (id, token) in spelled.iter_mut().enumerate().filter(|(_, token)| is_padding(token)).take(BLANKS) {
        *token = format!("<extra_id_{}>", BLANKS - 1 - blanks.len());
        blanks.push(id);
    }
    let added = spelled.iter().enumerate().filter_map(|(id, token)| match vocabulary.kind(id) {
        _ if special.has(id) || blanks.contains(&id) => Some(added(id, token, true)),
        TokenKind::Control => Some(added(id, token, true)),
        TokenKind::UserDefined => Some(added(id, token, false)),
        TokenKind::Other => None,
    });
    let added = added.collect();
    let metaspace =
        json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": true});
    let vocabulary: Vec<(&String, &f64)> = spelled.iter().zip(&scores).collect();
    Ok(Parts {
        added,
        normalizer: normalizer(metadata)?,
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}),
        model: json!({"type": "Unigram", "unk_id": unknown, "vocab": vocabulary, "byte_fallback": false}),
        decoder: metaspace,
    })
}

/// The step that the table stands for; there is none without it.
fn normalizer(metadata: &Metadata) -> Result<Value, FieldProblem> {
    let Some(table) = metadata.integers(TABLE)? else { return Ok(Value::Null) };
    // Some files have signed bytes.
    let bytes =
        table.iter().map(|&byte| u8::try_from(byte).or_else(|_| i8::try_from(byte).map(|byte| byte as u8)));
    let bytes: Vec<u8> = bytes
        .collect::<Result<_, _>>()
        .map_err(|_| FieldProblem::value(TABLE, "an array of larger numbers", "bytes"))?;
    Ok(json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(bytes)}))
}

/// Whether a piece fills a vocabulary up.
fn is_padding(token: &str) -> bool {
    let number = token.strip_prefix("[PAD").and_then(|rest| rest.strip_suffix(']'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_a_number() {
        assert!(is_padding("[PAD32000]"));
        for token in ["[PAD]", "[PAD1", "PAD1]", "[PAD1x]", "x[PAD1]"] {
            assert!(!is_padding(token), "{token}");
        }
    }
}
