//! Byte pair encoding of bytes, as GPT-2 has it (`gpt2`).

use serde_json::json;

use super::Parts;
use super::special::{Special, added};
use super::split::steps;
use super::vocabulary::{TokenKind, Vocabulary, entries, ids, merges};
use crate::checkpoint::gguf::{FieldProblem, Metadata};

const PRE: &str = "tokenizer.ggml.pre";

pub(super) fn parts(
    metadata: &Metadata,
    vocabulary: &Vocabulary,
    special: &Special,
) -> Result<Parts, FieldProblem> {
    let letters = alphabet();
    let is_spelled = |token: &str| token.chars().all(|letter| letters.contains(&letter));
    let merges =
        merges(metadata)?.ok_or_else(|| FieldProblem::Missing("tokenizer.ggml.merges".to_owned()))?;
    // Every piece of text is spelled in the alphabet. What is not was not marked as what it is.
    let spelled: Vec<String> = vocabulary
        .tokens
        .iter()
        .enumerate()
        .map(|(id, token)| {
            let is_own = is_spelled(token) || special.has(id);
            if is_own { token.clone() } else { token.bytes().map(|byte| letters[byte as usize]).collect() }
        })
        .collect();
    let ids = ids(&spelled);
    let added = vocabulary.tokens.iter().enumerate().filter_map(|(id, token)| {
        let is_known = ids.get(token.as_str()) == Some(&id);
        match vocabulary.kind(id) {
            _ if special.has(id) && is_known => Some(added(id, token, true)),
            TokenKind::Control if is_known => Some(added(id, token, true)),
            TokenKind::UserDefined if is_known => Some(added(id, token, false)),
            _ => None,
        }
    });
    Ok(Parts {
        added: added.collect(),
        normalizer: json!(null),
        pre_tokenizer: steps(metadata.text(PRE)?.unwrap_or_default()),
        model: json!({
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": entries(&spelled), "merges": merges,
        }),
        decoder: json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
    })
}

/// The letter for each byte. Those that can be printed stand for themselves, the others, in their order, for the letters
/// from U+0100 on.
fn alphabet() -> [char; 256] {
    let mut letters = ['\0'; 256];
    let mut next = 0x100;
    for (byte, letter) in (0..=u8::MAX).zip(&mut letters) {
        *letter = if matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..) {
            byte.into()
        } else {
            next += 1;
            char::from_u32(next - 1).unwrap_or_default()
        };
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_letter() {
        let letters = alphabet();
        assert_eq!((letters[b' ' as usize], letters[b'\n' as usize], letters[0]), ('Ġ', 'Ċ', 'Ā'));
        assert_eq!((letters[b'a' as usize], letters[0xe9], letters[0xad]), ('a', 'é', 'Ń'));
        let all: std::collections::BTreeSet<char> = letters.into_iter().collect();
        assert_eq!(all.len(), 256);
    }
}
