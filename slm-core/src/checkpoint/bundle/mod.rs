//! A bundle: the folder that holds everything a model needs to answer.
//!
//! `slm.json` ([`BundleManifest`]) names three parts: the speech encoder, the language model, and the adapter between
//! them. It gives the SHA-256 of their files, so that an adapter never runs between other models than those it was
//! trained for; a file that it does not name is never read. A part may be accepted in several forms ([`Form`]), and its
//! files may come from elsewhere: then the manifest says how to get them.

mod chosen;
mod decoding;
mod manifest;
mod part;
mod prompt;

use std::fs;
use std::path::{Path, PathBuf};

pub use decoding::TaskDecoding;
pub use manifest::{BundleManifest, FORMAT_VERSION, Parts};
pub use part::{Form, Part};
pub use prompt::{PromptExample, PromptSettings};

use super::json::{self, JsonError};
use super::{Checkpoint, CheckpointError, hash};

/// The file name of the manifest.
pub const MANIFEST_NAME: &str = "slm.json";

/// Why a bundle could not be opened or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The folder has no manifest.
    #[error("cannot open bundle `{}`: it has no `{MANIFEST_NAME}`", dir.display())]
    NoManifest {
        /// The folder.
        dir: PathBuf,
    },
    /// The manifest cannot be read, written, or is invalid.
    #[error(transparent)]
    Manifest(#[from] JsonError),
    /// The manifest is of another format.
    #[error("cannot open bundle `{}`: format version {found}, this build reads {FORMAT_VERSION}", dir.display())]
    Version {
        /// The folder.
        dir: PathBuf,
        /// The version in the manifest.
        found: u32,
    },
    /// Files that the manifest names are not there.
    #[error("cannot open bundle `{}`: {} missing", dir.display(), listed(files))]
    Missing {
        /// The bundle's folder.
        dir: PathBuf,
        /// The files.
        files: Vec<PathBuf>,
        /// How to get them, as the manifest says it.
        origin: Option<String>,
    },
    /// A file is not the one that the manifest was written for.
    #[error("cannot open bundle `{}`: `{}`: sha256 {} expected, {} found",
        dir.display(), file.display(), abbreviated(expected), abbreviated(found))]
    Hash {
        /// The bundle's folder.
        dir: PathBuf,
        /// The file.
        file: PathBuf,
        /// The hash in the manifest, in full.
        expected: String,
        /// The file's own, in full.
        found: String,
        /// How to get the file, as the manifest says it.
        origin: Option<String>,
    },
    /// The system refused.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The caller ended it.
    #[error("cancelled")]
    Cancelled,
}

impl BundleError {
    /// One next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { origin: Some(origin), .. } | Self::Hash { origin: Some(origin), .. } => {
                Some(format!("to fetch it: {origin}"))
            }
            Self::Hash { .. } => Some("restore the file, or train the adapter for the new one".into()),
            Self::Version { found, .. } if *found > FORMAT_VERSION => {
                Some("a newer release of SLM reads it".into())
            }
            _ => None,
        }
    }
}

fn sha256(file: &Path) -> Result<String, BundleError> {
    hash::sha256_file(file).map_err(|source| BundleError::Io { path: file.into(), source })
}

/// The first few of `files` and a verb.
fn listed(files: &[PathBuf]) -> String {
    const SHOWN: usize = 4;
    let mut named: Vec<String> =
        files.iter().take(SHOWN).map(|file| format!("`{}`", file.display())).collect();
    if files.len() > SHOWN {
        named.push(format!("{} more", files.len() - SHOWN));
    }
    format!("{} {}", named.join(", "), if files.len() == 1 { "is" } else { "are" })
}

fn abbreviated(hash: &str) -> String {
    let head: String = hash.chars().take(12).collect();
    format!("{head}..")
}

/// A bundle on disk whose files are those of its manifest.
#[derive(Debug, Clone)]
pub struct Bundle {
    dir: PathBuf,
    manifest: BundleManifest,
    /// The form of each part that is there.
    forms: [usize; 3],
}

impl Bundle {
    /// Reads the manifest in `dir` and compares the hash of every file that it names. Of a part with several forms the
    /// first counts whose files are all there with its hashes.
    ///
    /// # Errors
    ///
    /// [`BundleError`] naming the file, with what was expected and found.
    pub fn open(dir: &Path) -> Result<Self, BundleError> {
        Self::open_watched(dir, &|| true)
    }

    /// The same, as long as `keep_going`, which is asked many times a second, says yes.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and [`BundleError::Cancelled`].
    pub fn open_watched(dir: &Path, keep_going: &dyn Fn() -> bool) -> Result<Self, BundleError> {
        let path = dir.join(MANIFEST_NAME);
        if !path.exists() {
            return Err(BundleError::NoManifest { dir: dir.into() });
        }
        let manifest = BundleManifest::read(&path, dir)?;
        let mut forms = [0; 3];
        for (part, form) in manifest.parts.all().into_iter().zip(&mut forms) {
            *form = chosen::choose(dir, part, keep_going)?;
        }
        Ok(Self { dir: dir.into(), manifest, forms })
    }

    /// Writes `manifest` to `dir`, which is made when it is not there. The parts are already in place.
    ///
    /// # Errors
    ///
    /// [`BundleError`] when the manifest is invalid or cannot be written.
    pub fn write(dir: &Path, manifest: &BundleManifest) -> Result<(), BundleError> {
        let path = dir.join(MANIFEST_NAME);
        let problems = manifest.problems();
        if !problems.is_empty() {
            return Err(JsonError::Invalid { path, problems }.into());
        }
        fs::create_dir_all(dir).map_err(|source| BundleError::Io { path: dir.into(), source })?;
        json::write(&path, manifest)?;
        Ok(())
    }

    /// Describes the folder `path`, relative to the bundle `dir` or absolute, with the hashes of `files`.
    ///
    /// # Errors
    ///
    /// [`BundleError`] naming the file that is missing or cannot be read.
    pub fn hash_part(dir: &Path, path: impl Into<PathBuf>, files: &[&str]) -> Result<Part, BundleError> {
        let mut part = Part { path: path.into(), ..Part::default() };
        for &name in files {
            let file = dir.join(&part.path).join(name);
            if !file.is_file() {
                let (dir, files) = (dir.into(), vec![file]);
                return Err(BundleError::Missing { dir, files, origin: None });
            }
            part.files.insert(name.to_owned(), sha256(&file)?);
        }
        Ok(part)
    }

    /// What `slm.json` says.
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// The bundle's own folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The speech encoder: the files that the manifest names, and no other.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when a file was removed since the bundle was opened.
    pub fn encoder(&self) -> Result<Checkpoint, CheckpointError> {
        self.part(0)
    }

    /// The language model: the files that the manifest names, and no other.
    ///
    /// # Errors
    ///
    /// As [`Self::encoder`].
    pub fn llm(&self) -> Result<Checkpoint, CheckpointError> {
        self.part(1)
    }

    /// The adapter: the files that the manifest names, and no other.
    ///
    /// # Errors
    ///
    /// As [`Self::encoder`].
    pub fn adapter(&self) -> Result<Checkpoint, CheckpointError> {
        self.part(2)
    }

    /// The forms of encoder, language model and adapter that are there; none for a part that has but one without a name.
    pub fn forms(&self) -> [Option<String>; 3] {
        let parts = self.manifest.parts.all();
        std::array::from_fn(|part| parts[part].form_name(self.forms[part]))
    }

    /// The part at `index` of [`Parts::all`], in the form that is there.
    fn part(&self, index: usize) -> Result<Checkpoint, CheckpointError> {
        let part = self.manifest.parts.all()[index];
        let files = part.forms().nth(self.forms[index]).unwrap_or(&part.files);
        Checkpoint::listed(&self.dir.join(&part.path), files.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::GENERATION_FILE;
    use crate::checkpoint::tensors::WeightFormat;

    fn sample(dir: &Path) -> BundleManifest {
        let part = |name: &str, files: &[&str]| {
            let folder = dir.join(name);
            fs::create_dir_all(&folder).unwrap();
            for file in files {
                fs::write(folder.join(file), format!("{name} {file}")).unwrap();
            }
            Bundle::hash_part(dir, name, files).unwrap()
        };
        let mut manifest = BundleManifest::new("test");
        manifest.parts = Parts {
            encoder: part("encoder", &["config.json", "model.safetensors", "preprocessor_config.json"]),
            llm: part("llm", &["config.json", "model.safetensors", "tokenizer.json"]),
            adapter: part("adapter", &["config.json", "model.safetensors"]),
        };
        let templates = vec!["{speech} : repeat the text".to_owned()];
        manifest.templates.insert("transcribe".into(), templates);
        manifest
    }

    #[test]
    fn a_written_bundle_opens() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = sample(dir.path());
        Bundle::write(dir.path(), &manifest).unwrap();
        let bundle = Bundle::open(dir.path()).unwrap();
        assert_eq!(bundle.manifest(), &manifest);
        assert_eq!(bundle.llm().unwrap().place(), dir.path().join("llm"));
        let files = bundle.adapter().unwrap();
        assert_eq!(files.files().iter().collect::<Vec<_>>(), ["config.json", "model.safetensors"]);
    }

    /// What lies beside the listed files does not take their place, nor is it read.
    #[test]
    fn files_that_the_manifest_does_not_name_are_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = sample(dir.path());
        let llm = dir.path().join("llm");
        let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures"));
        fs::copy(fixtures.join("torch/views.bin"), llm.join("pytorch_model.bin")).unwrap();
        let weights = fixtures.join("parity/t5_v11_gated_untied/model.safetensors");
        fs::copy(weights, llm.join("model.safetensors")).unwrap();
        for name in ["spiece.model", GENERATION_FILE] {
            fs::write(llm.join(name), "x").unwrap();
        }
        let listed = ["config.json", "pytorch_model.bin", "spiece.model"];
        manifest.parts.llm = Bundle::hash_part(dir.path(), "llm", &listed).unwrap();
        Bundle::write(dir.path(), &manifest).unwrap();
        let part = Bundle::open(dir.path()).unwrap().llm().unwrap();
        assert_eq!(part.files().iter().collect::<Vec<_>>(), listed);
        assert_eq!(part.weights().unwrap().format(), WeightFormat::Torch);
        assert_eq!(part.weight_names().unwrap(), ["pytorch_model.bin"]);
        assert_eq!(part.first_of(&crate::checkpoint::TOKENIZER_FILES), Some("spiece.model"));
        assert!(!part.has(GENERATION_FILE));
        // The folder alone is all of its files.
        assert_eq!(Checkpoint::open(&llm).unwrap().weights().unwrap().format(), WeightFormat::Safetensors);
    }

    #[test]
    fn opening_can_be_ended() {
        let dir = tempfile::tempdir().unwrap();
        Bundle::write(dir.path(), &sample(dir.path())).unwrap();
        let error = Bundle::open_watched(dir.path(), &|| false).unwrap_err();
        assert!(matches!(error, BundleError::Cancelled), "{error}");
        let asked = std::cell::Cell::new(0);
        let watch = || {
            asked.set(asked.get() + 1);
            true
        };
        Bundle::open_watched(dir.path(), &watch).unwrap();
        // At least once for each file.
        assert!(asked.get() >= 8, "{}", asked.get());
    }

    #[test]
    fn changed_and_missing_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        Bundle::write(dir.path(), &sample(dir.path())).unwrap();
        let weights = dir.path().join("llm").join("model.safetensors");
        fs::write(&weights, "other").unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(matches!(&error, BundleError::Hash { file, .. } if *file == weights));
        let text = error.to_string();
        assert!(text.contains("expected, ") && text.ends_with(".. found"), "{text}");
        fs::remove_file(&weights).unwrap();
        let text = Bundle::open(dir.path()).unwrap_err().to_string();
        assert!(text.ends_with("model.safetensors` is missing"), "{text}");
        let empty = tempfile::tempdir().unwrap();
        let error = Bundle::open(empty.path()).unwrap_err();
        assert!(matches!(error, BundleError::NoManifest { .. }));
    }

    /// A bundle whose language model is accepted in two forms, the second with a file more, that people have to fetch.
    fn of_two_forms(dir: &Path) -> BundleManifest {
        let mut manifest = sample(dir);
        let llm = dir.join("llm");
        let first = manifest.parts.llm.files.clone();
        fs::write(llm.join("model.safetensors"), "the same in f32").unwrap();
        fs::create_dir(llm.join("base")).unwrap();
        fs::write(llm.join("base/model.safetensors"), "what it stands on").unwrap();
        let listed = ["base/model.safetensors", "config.json", "model.safetensors", "tokenizer.json"];
        let part = &mut manifest.parts.llm;
        *part = Bundle::hash_part(dir, "llm", &listed).unwrap();
        part.or.push(Form { form: "f32".into(), files: std::mem::replace(&mut part.files, first) });
        part.source = Some("`sh fetch.sh`".into());
        Bundle::write(dir, &manifest).unwrap();
        manifest
    }

    #[test]
    fn the_first_form_that_is_there_counts() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = of_two_forms(dir.path());
        let weights = dir.path().join("llm/model.safetensors");
        // The names of the first form are all there too, but not its weights.
        let bundle = Bundle::open(dir.path()).unwrap();
        assert_eq!(bundle.manifest(), &manifest);
        assert_eq!(bundle.forms(), [None, Some("f32 (2 of 2)".into()), None]);
        fs::write(&weights, "llm model.safetensors").unwrap();
        let bundle = Bundle::open(dir.path()).unwrap();
        assert_eq!(bundle.forms(), [None, Some("form 1 of 2".into()), None]);
        let files = bundle.llm().unwrap();
        assert_eq!(files.files().len(), 3);
        // What is told is the difference from the first.
        fs::write(&weights, "other").unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        let expected = &manifest.parts.llm.files["model.safetensors"];
        assert!(matches!(&error, BundleError::Hash { expected: told, .. } if told == expected), "{error}");
        assert_eq!(error.hint().as_deref(), Some("to fetch it: `sh fetch.sh`"));
    }

    #[test]
    fn what_the_nearest_form_lacks_is_told_with_how_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        of_two_forms(dir.path());
        let llm = dir.path().join("llm");
        fs::remove_file(llm.join("config.json")).unwrap();
        fs::remove_file(llm.join("base/model.safetensors")).unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(matches!(&error, BundleError::Missing { files, .. } if *files == [llm.join("config.json")]));
        assert!(error.to_string().ends_with("config.json` is missing"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("to fetch it: `sh fetch.sh`"));
        fs::remove_file(llm.join("tokenizer.json")).unwrap();
        let text = Bundle::open(dir.path()).unwrap_err().to_string();
        assert!(text.contains("config.json`, `") && text.ends_with("tokenizer.json` are missing"), "{text}");
    }

    #[test]
    fn of_many_missing_files_some_are_named() {
        let files: Vec<PathBuf> = (0..6).map(|i| PathBuf::from(format!("{i}"))).collect();
        assert_eq!(listed(&files), "`0`, `1`, `2`, `3`, 2 more are");
        assert_eq!(listed(&files[..1]), "`0` is");
    }

    #[test]
    fn a_newer_format_says_so_whatever_else_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{"format_version": 2, "speakers": []}"#;
        fs::write(dir.path().join(MANIFEST_NAME), text).unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(error.to_string().ends_with("format version 2, this build reads 1"));
        assert!(error.hint().is_some());
    }
}
