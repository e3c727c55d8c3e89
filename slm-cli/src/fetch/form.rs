//! How a folder of a repository holds its model: which of its files are the weights.

use std::path::Path;

use slm_core::models::checkpoint::{ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, WeightFormat, gguf, nemo};

/// What the weights of a folder are. Of several, the one that the loader takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// One file of a fixed name, or an index and all of its shards.
    Named(Vec<&'a str>),
    /// An archive of NeMo or a GGUF file, which holds config and tokenizer too.
    Single(&'a str),
    /// A LoRA adapter without a model.
    Adapter,
    /// Several GGUF files: nobody knows which is meant.
    Several,
    /// Nothing that SLM reads.
    Nothing,
}

impl<'a> Form<'a> {
    /// Of a folder with the files `names`.
    pub(super) fn of(names: &[&'a str]) -> Self {
        for (_, whole, index) in WeightFormat::NAMED {
            let find = |expected: &str| names.iter().copied().find(|name| *name == expected);
            if let Some(whole) = find(whole) {
                return Self::Named(vec![whole]);
            }
            let shards = shards(names, whole);
            if let Some(index) = find(index).filter(|_| !shards.is_empty()) {
                return Self::Named([vec![index], shards].concat());
            }
        }
        if let Some(archive) = names.iter().copied().find(|name| has_extension(name, nemo::EXTENSION)) {
            return Self::Single(archive);
        }
        let mut files = names.iter().copied().filter(|name| is_model(name));
        match (files.next(), files.next()) {
            (Some(file), None) => Self::Single(file),
            (Some(_), Some(_)) => Self::Several,
            (None, _)
                if [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE].iter().all(|name| names.contains(name)) =>
            {
                Self::Adapter
            }
            (None, _) => Self::Nothing,
        }
    }
}

/// The shards of the weights that would be called `whole`, such as `model-00001-of-00002.safetensors`; none where one of
/// them lacks.
fn shards<'a>(names: &[&'a str], whole: &str) -> Vec<&'a str> {
    let Some((stem, extension)) = whole.rsplit_once('.') else { return Vec::new() };
    let count = |name: &str| {
        let numbers =
            name.strip_prefix(stem)?.strip_suffix(extension)?.strip_prefix('-')?.strip_suffix('.')?;
        let (_, count) = numbers.split_once("-of-")?;
        count.parse::<usize>().ok()
    };
    let found: Vec<&str> = names.iter().copied().filter(|name| count(name).is_some()).collect();
    let is_whole = found.iter().all(|name| count(name) == Some(found.len()));
    if is_whole { found } else { Vec::new() }
}

/// Whether the file `name` is a whole language model in GGUF, and no part of one, and no model of images beside one.
pub(super) fn is_model(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    has_extension(name, gguf::EXTENSION) && !base.contains("-of-") && !base.starts_with("mmproj")
}

/// Whether the file `name` holds a model alone.
pub(super) fn is_single(name: &str) -> bool {
    is_model(name) || has_extension(name, nemo::EXTENSION)
}

fn has_extension(name: &str, expected: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_where_all_are_there() {
        let names = ["model-00001-of-00002.safetensors", "model.fp32-00001-of-00001.safetensors", "x.bin"];
        assert!(shards(&names, "model.safetensors").is_empty());
        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        assert_eq!(shards(&names, "model.safetensors"), names);
        let index = [names[0], names[1], "model.safetensors.index.json"];
        assert_eq!(Form::of(&index), Form::Named(vec![index[2], names[0], names[1]]));
        assert_eq!(Form::of(&index[1..]), Form::Nothing);
    }

    #[test]
    fn gguf_files_are_one_or_several() {
        assert_eq!(Form::of(&["a.gguf", "mmproj-a.gguf", "b-00001-of-00002.gguf"]), Form::Single("a.gguf"));
        assert_eq!(Form::of(&["a.gguf", "b.gguf"]), Form::Several);
        assert!(is_single("x/a.nemo") && !is_single("mmproj.gguf") && !is_single("a.bin"));
    }
}
