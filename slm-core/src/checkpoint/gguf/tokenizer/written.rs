//! What a file says of a tokenizer, out of its `tokenizer.json`: byte-level vocabularies.

use serde::Deserialize;
use serde_json::Value;

use super::split::steps;
use crate::checkpoint::gguf::{Numbers, Value as Stored};

/// The names of `tokenizer.ggml.pre` that are written; the first whose steps are the tokenizer's counts.
const PRE: [&str; 5] = ["llama-bpe", "qwen2", "tekken", "refact", "gpt-2"];
/// What a piece is for: text.
const NORMAL: i32 = 1;
/// It has a meaning of its own.
const CONTROL: i32 = 3;
/// It is text and found whole.
const USER_DEFINED: i32 = 4;
/// It fills a row.
const UNUSED: i32 = 5;

/// `tokenizer.json`, as far as it counts.
#[derive(Deserialize)]
struct Definition {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    model: Value,
}

#[derive(Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the fields of the file")]
struct Added {
    id: usize,
    content: String,
    #[serde(default)]
    special: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
}

/// The keys and values for the tokenizer that the `tokenizer.json` in `content` defines, of a model whose embedding has
/// `rows`. What a file cannot tell is named.
pub(in crate::checkpoint::gguf) fn metadata_of(
    content: &[u8],
    rows: usize,
) -> Result<Vec<(String, Stored)>, String> {
    let definition: Definition = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    let pre =
        pre_name(&definition.pre_tokenizer).ok_or("its `pre_tokenizer` is none that a GGUF file names")?;
    let is_composed = definition.normalizer.get("type").and_then(Value::as_str) == Some("NFC");
    if !definition.normalizer.is_null() && !is_composed {
        return Err("a GGUF file has no place for its `normalizer`".to_owned());
    }
    let model = &definition.model;
    let is = |name: &str, expected: &Value| model.get(name).unwrap_or(&Value::Null) == expected;
    if !is("type", &"BPE".into())
        || !(is("byte_fallback", &Value::Null) || is("byte_fallback", &false.into()))
    {
        return Err("its model is no byte pair encoding of bytes".to_owned());
    }
    let (tokens, kinds) = pieces(model, &definition.added_tokens, rows)?;
    let merges = merges(model)?;
    let [begins, ends] = ends(&definition.post_processor);
    let found = [
        ("model", Stored::Text("gpt2".to_owned())),
        ("pre", Stored::Text(pre.to_owned())),
        ("tokens", Stored::Texts(tokens)),
        ("token_type", Stored::Numbers(Numbers::of_integers(&kinds))),
        ("merges", Stored::Texts(merges)),
        ("add_bos_token", Stored::Flag(begins)),
        ("add_eos_token", Stored::Flag(ends)),
    ];
    Ok(found.into_iter().map(|(name, value)| (format!("tokenizer.ggml.{name}"), value)).collect())
}

/// The name of the steps of `pre_tokenizer`.
fn pre_name(pre_tokenizer: &Value) -> Option<&'static str> {
    let wanted = plain(pre_tokenizer);
    PRE.into_iter().find(|name| plain(&steps(name)) == wanted)
}

/// Steps without what makes no ids: where a piece lies in a text.
fn plain(steps: &Value) -> Value {
    match steps {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != "trim_offsets");
            Value::Object(kept.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(all) => all.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// The pieces by their ids, and what each is for; rows without a piece are filled up.
fn pieces(model: &Value, added: &[Added], rows: usize) -> Result<(Vec<Box<str>>, Vec<i32>), String> {
    let mut found: Vec<Option<(&str, i32)>> = vec![None; rows];
    let vocabulary = model.get("vocab").and_then(Value::as_object).ok_or("its model has no `vocab`")?;
    let of_model =
        vocabulary.iter().map(|(piece, id)| (piece.as_str(), id.as_u64().map(|id| id as usize), NORMAL));
    let of_added = added.iter().map(|token| {
        let kind = if token.special { CONTROL } else { USER_DEFINED };
        (token.content.as_str(), Some(token.id), kind)
    });
    for (piece, id, kind) in of_model.chain(of_added) {
        let place = id.and_then(|id| found.get_mut(id));
        let place = place.ok_or_else(|| format!("its piece `{}` has no row", piece.escape_debug()))?;
        *place = Some((piece, kind));
    }
    if let Some(token) = added.iter().find(|token| token.single_word || token.lstrip || token.rstrip) {
        let piece = token.content.escape_debug();
        return Err(format!("a GGUF file does not tell what is taken with its piece `{piece}`"));
    }
    let whole = found.into_iter().enumerate().map(|(id, piece)| match piece {
        Some((piece, kind)) => (Box::from(piece), kind),
        None => (format!("[PAD{id}]").into(), UNUSED),
    });
    Ok(whole.unzip())
}

/// The pairs of pieces, in their order.
fn merges(model: &Value) -> Result<Vec<Box<str>>, String> {
    let told = model.get("merges").and_then(Value::as_array).ok_or("its model has no `merges`")?;
    let pair = |merge: &Value| match merge {
        Value::String(text) => Some(text.as_str().into()),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(left), Value::String(right)] => Some(format!("{left} {right}").into()),
            _ => None,
        },
        _ => None,
    };
    told.iter().map(pair).collect::<Option<_>>().ok_or_else(|| "a merge of its model is no pair".to_owned())
}

/// Whether begin and end are put around a text.
fn ends(post_processor: &Value) -> [bool; 2] {
    let step = match post_processor.get("type").and_then(Value::as_str) {
        Some("TemplateProcessing") => Some(post_processor),
        Some("Sequence") => post_processor.get("processors").and_then(Value::as_array).and_then(|steps| {
            steps.iter().find(|step| step.get("type").and_then(Value::as_str) == Some("TemplateProcessing"))
        }),
        _ => None,
    };
    let template = step.and_then(|step| step.get("single")).and_then(Value::as_array);
    let is_special = |item: Option<&Value>| item.is_some_and(|item| item.get("SpecialToken").is_some());
    template.map_or([false; 2], |items| [is_special(items.first()), is_special(items.last())])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(change: impl Fn(&mut Value)) -> Result<Vec<(String, Stored)>, String> {
        let mut value = json!({
            "added_tokens": [{"id": 3, "content": "<end>", "special": true}, {"id": 4, "content": "<tool>"}],
            "normalizer": null,
            "pre_tokenizer": steps("qwen2"),
            "post_processor": {"type": "TemplateProcessing", "single": [
                {"SpecialToken": {"id": "<end>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            ]},
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
        });
        change(&mut value);
        metadata_of(value.to_string().as_bytes(), 6)
    }

    #[test]
    fn pieces_have_their_places_and_kinds() {
        let found = definition(|_| ()).unwrap();
        let of =
            |name: &str| &found.iter().find(|(key, _)| key == &format!("tokenizer.ggml.{name}")).unwrap().1;
        assert_eq!(of("pre"), &Stored::Text("qwen2".into()));
        let tokens = ["a", "b", "ab", "<end>", "<tool>", "[PAD5]"].map(Box::from);
        assert_eq!(of("tokens"), &Stored::Texts(tokens.into()));
        assert_eq!(of("token_type"), &Stored::Numbers(Numbers::of_integers(&[1, 1, 1, 3, 4, 5])));
        assert_eq!(of("merges"), &Stored::Texts(vec!["a b".into()]));
        assert_eq!((of("add_bos_token"), of("add_eos_token")), (&Stored::Flag(true), &Stored::Flag(false)));
        assert!(definition(|value| value["model"]["merges"] = json!(["a b"])).is_ok());
        assert!(definition(|value| value["normalizer"] = json!({"type": "NFC"})).is_ok());
    }

    #[test]
    fn what_a_file_cannot_tell_is_named() {
        let message = |change: &dyn Fn(&mut Value)| definition(change).unwrap_err();
        for (found, expected) in [
            (message(&|value| value["pre_tokenizer"] = json!({"type": "Whitespace"})), "`pre_tokenizer`"),
            (message(&|value| value["normalizer"] = json!({"type": "Lowercase"})), "`normalizer`"),
            (message(&|value| value["model"]["type"] = json!("Unigram")), "no byte pair encoding"),
            (message(&|value| value["model"]["byte_fallback"] = json!(true)), "no byte pair encoding"),
            (message(&|value| value["model"]["vocab"]["c"] = json!(6)), "piece `c` has no row"),
            (message(&|value| value["model"]["merges"] = json!([1])), "no pair"),
            (
                message(&|value| value["added_tokens"][0]["lstrip"] = json!(true)),
                "taken with its piece `<end>`",
            ),
        ] {
            assert!(found.contains(expected), "{found}");
        }
    }
}
