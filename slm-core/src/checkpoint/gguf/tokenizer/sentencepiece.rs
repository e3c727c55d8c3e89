//! Byte pair encoding of characters, as SentencePiece has it (`llama`).

use std::cmp::Reverse;
use std::collections::HashMap;

use serde_json::{Value, json};

use super::special::{Special, added};
use super::vocabulary::{TokenKind, Vocabulary, entries, ids, merges};
use super::{Parts, Spelling};
use crate::checkpoint::gguf::{FieldProblem, Metadata};

/// What stands for a space inside a piece.
const SPACE: &str = "▁";
/// Bytes of the longest piece that is cut into pairs. Real ones have at most a hundred; all cuts of one are looked up.
const MAX_BYTES: usize = 256;

pub(super) fn parts(
    metadata: &Metadata,
    vocabulary: &Vocabulary,
    special: &Special,
    spelling: Spelling,
) -> Result<Parts, FieldProblem> {
    let mut spelled = vocabulary.tokens.clone();
    if spelling == Spelling::Order {
        let is_spaces = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte == b' ');
        spelled
            .iter_mut()
            .filter(|token| is_spaces(token))
            .for_each(|token| *token = SPACE.repeat(token.len()));
    }
    let ids = ids(&spelled);
    let joined = if let Some(merges) = merges(metadata)? {
        merges
    } else {
        let scores = match spelling {
            Spelling::Scores => vocabulary.scores(metadata)?,
            Spelling::Order => (0..spelled.len()).map(|place| -(place as f64)).collect(),
        };
        implied(&spelled, &ids, &scores)?
    };
    let added = spelled.iter().enumerate().filter_map(|(id, token)| {
        let is_last = ids.get(token.as_str()) == Some(&id);
        match vocabulary.kind(id) {
            _ if special.has(id) && is_last => Some(added(id, token, true)),
            TokenKind::Control if is_last => Some(added(id, token, true)),
            TokenKind::UserDefined if is_last => Some(added(id, token, false)),
            _ => None,
        }
    });
    let default = spelling == Spelling::Scores;
    let has_space_first = default && metadata.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    Ok(Parts {
        added: added.collect(),
        normalizer: Value::Null,
        pre_tokenizer: json!({
            "type": "Metaspace", "replacement": SPACE, "split": false,
            "prepend_scheme": if has_space_first { "first" } else { "never" },
        }),
        model: json!({
            "type": "BPE", "dropout": null, "unk_token": special.unknown().map(|id| &spelled[id]),
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": true,
            "byte_fallback": true, "ignore_merges": false, "vocab": entries(&spelled), "merges": joined,
        }),
        decoder: decoder(has_space_first),
    })
}

/// From pieces to text.
fn decoder(has_space_first: bool) -> Value {
    let mut steps = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if has_space_first {
        steps.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    json!({"type": "Sequence", "decoders": steps})
}

/// The pairs that a vocabulary implies: of those that make a piece, those of the highest score come first; of those,
/// the ones with the longer left part, and with the longer right one; and then those of the lower ids.
fn implied<'a>(
    tokens: &'a [String],
    ids: &HashMap<&'a str, usize>,
    scores: &[f64],
) -> Result<Vec<[&'a str; 2]>, FieldProblem> {
    let mut pairs = Vec::new();
    for (token, &score) in tokens.iter().zip(scores) {
        if token.len() > MAX_BYTES {
            let found = format!("a piece of {} bytes", token.len());
            let expected = format!("at most {MAX_BYTES} where pairs are to be found");
            return Err(FieldProblem::value("tokenizer.ggml.tokens", found, expected));
        }
        let first = pairs.len();
        let length = token.chars().count();
        for (left_length, (at, _)) in token.char_indices().enumerate().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(&left_id), Some(&right_id)) = (ids.get(left), ids.get(right)) {
                pairs.push((score, left_length, length - left_length, (left_id, right_id), [left, right]));
            }
        }
        pairs[first..].sort_by_key(|pair| pair.3);
    }
    pairs.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then_with(|| (Reverse(a.1), Reverse(a.2)).cmp(&(Reverse(b.1), Reverse(b.2))))
    });
    Ok(pairs.into_iter().map(|pair| pair.4).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_in_the_order_of_the_scores() {
        let tokens = ["a", "b", "c", "ab", "bc", "abc", "cc"].map(str::to_owned);
        let ids = tokens.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
        let found = implied(&tokens, &ids, &[0.0, 0.0, 0.0, -2.0, -1.0, -2.0, f64::NEG_INFINITY]).unwrap();
        assert_eq!(found, [["b", "c"], ["ab", "c"], ["a", "bc"], ["a", "b"], ["c", "c"]]);
        let long = ["x".repeat(257)];
        let error = implied(&long, &HashMap::new(), &[0.0]).unwrap_err().to_string();
        assert!(error.contains("a piece of 257 bytes, expected at most 256"), "{error}");
    }
}
