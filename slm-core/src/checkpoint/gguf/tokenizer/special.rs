//! The ids with a meaning of their own, and what is put around a text.

use serde_json::{Map, Value, json};

use super::MODEL;
use super::vocabulary::Vocabulary;
use crate::checkpoint::gguf::{FieldProblem, Metadata};

/// What the ids are called here and there.
const NAMES: [(&str, &str); 4] =
    [("bos", "bos_token"), ("eos", "eos_token"), ("unknown", "unk_token"), ("padding", "pad_token")];

/// The ids with a meaning of their own, and what is put around a text.
pub(super) struct Special {
    /// In the order of [`NAMES`], each with its piece.
    tokens: [Option<(usize, String)>; 4],
    add_bos: bool,
    add_eos: bool,
}

impl Special {
    pub(super) fn read(metadata: &Metadata, vocabulary: &Vocabulary) -> Result<Self, FieldProblem> {
        let mut tokens = [const { None }; 4];
        for (token, (name, _)) in tokens.iter_mut().zip(NAMES) {
            let key = format!("tokenizer.ggml.{name}_token_id");
            let Some(id) = metadata.count(&key)? else { continue };
            let index = usize::try_from(id).ok().filter(|&id| id < vocabulary.tokens.len());
            let lacking = || FieldProblem::value(&key, id, format!("less than {}", vocabulary.tokens.len()));
            let index = index.ok_or_else(lacking)?;
            *token = Some((index, vocabulary.tokens[index].clone()));
        }
        // What llama.cpp takes where an older file does not say it.
        let kind = metadata.text(MODEL)?.unwrap_or_default();
        let add_bos = metadata.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(kind == "llama");
        let add_eos = metadata.flag("tokenizer.ggml.add_eos_token")?.unwrap_or(kind == "t5");
        Ok(Self { tokens, add_bos, add_eos })
    }

    /// Whether the piece with this id has a meaning of its own.
    pub(super) fn has(&self, id: usize) -> bool {
        self.tokens.iter().flatten().any(|(other, _)| *other == id)
    }

    /// The id of what stands for unknown characters.
    pub(super) fn unknown(&self) -> Option<usize> {
        self.tokens[2].as_ref().map(|(id, _)| *id)
    }

    /// Their pieces and flags, by the names of `tokenizer_config.json`.
    pub(super) fn names(&self) -> Map<String, Value> {
        let pieces = self.tokens.iter().zip(NAMES);
        let pieces = pieces
            .filter_map(|(token, (_, there))| Some((there.to_owned(), token.as_ref()?.1.clone().into())));
        let flags = [("add_bos_token", self.add_bos), ("add_eos_token", self.add_eos)];
        pieces.chain(flags.map(|(name, flag)| (name.to_owned(), flag.into()))).collect()
    }

    /// The step that puts the begin and the end around a text.
    pub(super) fn ends(&self) -> Value {
        let begin = self.tokens[0].as_ref().filter(|_| self.add_bos);
        let end = self.tokens[1].as_ref().filter(|_| self.add_eos);
        let around = |number: u8, name: &str| {
            let one = |token: &(usize, String)| json!({"SpecialToken": {"id": token.1, "type_id": number}});
            let text = json!({"Sequence": {"id": name, "type_id": number}});
            begin.map(one).into_iter().chain([text]).chain(end.map(one)).collect::<Vec<_>>()
        };
        let told = |(id, piece): &(usize, String)| {
            (piece.clone(), json!({"id": piece, "ids": [id], "tokens": [piece]}))
        };
        let pair = [around(0, "A"), around(1, "B")].concat();
        json!({
            "type": "TemplateProcessing",
            "single": around(0, "A"),
            "pair": pair,
            "special_tokens": begin.into_iter().chain(end).map(told).collect::<Map<_, _>>(),
        })
    }
}

/// A piece that is found whole; one that is special is no text.
pub(super) fn added(id: usize, piece: &str, is_special: bool) -> Value {
    json!({
        "id": id, "content": piece, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": is_special,
    })
}
