//! What the labels of the CTC head in an archive of NeMo spell.

use super::{MAX_TOKENIZER_BYTES, TextTokenizer, TokenizerError, ctc_vocabulary};
use crate::checkpoint::nemo::{NemoArchive, NemoSettings};

/// What the labels of the head spell.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Labels {
    /// Pieces of the SentencePiece model that is this file of the archive.
    Pieces(String),
    /// These characters, among them the space.
    Characters(Vec<String>),
    /// A kind that is not read.
    Other(String),
}

impl Labels {
    fn of(settings: &NemoSettings) -> Self {
        let Some(tokenizer) = &settings.tokenizer else {
            let vocabulary = settings.ctc().map(|decoder| decoder.vocabulary.clone());
            return Self::Characters(vocabulary.unwrap_or_default());
        };
        match (tokenizer.kind.as_str(), &tokenizer.model_path) {
            ("bpe", Some(member)) => Self::Pieces(member.clone()),
            ("bpe", None) => Self::Other("`tokenizer.model_path` is absent".to_owned()),
            (kind, _) => Self::Other(format!("`tokenizer.type` is `{kind}`, expected `bpe`")),
        }
    }
}

/// The tokenizer of the labels in `archive`.
pub(super) fn tokenizer(archive: &NemoArchive) -> Result<TextTokenizer, TokenizerError> {
    let invalid = |reason| TokenizerError::Invalid { path: archive.path().into(), reason };
    match Labels::of(&archive.settings()?) {
        Labels::Pieces(member) => {
            let model = archive.read(&member, MAX_TOKENIZER_BYTES)?;
            TextTokenizer::from_sentencepiece(&model, archive.path())
        }
        Labels::Characters(characters) => {
            let definition = ctc_vocabulary::of_characters(&characters).map_err(invalid)?;
            TextTokenizer::from_bytes(definition.as_bytes(), archive.path())
        }
        Labels::Other(reason) => Err(invalid(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_pieces_or_characters() {
        let labels = |rest: &str| {
            let text = format!("preprocessor: {{}}\nencoder: {{}}\n{rest}\n");
            Labels::of(&NemoSettings::parse(&text).unwrap())
        };
        let pieces = labels("tokenizer: {type: bpe, model_path: 'nemo:1_tokenizer.model'}");
        assert_eq!(pieces, Labels::Pieces("nemo:1_tokenizer.model".into()));
        let characters = labels("decoder: {_target_: x.ConvASRDecoder, vocabulary: [' ', a]}");
        assert_eq!(characters, Labels::Characters(vec![" ".into(), "a".into()]));
        let hybrid = labels("aux_ctc: {decoder: {vocabulary: [b]}}");
        assert_eq!(hybrid, Labels::Characters(vec!["b".into()]));
        assert_eq!(labels(""), Labels::Characters(Vec::new()));
        let other = labels("tokenizer: {type: wpe}");
        assert_eq!(other, Labels::Other("`tokenizer.type` is `wpe`, expected `bpe`".into()));
        assert_eq!(labels("tokenizer: {}"), Labels::Other("`tokenizer.model_path` is absent".into()));
    }
}
