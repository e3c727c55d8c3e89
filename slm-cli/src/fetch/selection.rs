//! Which files of a repository are fetched: what SLM reads, and not the copies for other programs.

use slm_core::models::checkpoint::{
    ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, CHAT_TEMPLATE_FILE, CONFIG_FILE, GENERATION_FILE,
    MANIFEST_NAME, PREPROCESSOR_FILE, PROCESSOR_FILE, TOKENIZER_FILES, TOKENIZER_SETTINGS_FILE,
};

use super::FetchError;
use super::form::{self, Form};
use super::listing::RemoteFile;
use super::repo::Repo;

/// Small files that a model in files of fixed names is read from, beside its tokenizer.
const SETTINGS: [&str; 10] = [
    CONFIG_FILE,
    PREPROCESSOR_FILE,
    PROCESSOR_FILE,
    GENERATION_FILE,
    TOKENIZER_SETTINGS_FILE,
    CHAT_TEMPLATE_FILE,
    // Old folders have the chat template and the special tokens that it names here.
    "chat_template.json",
    "special_tokens_map.json",
    ADAPTER_CONFIG_FILE,
    ADAPTER_WEIGHTS_FILE,
];

/// The folders of a model: itself, and the parts of a bundle.
const FOLDERS: [&str; 4] = ["", "encoder/", "llm/", "adapter/"];
/// How many names of files a message has.
const NAMED: usize = 10;

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// What a model needs.
    Needed,
    /// A file that holds a model alone.
    File(String),
    /// Every file.
    All,
    /// Files whose names match one of these: `*` stands for any text.
    Matching(Vec<String>),
}

impl Selection {
    /// The files of `listed`, all those of `repo`, that it names.
    ///
    /// # Errors
    ///
    /// [`FetchError`] that says what there is, where there is nothing, no such file, or a choice to be made.
    pub(crate) fn of(&self, repo: &Repo, listed: &[RemoteFile]) -> Result<Vec<RemoteFile>, FetchError> {
        let paths: Vec<&str> = listed.iter().map(|file| file.path.as_str()).collect();
        let repo = || repo.id().to_owned();
        let models = || {
            let models = listed.iter().filter(|file| form::is_single(&file.path));
            models.map(|file| format!("{} ({:.1} MB)", file.path, file.size as f64 / 1e6)).collect()
        };
        let chosen: Box<dyn Fn(&str) -> bool> = match self {
            Self::All => Box::new(|_| true),
            Self::Matching(patterns) => {
                Box::new(|path| patterns.iter().any(|pattern| matches(pattern, path)))
            }
            Self::File(file) => {
                if !form::is_single(file) || !paths.contains(&file.as_str()) {
                    return Err(FetchError::NoModel { repo: repo(), file: file.clone(), models: models() });
                }
                Box::new(|path| path == file.as_str() || is_document(path))
            }
            Self::Needed => {
                let Needed { files, has_weights, is_unclear } = needed(&paths);
                if !has_weights && is_unclear {
                    return Err(FetchError::Several { repo: repo(), models: models() });
                }
                Box::new(move |path| has_weights && (files.contains(&path) || is_document(path)))
            }
        };
        let files: Vec<RemoteFile> = listed.iter().filter(|file| chosen(&file.path)).cloned().collect();
        if files.is_empty() {
            let files = paths.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            return Err(FetchError::Nothing { repo: repo(), files });
        }
        Ok(files)
    }
}

/// What a repository has of a model.
#[derive(Default)]
struct Needed<'a> {
    files: Vec<&'a str>,
    has_weights: bool,
    /// Whether it has several files that each hold a model alone.
    is_unclear: bool,
}

/// What is needed of the files `paths`.
fn needed<'a>(paths: &[&'a str]) -> Needed<'a> {
    let mut needed = Needed::default();
    for folder in FOLDERS {
        let within = |path: &'a str| path.strip_prefix(folder).filter(|name| !name.contains('/'));
        let names: Vec<&str> = paths.iter().copied().filter_map(within).collect();
        let form = Form::of(&names);
        needed.is_unclear |= form == Form::Several;
        let wanted: Vec<&str> = match form {
            Form::Named(weights) => {
                // Of several tokenizers the first one counts.
                let tokenizer = TOKENIZER_FILES.into_iter().find(|name| names.contains(name));
                SETTINGS.into_iter().chain(tokenizer).chain(weights).collect()
            }
            Form::Single(file) => vec![file],
            Form::Adapter => vec![ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE],
            Form::Several | Form::Nothing => vec![],
        };
        needed.has_weights |= !wanted.is_empty();
        let is_wanted = |name: &str| wanted.contains(&name) || name == MANIFEST_NAME;
        needed.files.extend(paths.iter().copied().filter(|path| within(path).is_some_and(is_wanted)));
    }
    needed
}

/// Whether the file is what people must be able to read: the card, which also says the licence, and the licence itself.
fn is_document(path: &str) -> bool {
    let within = |folder: &&str| path.strip_prefix(folder).filter(|name| !name.contains('/'));
    FOLDERS.iter().filter_map(within).any(|name| {
        ["README.md", "USE_POLICY.md"].contains(&name)
            || name.starts_with("LICENSE")
            || name.starts_with("NOTICE")
    })
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

    fn chosen(selection: &Selection, names: &[&str]) -> Result<Vec<String>, FetchError> {
        let file =
            |name: &&str| RemoteFile { path: (*name).into(), size: 1, hash: Hash::GitBlob(String::new()) };
        let files: Vec<RemoteFile> = names.iter().map(file).collect();
        let repo = Repo::new("owner/model", "main").unwrap();
        Ok(selection.of(&repo, &files)?.into_iter().map(|file| file.path).collect())
    }

    fn needed(names: &[&str]) -> Vec<String> {
        chosen(&Selection::Needed, names).unwrap()
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
        assert_eq!(needed(&names), ["config.json", "model.safetensors", "spiece.model", "LICENSE"]);
        assert_eq!(needed(&names[2..5]), ["pytorch_model.bin"]);
        let shards = [
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "pytorch_model.bin.index.json",
            "pytorch_model-00001-of-00001.bin",
        ];
        assert_eq!(needed(&shards), shards[..3]);
        let bundle = ["slm.json", "llm/model.safetensors", "llm/config.json", "adapter/model.safetensors"];
        assert_eq!(needed(&bundle), bundle);
        assert_eq!(chosen(&Selection::All, &names).unwrap().len(), names.len());
        let gguf = Selection::Matching(vec!["*.gguf".into(), "onnx/*".into()]);
        assert_eq!(chosen(&gguf, &names).unwrap(), ["onnx/model.onnx", "model-q4.gguf"]);
        let tokenizers = ["model.safetensors", "tokenizer.json", "vocab.json", "spiece.model"];
        assert_eq!(needed(&tokenizers), tokenizers[..2]);
    }

    #[test]
    fn a_file_that_holds_all_needs_no_other() {
        assert_eq!(needed(&["README.md", "x.nemo"]), ["README.md", "x.nemo"]);
        assert_eq!(needed(&["config.json", "x.nemo"]), ["x.nemo"]);
        assert_eq!(needed(&["config.json", "tokenizer.json", "x.gguf"]), ["x.gguf"]);
        let one = Selection::File("b.gguf".into());
        let names = ["README.md", "a.gguf", "b.gguf", "config.json"];
        assert_eq!(chosen(&one, &names).unwrap(), ["README.md", "b.gguf"]);
        let archive = ["config.json", "model.safetensors", "x.nemo"];
        assert_eq!(needed(&archive), archive[..2]);
        assert_eq!(chosen(&Selection::File("x.nemo".into()), &archive).unwrap(), ["x.nemo"]);
    }

    #[test]
    fn an_adapter_comes_alone_or_beside_its_model() {
        let speech = ["config.json", "adapter_config.json", "adapter_model.safetensors", "model.safetensors"];
        assert_eq!(needed(&speech), speech);
        let alone =
            ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "training_args.bin"];
        assert_eq!(needed(&alone), alone[..2]);
    }

    #[test]
    fn what_cannot_be_chosen_is_told() {
        let error = chosen(&Selection::Needed, &["README.md", "x.gguf", "y.gguf"]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("x.gguf (0.0 MB), y.gguf (0.0 MB)"), "{text}");
        for (file, names) in [("z.gguf", &["x.gguf", "y.gguf"][..]), ("x.bin", &["x.bin", "x.gguf"])] {
            let error = chosen(&Selection::File(file.into()), names).unwrap_err();
            assert!(matches!(error, FetchError::NoModel { .. }), "{error:?}");
        }
        let error = chosen(&Selection::Needed, &["README.md", "config.json", "tf_model.h5"]).unwrap_err();
        assert!(matches!(error, FetchError::Nothing { .. }), "{error:?}");
    }
}
