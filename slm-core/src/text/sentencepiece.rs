//! A tokenizer from a SentencePiece model, for folders that have no `tokenizer.json`.
//!
//! Format: `sentencepiece_model.proto` of SentencePiece 0.2. Rules: the unigram model of Kudo, arXiv 1804.10959, or byte
//! pair encoding, arXiv 1508.07909, with the normalisation that the model carries. transformers builds the same tokenizer in `convert_slow_tokenizer.py`,
//! `SpmConverter`, but for runs of spaces and spaces at the start of a text, where this follows SentencePiece. Ids differ
//! from SentencePiece's where a text begins with `▁` itself and the model does not normalise it away.

use std::collections::BTreeMap;

use prost::Message;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::sequence::Sequence as DecoderSequence;
use tokenizers::models::bpe::BPE;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::{Precompiled, Replace, Sequence, Strip};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, Tokenizer};

/// What stands for a space inside a piece.
const SPACE: char = '▁';
/// The type of a unigram model.
const UNIGRAM: i32 = 1;
/// The type of a model of byte pair encoding.
const BPE_TYPE: i32 = 2;
/// The type of a piece of text.
const NORMAL: i32 = 1;
/// The type of a piece with a meaning of its own, such as the end of a text.
const CONTROL: i32 = 3;
/// The type of a piece that is never split.
const USER_DEFINED: i32 = 4;

#[derive(Message)]
struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    trainer_spec: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    normalizer_spec: Option<NormalizerSpec>,
}

#[derive(Message)]
struct Piece {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
    #[prost(int32, optional, tag = "3", default = "1")]
    kind: Option<i32>,
}

#[derive(Message)]
struct TrainerSpec {
    #[prost(int32, optional, tag = "3", default = "1")]
    model_type: Option<i32>,
    #[prost(bool, optional, tag = "35")]
    byte_fallback: Option<bool>,
    #[prost(int32, optional, tag = "40")]
    unk_id: Option<i32>,
}

#[derive(Message)]
struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    precompiled_charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3", default = "true")]
    add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4", default = "true")]
    remove_extra_whitespaces: Option<bool>,
}

/// The tokenizer of a model file's `bytes`.
///
/// # Errors
///
/// What is wrong with the bytes, or a model of another kind than unigram and BPE.
pub(super) fn tokenizer(bytes: &[u8]) -> Result<Tokenizer, String> {
    let model = ModelProto::decode(bytes).map_err(|error| format!("not a SentencePiece model: {error}"))?;
    let trainer = model.trainer_spec.unwrap_or_default();
    let rules = model.normalizer_spec.unwrap_or_default();
    // Without a value it is 0.
    let unknown = usize::try_from(trainer.unk_id()).ok().filter(|id| *id < model.pieces.len());
    let told = |error: tokenizers::Error| error.to_string();
    let mut tokenizer = match trainer.model_type() {
        UNIGRAM => {
            let scored = |piece: &Piece| (piece.text().to_owned(), f64::from(piece.score()));
            let vocabulary = model.pieces.iter().map(scored).collect();
            Tokenizer::new(Unigram::from(vocabulary, unknown, trainer.byte_fallback()).map_err(told)?)
        }
        BPE_TYPE => Tokenizer::new(bpe(&model.pieces, unknown, trainer.byte_fallback())?),
        found => {
            return Err(format!(
                "SentencePiece model type is {found}, expected {UNIGRAM} (unigram) or {BPE_TYPE} (BPE)"
            ));
        }
    };
    let mut steps = Vec::new();
    if !rules.precompiled_charsmap().is_empty() {
        let map = Precompiled::from(rules.precompiled_charsmap());
        steps.push(map.map_err(|error| format!("normalisation table: {error}"))?.into());
    }
    if rules.remove_extra_whitespaces() {
        steps.push(Strip::new(true, true).into());
        let runs = tokenizers::normalizers::replace::ReplacePattern::Regex(" {2,}".to_owned());
        steps.push(Replace::new(runs, " ").map_err(told)?.into());
    }
    tokenizer.with_normalizer(Some(Sequence::new(steps))).map_err(told)?;
    let scheme = if rules.add_dummy_prefix() { PrependScheme::Always } else { PrependScheme::Never };
    let metaspace = Metaspace::new(SPACE, scheme, true);
    tokenizer.with_pre_tokenizer(Some(metaspace.clone()));
    if trainer.byte_fallback() {
        let steps = vec![ByteFallback::new().into(), metaspace.into()];
        tokenizer.with_decoder(Some(DecoderSequence::new(steps)));
    } else {
        tokenizer.with_decoder(Some(metaspace));
    }
    let own: Vec<AddedToken> = model
        .pieces
        .iter()
        .filter(|piece| matches!(piece.kind(), CONTROL | USER_DEFINED))
        .map(|piece| AddedToken::from(piece.text(), piece.kind() == CONTROL).normalized(false))
        .collect();
    tokenizer.add_tokens(own).map_err(told)?;
    Ok(tokenizer)
}

/// Byte pair encoding by the scores of its pieces: of the pairs that can be joined, the one that makes the piece with the
/// highest score is. A piece can come of several pairs; those of the lower ids come first.
fn bpe(pieces: &[Piece], unknown: Option<usize>, byte_fallback: bool) -> Result<BPE, String> {
    let ids: BTreeMap<&str, usize> =
        pieces.iter().enumerate().map(|(id, piece)| (piece.text(), id)).collect();
    let mut joined: Vec<&Piece> = pieces.iter().filter(|piece| piece.kind() == NORMAL).collect();
    joined.sort_by(|a, b| b.score().total_cmp(&a.score()));
    let mut merges = Vec::new();
    for piece in joined {
        let text = piece.text();
        let mut pairs: Vec<(usize, usize, &str, &str)> = text
            .char_indices()
            .skip(1)
            .filter_map(|(at, _)| {
                let (left, right) = text.split_at(at);
                Some((*ids.get(left)?, *ids.get(right)?, left, right))
            })
            .collect();
        pairs.sort_unstable();
        merges.extend(pairs.into_iter().map(|(_, _, left, right)| [left, right]));
    }
    let definition = serde_json::json!({
        "type": "BPE",
        "vocab": ids,
        "merges": merges,
        "unk_token": unknown.map(|id| pieces[id].text()),
        "fuse_unk": true,
        "byte_fallback": byte_fallback,
    });
    // From text, as its reader borrows from it.
    serde_json::from_str(&definition.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde::Deserialize;

    use crate::checkpoint::Checkpoint;
    use crate::text::{TextTokenizer, TokenizerError};

    fn load(dir: &Path) -> Result<TextTokenizer, TokenizerError> {
        TextTokenizer::from_checkpoint(&Checkpoint::open(dir).unwrap())
    }

    /// Made with SentencePiece, see `tests/fixtures`.
    fn fixtures() -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/sentencepiece"))
    }

    #[derive(Deserialize)]
    struct Example {
        text: String,
        ids: Vec<u32>,
        decoded: String,
    }

    #[test]
    fn ids_and_texts_are_those_of_sentencepiece() {
        for folder in ["nmt_nfkc", "byte_fallback", "bpe", "bpe_byte_fallback"] {
            let dir = fixtures().join(folder);
            let tokenizer = load(&dir).unwrap();
            let examples = std::fs::read(dir.join("examples.json")).unwrap();
            let examples: Vec<Example> = serde_json::from_slice(&examples).unwrap();
            assert!(examples.len() > 15);
            for Example { text, ids, decoded } in examples {
                assert_eq!(tokenizer.encode(&text).unwrap(), ids, "{folder}: {text:?}");
                // SentencePiece writes two question marks for an unknown piece.
                if !decoded.contains('⁇') {
                    assert_eq!(tokenizer.decode(&ids).unwrap().trim(), decoded.trim(), "{folder}: {text:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_model_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("spiece.model"), b"\xff\xff nothing").unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("spiece.model") && error.contains("not a SentencePiece model"), "{error}");
        // A model of type 3, words.
        std::fs::write(dir.path().join("spiece.model"), [0x12, 2, 0x18, 3]).unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("model type is 3, expected 1 (unigram) or 2 (BPE)"), "{error}");
    }
}
