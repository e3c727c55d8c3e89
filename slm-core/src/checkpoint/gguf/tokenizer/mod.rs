//! The tokenizer in the metadata, as `tokenizer.json` and `tokenizer_config.json` would tell it.
//!
//! Source: transformers 5.23.0, `integrations/gguf/gguf_tokenizer_mapping.py`. Ids are those of its tokenizers, with three
//! exceptions, where this follows the makers of the models: `tokenizer.ggml.add_space_prefix` and the table of
//! normalisation count where a file has them, and special tokens that a vocabulary lacks are not added to it.

mod byte_level;
mod sentencepiece;
mod special;
mod split;
mod unigram;
mod vocabulary;
mod written;

use serde_json::{Map, Value, json};

use self::special::Special;
use self::vocabulary::Vocabulary;
pub(super) use self::written::metadata_of;
use super::{FieldProblem, Metadata};

/// The kind of tokenizer.
pub(super) const MODEL: &str = "tokenizer.ggml.model";
/// The template of a dialog.
pub(super) const TEMPLATE: &str = "tokenizer.chat_template";

/// What tells which pieces of a SentencePiece vocabulary are joined first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Their scores.
    Scores,
    /// Their order, as in Gemma's vocabularies, which also have no space before the first word and runs of spaces that
    /// are pieces.
    Order,
}

/// The model of a tokenizer, and the steps around it.
struct Parts {
    /// Pieces to be found whole, before all else.
    added: Vec<Value>,
    normalizer: Value,
    pre_tokenizer: Value,
    model: Value,
    decoder: Value,
}

/// What `tokenizer.json` would say.
pub(super) fn definition(metadata: &Metadata, spelling: Spelling) -> Result<Value, Vec<FieldProblem>> {
    built(metadata, spelling).map_err(|problem| vec![problem])
}

fn built(metadata: &Metadata, spelling: Spelling) -> Result<Value, FieldProblem> {
    let kind = metadata.text(MODEL)?.unwrap_or_default();
    let vocabulary = Vocabulary::read(metadata)?;
    let special = Special::read(metadata, &vocabulary)?;
    let parts = match kind {
        "gpt2" => byte_level::parts(metadata, &vocabulary, &special)?,
        "llama" => sentencepiece::parts(metadata, &vocabulary, &special, spelling)?,
        "t5" => unigram::parts(metadata, &vocabulary, &special)?,
        _ => return Err(FieldProblem::value(MODEL, kind, "gpt2, llama or t5")),
    };
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": parts.added,
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": special.ends(),
        "decoder": parts.decoder,
        "model": parts.model,
    }))
}

/// What `tokenizer_config.json` would say.
pub(super) fn settings(metadata: &Metadata) -> Result<Value, Vec<FieldProblem>> {
    told(metadata).map_err(|problem| vec![problem])
}

fn told(metadata: &Metadata) -> Result<Value, FieldProblem> {
    let special = Special::read(metadata, &Vocabulary::read(metadata)?)?;
    let mut settings: Map<String, Value> = special.names();
    if let Some(template) = metadata.text(TEMPLATE)? {
        settings.insert("chat_template".to_owned(), template.into());
    }
    Ok(Value::Object(settings))
}
