//! Which files of a repository are fetched: what SLM reads, and not the copies for other programs.

use std::path::Path;

use slm_core::models::checkpoint::{gguf, nemo};

use super::listing::RemoteFile;

/// Small files that are taken where they are.
const NAMES: [&str; 14] = [
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "adapter_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "slm.json",
    "README.md",
    "USE_POLICY.md",
];

/// The tensors of a LoRA adapter, which may lie beside the model that it is for.
const LORA: &str = "adapter_model.safetensors";

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// What a model needs.
    Needed,
    /// Every file.
    All,
    /// Files whose names match one of these: `*` stands for any text.
    Matching(Vec<String>),
}

impl Selection {
    /// The files of `listed` that it names.
    pub(crate) fn of(&self, listed: &[RemoteFile]) -> Vec<RemoteFile> {
        let chosen: Box<dyn Fn(&RemoteFile) -> bool> = match self {
            Self::All => Box::new(|_| true),
            Self::Matching(patterns) => {
                Box::new(|file| patterns.iter().any(|pattern| matches(pattern, &file.path)))
            }
            Self::Needed => {
                let weights = weights(listed);
                Box::new(move |file| is_small(&file.path) || weights.contains(&file.path))
            }
        };
        listed.iter().filter(|file| chosen(file)).cloned().collect()
    }
}

/// Configs, tokenizers and the licence, of the folder and of a bundle's parts.
fn is_small(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_place = ["", "encoder", "llm", "adapter"].contains(&folder);
    let is_sentencepiece = Path::new(name).extension().is_some_and(|extension| extension == "model");
    in_place && (NAMES.contains(&name) || is_sentencepiece || name.starts_with("LICENSE"))
}

/// The weights in the best format that there is, of the folder and of a bundle's parts.
fn weights(listed: &[RemoteFile]) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "encoder/", "llm/", "adapter/"] {
        let own: Vec<&str> = listed
            .iter()
            .filter_map(|file| file.path.strip_prefix(folder))
            .filter(|name| !name.contains('/'))
            .collect();
        let shards = |stem: &str, extension: &str| -> Vec<&str> {
            let is_shard = |name: &&str| {
                name.starts_with(&format!("{stem}-")) && name.ends_with(extension) && name.contains("-of-")
            };
            own.iter().copied().filter(is_shard).collect()
        };
        for (whole, index, stem, extension) in [
            ("model.safetensors", "model.safetensors.index.json", "model", ".safetensors"),
            ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model", ".bin"),
        ] {
            let names = if own.contains(&whole) {
                vec![whole]
            } else if own.contains(&index) {
                [vec![index], shards(stem, extension)].concat()
            } else {
                continue;
            };
            found.extend(names.into_iter().map(|name| format!("{folder}{name}")));
            break;
        }
        // An archive holds config, weights and tokenizer, and is needed where the folder has none of its own.
        let is_of = |name: &&str, expected: &str| {
            Path::new(name).extension().is_some_and(|extension| extension == expected)
        };
        let archive = own.iter().copied().find(|name| is_of(name, nemo::EXTENSION));
        if let Some(archive) = archive.filter(|_| !own.contains(&"config.json")) {
            found.push(format!("{folder}{archive}"));
        }
        // So does a GGUF file. Of several nobody knows which is meant.
        let mut files = own.iter().copied().filter(|name| is_of(name, gguf::EXTENSION));
        let only = files.next().filter(|_| files.next().is_none());
        if let Some(file) = only.filter(|_| !found.iter().any(|name| name.starts_with(folder))) {
            found.push(format!("{folder}{file}"));
        }
        found.extend(own.contains(&LORA).then(|| format!("{folder}{LORA}")));
    }
    found
}

/// Whether any of `files` are weights that SLM reads.
pub(crate) fn has_weights(files: &[RemoteFile]) -> bool {
    !weights(files).is_empty()
}

/// Whether `text` is what `pattern` says, where `*` stands for any text, slashes included.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter(|&at| text.is_char_boundary(at)).any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::listing::Hash;

    fn files(names: &[&str]) -> Vec<RemoteFile> {
        let file =
            |name: &&str| RemoteFile { path: (*name).into(), size: 1, hash: Hash::GitBlob(String::new()) };
        names.iter().map(file).collect()
    }

    fn chosen(selection: &Selection, names: &[&str]) -> Vec<String> {
        selection.of(&files(names)).into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn the_best_weights_and_the_small_files() {
        let names = [
            "config.json",
            "model.safetensors",
            "pytorch_model.bin",
            "tf_model.h5",
            "onnx/model.onnx",
            "x/config.json",
            "spiece.model",
            "LICENSE",
            "model-q4.gguf",
        ];
        let found = chosen(&Selection::Needed, &names);
        assert_eq!(found, ["config.json", "model.safetensors", "spiece.model", "LICENSE"]);
        let found = chosen(&Selection::Needed, &names[2..5]);
        assert_eq!(found, ["pytorch_model.bin"]);
        let shards = [
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "pytorch_model.bin.index.json",
            "pytorch_model-00001-of-00001.bin",
        ];
        assert_eq!(chosen(&Selection::Needed, &shards), shards[..3]);
        let bundle = ["slm.json", "llm/model.safetensors", "llm/config.json", "adapter/model.safetensors"];
        assert_eq!(chosen(&Selection::Needed, &bundle), bundle);
        assert_eq!(chosen(&Selection::All, &names).len(), names.len());
        let gguf = Selection::Matching(vec!["*.gguf".into(), "onnx/*".into()]);
        assert_eq!(chosen(&gguf, &names), ["onnx/model.onnx", "model-q4.gguf"]);
        assert_eq!(chosen(&Selection::Needed, &["README.md", "x.nemo"]), ["README.md", "x.nemo"]);
        assert_eq!(chosen(&Selection::Needed, &["config.json", "x.nemo"]), ["config.json"]);
        assert_eq!(chosen(&Selection::Needed, &["config.json", "x.gguf"]), ["config.json", "x.gguf"]);
        assert_eq!(chosen(&Selection::Needed, &["README.md", "x.gguf", "y.gguf"]), ["README.md"]);
        let speech = ["config.json", "adapter_config.json", "adapter_model.safetensors", "model.safetensors"];
        assert_eq!(chosen(&Selection::Needed, &speech), speech);
        assert!(!has_weights(&files(&["config.json", "tf_model.h5"])));
    }
}
