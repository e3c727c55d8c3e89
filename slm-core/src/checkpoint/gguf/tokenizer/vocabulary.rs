//! The pieces of a vocabulary.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::checkpoint::gguf::{FieldProblem, Metadata};

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";

/// The pieces of a vocabulary; their places are their ids.
pub(super) struct Vocabulary {
    pub(super) tokens: Vec<String>,
    kinds: Vec<i128>,
}

/// What a piece is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// It has a meaning of its own, such as the end of a text.
    Control,
    /// It is found whole, and is text.
    UserDefined,
    /// Any other: text, bytes, what stands for the unknown.
    Other,
}

impl Vocabulary {
    pub(super) fn read(metadata: &Metadata) -> Result<Self, FieldProblem> {
        let tokens = metadata.texts(TOKENS)?.ok_or_else(|| FieldProblem::Missing(TOKENS.to_owned()))?;
        let kinds = metadata.integers(KINDS)?.unwrap_or_default();
        check_length(KINDS, kinds.len(), tokens)?;
        Ok(Self { tokens: tokens.iter().map(ToString::to_string).collect(), kinds })
    }

    /// What the piece with this id is for.
    pub(super) fn kind(&self, id: usize) -> TokenKind {
        match self.kinds.get(id) {
            Some(3) => TokenKind::Control,
            Some(4) => TokenKind::UserDefined,
            _ => TokenKind::Other,
        }
    }

    /// The score of each piece.
    pub(super) fn scores(&self, metadata: &Metadata) -> Result<Vec<f64>, FieldProblem> {
        let scores = metadata.floats(SCORES)?.ok_or_else(|| FieldProblem::Missing(SCORES.to_owned()))?;
        if scores.len() != self.tokens.len() {
            let expected = format!("{}, as many as tokens", self.tokens.len());
            return Err(FieldProblem::value(SCORES, format!("{} scores", scores.len()), expected));
        }
        Ok(scores)
    }
}

/// The id of each piece; of several that are the same, the last one's.
pub(super) fn ids(tokens: &[String]) -> HashMap<&str, usize> {
    tokens.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect()
}

/// The same, in an order that is always the same.
pub(super) fn entries(tokens: &[String]) -> Map<String, Value> {
    tokens.iter().enumerate().map(|(id, token)| (token.clone(), id.into())).collect()
}

fn check_length(key: &str, found: usize, tokens: &[Box<str>]) -> Result<(), FieldProblem> {
    if found == 0 || found == tokens.len() {
        return Ok(());
    }
    Err(FieldProblem::value(key, format!("{found} values"), format!("{}, as many as tokens", tokens.len())))
}

/// The pairs of pieces that are joined, in their order, where the file has them.
pub(super) fn merges(metadata: &Metadata) -> Result<Option<Vec<[&str; 2]>>, FieldProblem> {
    let Some(merges) = metadata.texts(MERGES)? else { return Ok(None) };
    let pair = |merge: &str| FieldProblem::value(MERGES, format!("`{merge}`"), "two pieces and a space");
    merges
        .iter()
        .map(|merge| {
            let (left, right) = merge.split_once(' ').ok_or_else(|| pair(merge))?;
            if right.contains(' ') { Err(pair(merge)) } else { Ok([left, right]) }
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}
