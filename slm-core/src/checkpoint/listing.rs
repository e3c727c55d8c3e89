//! A model on disk and the list of its files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::card::{CARD_FILE, ModelCard};
use super::gguf::{self, GgufError, GgufFolder};
use super::json::{self, JsonError};
use super::names::{absent, is_base_name};
use super::nemo::{self, NemoArchive, NemoError, NemoSource};
use super::tensors::{WeightFiles, WeightFormat, WeightsError};
use super::{
    ADAPTER_WEIGHTS_FILE, CHAT_TEMPLATE_FILE, CONFIG_FILE, CheckpointError, GENERATION_FILE,
    PREPROCESSOR_FILE, PROCESSOR_FILE, TOKENIZER_FILES, TOKENIZER_SETTINGS_FILE, hash,
};

/// The family that an archive of NeMo counts as.
const NEMO_TYPE: &str = "nemo";

/// A model on disk and the list of its files: a folder in the layout of Hugging Face, an archive of NeMo, or a GGUF file,
/// which is read as if it were the folder that it was made from.
///
/// Everything that loads a model reads from this list and from nothing else: a file that lies beside the listed ones
/// is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The folder that the files are in.
    dir: PathBuf,
    /// The archive, where the model is one.
    archive: Option<PathBuf>,
    /// The GGUF file, where the model is one.
    gguf: Option<Arc<GgufFolder>>,
    /// Base names.
    files: BTreeSet<String>,
}

/// How a model's files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `config.json`, weights and the like, a file each.
    HuggingFace,
    /// All in one `.nemo` archive.
    Nemo,
    /// All in one `.gguf` file.
    Gguf,
}

impl Checkpoint {
    /// Lists the files of the model at `place`: all files directly in a folder, or an archive or a GGUF file alone. A
    /// folder without `config.json` that holds exactly one archive is that archive's, one without other weights that
    /// holds exactly one GGUF file is that file's.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Io`] when there is no such folder or file, or it cannot be listed, [`CheckpointError::Gguf`]
    /// when a GGUF file is damaged.
    pub fn open(place: &Path) -> Result<Self, CheckpointError> {
        if (has_extension(place, nemo::EXTENSION) || has_extension(place, gguf::EXTENSION)) && place.is_file()
        {
            let dir = place.parent().unwrap_or(Path::new("")).to_owned();
            let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_gguf = has_extension(place, gguf::EXTENSION);
            let gguf = is_gguf.then(|| GgufFolder::open(place)).transpose()?.map(Arc::new);
            let archive = (!is_gguf).then(|| place.to_owned());
            return Ok(Self { dir, archive, gguf, files: BTreeSet::from([name]) });
        }
        let io = |source| CheckpointError::Io { path: place.to_owned(), source };
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(place).map_err(io)? {
            let entry = entry.map_err(io)?;
            // Asked of the path, so that a link to a file counts as one. Nothing is loaded by a name that is not UTF-8.
            if entry.path().is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                files.insert(name);
            }
        }
        Self::of_files(place, files)
    }

    /// A model in the folder `dir` that consists of the files `names` and of no other.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] for a name that leads out of the folder, or of a file that is not there, and where a GGUF file
    /// among them is damaged.
    pub fn listed<S: AsRef<str>>(
        dir: &Path,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self, CheckpointError> {
        let mut files = BTreeSet::new();
        for name in names {
            let name = name.as_ref().to_owned();
            if !is_base_name(&name) {
                return Err(CheckpointError::Outside { dir: dir.to_owned(), name });
            }
            let path = dir.join(&name);
            if !path.is_file() {
                return Err(CheckpointError::Missing { path });
            }
            files.insert(name);
        }
        Self::of_files(dir, files)
    }

    fn of_files(dir: &Path, files: BTreeSet<String>) -> Result<Self, CheckpointError> {
        let only = |extension| {
            let mut found = files.iter().filter(|name| has_extension(Path::new(name), extension));
            found.next().filter(|_| found.next().is_none()).map(|name| dir.join(name))
        };
        let archive = only(nemo::EXTENSION).filter(|_| !files.contains(CONFIG_FILE));
        let mut weights = WeightFormat::NAMED.iter().flat_map(|(_, file, index)| [*file, *index]);
        let is_bare = archive.is_none() && !weights.any(|name| files.contains(name));
        let gguf = only(gguf::EXTENSION).filter(|_| is_bare);
        let gguf = gguf.map(|path| GgufFolder::open(&path)).transpose()?.map(Arc::new);
        Ok(Self { dir: dir.to_owned(), archive, gguf, files })
    }

    /// The archive, the GGUF file, or the folder.
    pub fn place(&self) -> &Path {
        let gguf = self.gguf.as_deref().map(|gguf| gguf.file().path());
        self.archive.as_deref().or(gguf).unwrap_or(&self.dir)
    }

    /// How the files are laid out.
    pub fn layout(&self) -> Layout {
        match (&self.archive, &self.gguf) {
            (Some(_), _) => Layout::Nemo,
            (None, Some(_)) => Layout::Gguf,
            (None, None) => Layout::HuggingFace,
        }
    }

    /// The names of the files, without folders; of an archive or a GGUF file that was opened by its own path, its name.
    pub fn files(&self) -> &BTreeSet<String> {
        &self.files
    }

    /// Whether the model has the file `name`; a GGUF file has those that it stands for.
    pub fn has(&self, name: &str) -> bool {
        self.is_within(name) || self.files.contains(name)
    }

    /// Whether the file `name` is one that a GGUF file stands for.
    fn is_within(&self, name: &str) -> bool {
        self.gguf.as_ref().is_some_and(|gguf| gguf.has(name))
    }

    /// The content of the file `name`, where a GGUF file stands for it.
    fn within(&self, name: &str) -> Result<Option<serde_json::Value>, GgufError> {
        self.gguf.as_ref().map_or(Ok(None), |gguf| gguf.read(name))
    }

    /// The first of `names` that the model has.
    pub fn first_of(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// Where the file `name` is, or would be; that is the GGUF file, where that stands for it.
    pub fn path_of(&self, name: &str) -> PathBuf {
        if self.is_within(name) { self.place().to_owned() } else { self.dir.join(name) }
    }

    /// The path of a file of the model; an error of the system for one that is not in the list.
    fn existing(&self, name: &str) -> io::Result<PathBuf> {
        if self.has(name) { Ok(self.path_of(name)) } else { Err(absent()) }
    }

    /// The content of the file `name`, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the model does not have it, it is larger, or it cannot be read.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, CheckpointError> {
        let path = self.path_of(name);
        if let Some(content) = self.within(name)? {
            let content = content.to_string().into_bytes();
            let bytes = content.len() as u64;
            return if bytes > limit {
                Err(CheckpointError::TooLarge { path, bytes, limit })
            } else {
                Ok(content)
            };
        }
        if !self.has(name) {
            return Err(CheckpointError::Missing { path });
        }
        let io = |source| CheckpointError::Io { path: path.clone(), source };
        let file = File::open(&path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        if bytes > limit {
            return Err(CheckpointError::TooLarge { path, bytes, limit });
        }
        let mut content = Vec::new();
        // A file may grow while it is read.
        file.take(limit).read_to_end(&mut content).map_err(io)?;
        Ok(content)
    }

    /// Reads the file `name` as JSON. A field that is `null` counts as absent.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when the model does not have it, or it is not what `T` expects.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, JsonError> {
        self.json_with_nulls(name, &[])
    }

    /// The same, where `null` in the fields named in `nulls` says something else than their absence.
    ///
    /// # Errors
    ///
    /// As [`Self::json`].
    pub fn json_with_nulls<T: DeserializeOwned>(&self, name: &str, nulls: &[&str]) -> Result<T, JsonError> {
        if let Some(content) = self.within(name)? {
            let path = self.path_of(name);
            return serde_json::from_value(content).map_err(|source| JsonError::Content { path, source });
        }
        let missing = |source| JsonError::Io { path: self.path_of(name), source };
        json::read_settings(&self.existing(name).map_err(missing)?, nulls)
    }

    /// Reads the file `name` as JSON whose `problems`, one text each, are none.
    ///
    /// # Errors
    ///
    /// As [`Self::json`], and [`JsonError::Invalid`] with all problems.
    pub fn json_checked<T: DeserializeOwned>(
        &self,
        name: &str,
        problems: impl FnOnce(&T) -> Vec<String>,
    ) -> Result<T, JsonError> {
        json::checked(self.json(name)?, &self.path_of(name), problems)
    }

    /// The family, as `config.json` names it: `None` where it names none. An archive's is `nemo`, that of a SALM of NeMo
    /// `nemo_salm`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when `config.json` cannot be read.
    pub fn model_type(&self) -> Result<Option<String>, JsonError> {
        match self.layout() {
            Layout::Nemo => Ok(Some(NEMO_TYPE.to_owned())),
            Layout::HuggingFace | Layout::Gguf => Ok(self.json::<nemo::Section>(CONFIG_FILE)?.family()),
        }
    }

    /// What NeMo says of an encoder and its features: the settings of an archive, or those in the `config.json` of a SALM.
    /// `None` for other models.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when they cannot be read, or a field is not of its type.
    pub fn nemo_source(&self) -> Result<Option<NemoSource>, NemoError> {
        if let Some(archive) = self.nemo()? {
            let (settings, path) = (archive.settings()?, archive.path().to_owned());
            return Ok(Some(NemoSource { settings, path, prefix: "" }));
        }
        if self.layout() != Layout::HuggingFace || !self.has(CONFIG_FILE) {
            return Ok(None);
        }
        let path = self.path_of(CONFIG_FILE);
        let section: nemo::Section = self.json_with_nulls(CONFIG_FILE, nemo::NULLS)?;
        let content = |source| JsonError::Content { path: path.clone(), source };
        let found = section.settings().map_err(content)?;
        Ok(found.map(|(settings, prefix)| NemoSource { settings, path, prefix }))
    }

    /// The archive, opened; `None` where the model is a folder.
    ///
    /// # Errors
    ///
    /// [`NemoError`] when it cannot be read.
    pub fn nemo(&self) -> Result<Option<NemoArchive>, NemoError> {
        self.archive.as_deref().map(NemoArchive::open).transpose()
    }

    /// What the weight files say of their tensors: `model.safetensors`, or the shards that its index names, or else
    /// `pytorch_model.bin`, or its shards; of an archive or a GGUF file, its weights.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is none of them, a file cannot be read or is not sound, or index and shards
    /// contradict each other.
    pub fn weights(&self) -> Result<WeightFiles, WeightsError> {
        match self.layout() {
            Layout::Nemo => WeightFiles::of_archive(self.place()),
            Layout::Gguf => WeightFiles::of_gguf(self.place()),
            Layout::HuggingFace => WeightFiles::among(&self.dir, &self.files),
        }
    }

    /// What the file of a LoRA adapter, which may lie beside a model's own, says of its tensors.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is none, or it cannot be read or is not sound.
    pub fn adapter_weights(&self) -> Result<WeightFiles, WeightsError> {
        let path = self.path_of(ADAPTER_WEIGHTS_FILE);
        match self.existing(ADAPTER_WEIGHTS_FILE) {
            Ok(path) => WeightFiles::of_safetensors(path),
            Err(source) => Err(WeightsError::Io { path, source }),
        }
    }

    /// The names of the weight files, the index included.
    ///
    /// # Errors
    ///
    /// As [`Self::weights`].
    pub fn weight_names(&self) -> Result<Vec<String>, WeightsError> {
        let weights = self.weights()?;
        let index = Some(weights.path()).filter(|path| !weights.files().iter().any(|file| file == path));
        let paths = weights.files().iter().map(PathBuf::as_path).chain(index);
        Ok(paths.filter_map(Path::file_name).map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// What `README.md` states, where there is one.
    pub fn card(&self) -> ModelCard {
        if self.has(CARD_FILE) { ModelCard::read(&self.path_of(CARD_FILE)) } else { ModelCard::default() }
    }

    /// The names of the files that make the model what it is, and that a bundle takes along: config, settings of
    /// features and of generation, tokenizer and weights, as far as they are there.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the weight files cannot be told.
    pub fn model_files(&self) -> Result<Vec<String>, CheckpointError> {
        let small: &[&str] = match self.layout() {
            Layout::HuggingFace => &[CONFIG_FILE, PREPROCESSOR_FILE, PROCESSOR_FILE, GENERATION_FILE],
            // An archive holds these itself.
            Layout::Nemo => &[],
            Layout::Gguf => &[GENERATION_FILE],
        };
        let named =
            small.iter().chain(&TOKENIZER_FILES).chain([&TOKENIZER_SETTINGS_FILE, &CHAT_TEMPLATE_FILE]);
        let named =
            named.filter(|name| self.has(name) && !self.is_within(name)).map(|name| (*name).to_owned());
        Ok(named.chain(self.weight_names()?).collect())
    }

    /// One SHA-256 over name and content of every file that decides what the model computes. Settings of generation are
    /// not among them, nor is what people read.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] naming the file that cannot be read.
    pub fn content_hash(&self) -> Result<String, CheckpointError> {
        let mut files = self.model_files()?;
        files.retain(|name| name != GENERATION_FILE);
        files.sort();
        let mut listing = String::new();
        for name in files {
            let path = self.path_of(&name);
            let digest = hash::sha256_file(&path).map_err(|source| CheckpointError::Io { path, source })?;
            // Writing to a string cannot fail.
            let _ = writeln!(listing, "{digest} {name}");
        }
        Ok(hash::sha256(listing.as_bytes()))
    }
}

fn has_extension(path: &Path, expected: &str) -> bool {
    path.extension().is_some_and(|extension| extension == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::WEIGHTS_FILE as WEIGHTS;

    /// A folder with these files, the name of each its content.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), name).unwrap();
        }
        dir
    }

    /// A safetensors file without tensors.
    const NO_TENSORS: &[u8] = b"\x02\0\0\0\0\0\0\0{}";

    #[test]
    fn a_folder_is_its_own_files() {
        let dir = folder(&[CONFIG_FILE, "README.md"]);
        fs::create_dir(dir.path().join("onnx")).unwrap();
        fs::write(dir.path().join("onnx").join("model.onnx"), "x").unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!((checkpoint.place(), checkpoint.layout()), (dir.path(), Layout::HuggingFace));
        assert_eq!(checkpoint.files().iter().collect::<Vec<_>>(), ["README.md", CONFIG_FILE]);
        assert!(checkpoint.has(CONFIG_FILE) && !checkpoint.has("onnx"));
        assert_eq!(checkpoint.first_of(&["a", CONFIG_FILE, "README.md"]), Some(CONFIG_FILE));
        assert_eq!(checkpoint.first_of(&["a"]), None);
        assert!(checkpoint.nemo().unwrap().is_none());
        let error = Checkpoint::open(&dir.path().join("none")).unwrap_err();
        assert!(
            matches!(&error, CheckpointError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
        );
        assert!(Checkpoint::open(&dir.path().join(CONFIG_FILE)).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_link_to_a_file_is_a_file() {
        let (real, dir) = (folder(&[CONFIG_FILE]), folder(&[]));
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(real.path().join(to), dir.path().join(name)).unwrap();
        };
        link(CONFIG_FILE, CONFIG_FILE);
        link("none", WEIGHTS);
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!(checkpoint.files().iter().collect::<Vec<_>>(), [CONFIG_FILE]);
        assert_eq!(checkpoint.read(CONFIG_FILE, 100).unwrap(), CONFIG_FILE.as_bytes());
    }

    #[test]
    fn what_is_not_listed_is_not_there() {
        let dir = folder(&[CONFIG_FILE, GENERATION_FILE, "README.md"]);
        fs::write(dir.path().join(WEIGHTS), NO_TENSORS).unwrap();
        let checkpoint = Checkpoint::listed(dir.path(), [CONFIG_FILE]).unwrap();
        assert!(!checkpoint.has(WEIGHTS) && !checkpoint.has(GENERATION_FILE));
        let error = checkpoint.read(GENERATION_FILE, 100).unwrap_err();
        assert!(matches!(error, CheckpointError::Missing { .. }), "{error}");
        let error = checkpoint.json::<serde_json::Value>(GENERATION_FILE).unwrap_err();
        assert!(matches!(&error, JsonError::Io { path, source }
            if *path == dir.path().join(GENERATION_FILE) && source.kind() == io::ErrorKind::NotFound));
        let error = checkpoint.weights().unwrap_err();
        assert!(matches!(&error, WeightsError::Io { path, source }
            if *path == dir.path().join(WEIGHTS) && source.kind() == io::ErrorKind::NotFound));
        assert_eq!(checkpoint.card(), ModelCard::default());

        let error = Checkpoint::listed(dir.path(), ["../config.json"]).unwrap_err().to_string();
        assert!(error.ends_with("file name `../config.json` leaves the folder"), "{error}");
        let error = Checkpoint::listed(dir.path(), [CONFIG_FILE, "x"]).unwrap_err();
        assert!(matches!(&error, CheckpointError::Missing { path } if *path == dir.path().join("x")));
    }

    #[test]
    fn files_are_read_up_to_a_limit() {
        let dir = folder(&["abc"]);
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!(checkpoint.read("abc", 3).unwrap(), b"abc");
        let error = checkpoint.read("abc", 2).unwrap_err().to_string();
        assert!(error.ends_with("abc`: 3 bytes, limit is 2"), "{error}");
    }

    #[test]
    fn a_family_may_be_absent() {
        let dir = folder(&[]);
        let found = |text: &str| {
            fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
            Checkpoint::open(dir.path()).unwrap().model_type()
        };
        assert_eq!(found(r#"{"model_type": "t5"}"#).unwrap().as_deref(), Some("t5"));
        assert_eq!(found("{}").unwrap(), None);
        assert_eq!(found(r#"{"model_type": null}"#).unwrap(), None);
        assert!(matches!(found(r#"{"model_type": 1}"#), Err(JsonError::Content { .. })));
        let empty = folder(&[]);
        assert!(matches!(Checkpoint::open(empty.path()).unwrap().model_type(), Err(JsonError::Io { .. })));
    }

    #[test]
    fn an_archive_is_told_by_itself_and_in_its_folder() {
        let dir = folder(&["x.nemo", "README.md"]);
        let archive = dir.path().join("x.nemo");
        let alone = Checkpoint::open(&archive).unwrap();
        assert_eq!((alone.place(), alone.layout()), (&*archive, Layout::Nemo));
        assert_eq!(alone.files().iter().collect::<Vec<_>>(), ["x.nemo"]);
        assert_eq!(alone.path_of("x.nemo"), archive);
        let inside = Checkpoint::open(dir.path()).unwrap();
        assert_eq!((inside.place(), inside.layout()), (&*archive, Layout::Nemo));
        assert_eq!(inside.model_type().unwrap().as_deref(), Some("nemo"));
        assert_eq!(Checkpoint::listed(dir.path(), ["x.nemo"]).unwrap().place(), archive);
        // With a config the folder is what the config says, and of two archives none is the model.
        for names in [["x.nemo", CONFIG_FILE], ["x.nemo", "y.nemo"]] {
            let dir = folder(&names);
            assert_eq!(Checkpoint::open(dir.path()).unwrap().layout(), Layout::HuggingFace, "{names:?}");
        }
    }

    #[test]
    fn a_model_is_what_it_computes_from() {
        let dir = folder(&[CONFIG_FILE, GENERATION_FILE, "tokenizer.json", "README.md", "picture.png"]);
        fs::write(dir.path().join(WEIGHTS), NO_TENSORS).unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        assert_eq!(
            checkpoint.model_files().unwrap(),
            [CONFIG_FILE, GENERATION_FILE, "tokenizer.json", WEIGHTS]
        );
        assert_eq!(checkpoint.weight_names().unwrap(), [WEIGHTS]);
        let hash = || Checkpoint::open(dir.path()).unwrap().content_hash().unwrap();
        let before = hash();
        for (name, is_part) in
            [("README.md", false), ("new.png", false), (GENERATION_FILE, false), ("tokenizer.json", true)]
        {
            fs::write(dir.path().join(name), "changed").unwrap();
            assert_eq!(hash() != before, is_part, "{name}");
        }
        let before = hash();
        fs::write(dir.path().join(CONFIG_FILE), "changed").unwrap();
        assert_ne!(hash(), before);
        let before = hash();
        fs::rename(dir.path().join("tokenizer.json"), dir.path().join("spiece.model")).unwrap();
        assert_ne!(hash(), before);
    }
}
