//! The reference model's tokenizers: pieces of text, learnt from the domain's sentences.
//!
//! Byte-pair encoding with a mark for the start of a word. Every letter is a piece of its own, so any word
//! can be spelled. The first ids are those of T5: padding, end, unknown. The speech encoder's labels are
//! few and English, so that each is heard often; the language model's are many, in four languages. An encoder
//! that has learnt the few can go on with the many: [`spellings`] ties them.

use std::collections::BTreeSet;
use std::path::Path;

use tokenizers::decoders::metaspace::Metaspace as MetaspaceDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerBuilder,
};

use slm_core::models::checkpoint::TOKENIZER_FILES;
use slm_core::models::text::TextTokenizer;

use super::domain::{NamePool, is_held_out, sample};
use super::mixture::Corpus;
use crate::failures;
use crate::random::rng_for;

/// The name of the file in a tokenizer's folder.
pub const FILE_NAME: &str = TOKENIZER_FILES[0];
/// Padding, id 0.
pub const PAD: &str = "<pad>";
/// End of a sequence, id 1.
pub const EOS: &str = "</s>";
/// A letter that is not in the alphabet, id 2.
pub const UNKNOWN: &str = "<unk>";

/// What a tokenizer is for, which decides the text it learns from and its alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Purpose {
    /// Everything the language model reads and writes.
    Text,
    /// What the speech encoder hears: English utterances.
    Speech,
}

impl Purpose {
    /// Letters and marks that are pieces whether the text has them or not.
    fn alphabet(self) -> &'static str {
        match self {
            Self::Text => {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'-.,:;?!/()äöüßÄÖÜáéíóúñÁÉÍÓÚÑàâæçèêëîïôœùûÿÀÂÇÈÊËÎÏÔŒÙÛ¿¡▁"
            }
            Self::Speech => "abcdefghijklmnopqrstuvwxyz'▁",
        }
    }
}

/// The stream of random numbers that the training text draws from.
const TEXT_STREAM: u64 = 0x766f_6361;

/// Trains a tokenizer of `size` pieces for `purpose` on `texts` and writes it to `path`.
///
/// # Errors
///
/// When the crate refuses or the file cannot be written.
pub fn train(path: &Path, purpose: Purpose, size: usize, texts: &[String]) -> anyhow::Result<()> {
    let fail = |error: tokenizers::Error| anyhow::anyhow!("cannot train the tokenizer: {error}");
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .show_progress(false)
        .special_tokens([PAD, EOS, UNKNOWN].map(|text| AddedToken::from(text, true)).to_vec())
        .initial_alphabet(purpose.alphabet().chars().collect())
        .build();
    let model = BPE::builder().unk_token(UNKNOWN.to_owned()).build().map_err(fail)?;
    let mut tokenizer = TokenizerBuilder::<
        BPE,
        NormalizerWrapper,
        PreTokenizerWrapper,
        PostProcessorWrapper,
        DecoderWrapper,
    >::new()
    .with_model(model)
    .with_pre_tokenizer(Some(Metaspace::new('▁', PrependScheme::Always, true).into()))
    .with_decoder(Some(MetaspaceDecoder::new('▁', PrependScheme::Always, true).into()))
    .build()
    .map_err(fail)?;
    tokenizer.train(&mut trainer, texts.iter()).map_err(fail)?;
    tokenizer.save(path, false).map_err(fail)?;
    Ok(())
}

/// The ids of each of `texts`, which stand beside the recordings that they belong to.
///
/// # Errors
///
/// All texts that have a letter without an id, with their recordings.
pub fn encode_all<'a>(
    tokenizer: &TextTokenizer,
    texts: impl IntoIterator<Item = (&'a Path, &'a str)>,
) -> anyhow::Result<Vec<Vec<u32>>> {
    let encode = |(path, text): (&Path, &str)| {
        tokenizer.encode(text).map_err(|error| format!("`{}`: {error}", path.display()))
    };
    failures::all("texts", texts.into_iter().map(encode))
}

/// For every piece of `from`, in order of the ids, the ids of the pieces of `to` that spell it: the same
/// piece where `to` has it, else the longest that fit from left to right, else those of its text, as tokenizers mark the
/// start of a word in different ways; none where a letter is missing.
///
/// # Errors
///
/// A tokenizer that cannot tell its texts.
pub fn spellings(from: &TextTokenizer, to: &TextTokenizer) -> anyhow::Result<Vec<Vec<u32>>> {
    let by_text = |text: &str| {
        let ids = to.encode(text).ok()?;
        // What stands for a letter that it lacks adds nothing to a text.
        let is_same = to.decode(&ids).is_ok_and(|again| again.trim() == text.trim());
        Some(ids).filter(|_| is_same)
    };
    let texts = from.spellings()?;
    let spelled = (0..from.len() as u32).zip(&texts).map(|(id, text)| {
        let piece = from.piece(id)?;
        spelling(&piece, to)
            .or_else(|| Some(text).filter(|text| !text.is_empty()).and_then(|text| by_text(text)))
    });
    Ok(spelled.map(Option::unwrap_or_default).collect())
}

fn spelling(piece: &str, to: &TextTokenizer) -> Option<Vec<u32>> {
    let mut ids = Vec::new();
    let mut rest = piece;
    while !rest.is_empty() {
        let mut ends = rest.char_indices().map(|(start, letter)| start + letter.len_utf8()).rev();
        let (end, id) = ends.find_map(|end| Some((end, to.id_of(&rest[..end])?)))?;
        ids.push(id);
        rest = &rest[end..];
    }
    Some(ids)
}

/// The texts of the rows at `manifest`.
///
/// # Errors
///
/// Rows that cannot be read.
pub fn texts_of(manifest: &Path) -> anyhow::Result<Vec<String>> {
    let rows = Corpus::from(manifest.to_owned()).read(&|_| ())?;
    Ok(rows.utterances.into_iter().map(|row| row.text).collect())
}

/// Sentences of `items` items of the domain; for [`Purpose::Text`] in four languages, with what is asked and answered about
/// them.
pub fn texts(purpose: Purpose, items: usize, seed: u64) -> Vec<String> {
    let mut rng = rng_for(seed, TEXT_STREAM, 0);
    let mut texts = Vec::new();
    let mut seen = BTreeSet::new();
    for _ in 0..items {
        let item = sample(&mut rng, NamePool::Train);
        if is_held_out(&item.text) || !seen.insert(item.text.clone()) {
            continue;
        }
        if purpose == Purpose::Speech {
            texts.push(item.text);
            continue;
        }
        // English twice: it is read as well as written.
        texts.extend([item.text.clone(), item.text, item.german, item.spanish, item.french]);
        texts.extend([item.continuation, item.reply]);
        texts.extend(item.questions.into_iter().flat_map(|(question, answer)| [question, answer]));
    }
    texts
}

#[cfg(test)]
mod tests {
    use slm_core::models::checkpoint::Checkpoint;

    use super::*;

    /// Three letters, and none for what is unknown.
    const LETTERS: &str =
        r#"{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1, "c": 2}, "unk_token": "?"}}"#;

    #[test]
    fn every_text_without_ids_is_named_with_its_recording() {
        let tokenizer = TextTokenizer::from_bytes(LETTERS.as_bytes(), Path::new("tokenizer.json")).unwrap();
        let of = |texts: [&'static str; 3]| {
            let paths = ["1.wav", "2.wav", "3.wav"].map(Path::new);
            encode_all(&tokenizer, paths.into_iter().zip(texts))
        };
        assert_eq!(of(["a", "b", "c"]).unwrap(), [[0], [1], [2]]);
        let text = of(["x", "b", "y"]).unwrap_err().to_string();
        assert!(text.starts_with("2 of 3 texts failed\n"), "{text}");
        assert!(text.contains("`1.wav`: cannot encode text `x`") && text.contains("`3.wav`"), "{text}");
    }

    #[test]
    fn spellings_add_up_to_the_piece() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, purpose, size| {
            let dir = dir.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            train(&dir.join(FILE_NAME), purpose, size, &texts(purpose, 200, 1)).unwrap();
            TextTokenizer::from_checkpoint(&Checkpoint::open(&dir).unwrap()).unwrap()
        };
        let (large, small) = (make("large", Purpose::Text, 300), make("small", Purpose::Speech, 80));
        let spellings = spellings(&large, &small).unwrap();
        assert_eq!(spellings.len(), large.len());
        let mut longer = 0;
        for (id, ids) in spellings.iter().enumerate() {
            let piece = large.piece(id as u32).unwrap();
            let spelled: String = ids.iter().map(|&id| small.piece(id).unwrap()).collect();
            if ids.is_empty() {
                // The small one is English, without capitals and marks.
                assert!(piece.chars().any(|letter| !Purpose::Speech.alphabet().contains(letter)), "{piece}");
            } else {
                assert_eq!(spelled, piece);
            }
            longer += usize::from(ids.len() > 1);
            assert!(small.id_of(&piece).is_none_or(|id| ids == &[id]));
        }
        assert!(longer > 0);
    }
}
