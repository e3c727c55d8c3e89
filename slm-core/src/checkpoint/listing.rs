//! A model on disk and the list of its files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::gguf::{self, GgufError, GgufFolder};
use super::names::{BASE_FOLDER, absent, in_base, is_file_name, of_base};
use super::nemo;
use super::tensors::WeightFormat;
use super::{CONFIG_FILE, CheckpointError};

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
    /// Base names, and those of the base's files behind `base/`.
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
    /// Lists the files of the model at `place`: all files directly in a folder, with those of a model that it stands on in
    /// the folder `base` inside it, or an archive or a GGUF file alone. A
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
        let mut files = names_in(place)?;
        let base = place.join(BASE_FOLDER);
        if base.join(CONFIG_FILE).is_file() {
            files.extend(names_in(&base)?.iter().map(|name| in_base(name)));
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
            if !is_file_name(&name) {
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
            let own = files.iter().filter(|name| of_base(name).is_none());
            let mut found = own.filter(|name| has_extension(Path::new(name), extension));
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

    /// The model that this one stands on: the files of the folder `base` inside its own, as far as they are listed; `None`
    /// where there are none.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] where a GGUF file among them is damaged.
    pub fn base(&self) -> Result<Option<Self>, CheckpointError> {
        let files: BTreeSet<String> =
            self.files.iter().filter_map(|name| of_base(name).map(str::to_owned)).collect();
        if files.is_empty() {
            return Ok(None);
        }
        Self::of_files(&self.dir.join(BASE_FOLDER), files).map(Some)
    }

    /// Whether the model has the file `name`; a GGUF file has those that it stands for.
    pub fn has(&self, name: &str) -> bool {
        self.is_within(name) || self.files.contains(name)
    }

    /// Whether the file `name` is one that a GGUF file stands for.
    pub(super) fn is_within(&self, name: &str) -> bool {
        self.gguf.as_ref().is_some_and(|gguf| gguf.has(name))
    }

    /// The content of the file `name`, where a GGUF file stands for it.
    pub(super) fn within(&self, name: &str) -> Result<Option<serde_json::Value>, GgufError> {
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
    pub(super) fn existing(&self, name: &str) -> io::Result<PathBuf> {
        if self.has(name) { Ok(self.path_of(name)) } else { Err(absent()) }
    }
}

/// The names of the files directly in the folder `dir`.
fn names_in(dir: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let io = |source| CheckpointError::Io { path: dir.to_owned(), source };
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        // Asked of the path, so that a link to a file counts as one. Nothing is loaded by a name that is not UTF-8.
        if entry.path().is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.insert(name);
        }
    }
    Ok(names)
}

fn has_extension(path: &Path, expected: &str) -> bool {
    path.extension().is_some_and(|extension| extension == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::card::ModelCard;
    use crate::checkpoint::json::JsonError;
    use crate::checkpoint::tensors::WeightsError;
    use crate::checkpoint::{GENERATION_FILE, WEIGHTS_FILE as WEIGHTS};

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
    fn a_model_may_stand_on_another_one() {
        let dir = folder(&[CONFIG_FILE, "base"]);
        // A file of that name is a file.
        assert!(Checkpoint::open(dir.path()).unwrap().base().unwrap().is_none());
        let dir = folder(&[CONFIG_FILE]);
        let base = dir.path().join("base");
        fs::create_dir(&base).unwrap();
        fs::write(base.join("vocab.json"), "{}").unwrap();
        // Without a config it is no model.
        assert!(Checkpoint::open(dir.path()).unwrap().base().unwrap().is_none());
        fs::write(base.join(CONFIG_FILE), "the base's").unwrap();
        let whole = Checkpoint::open(dir.path()).unwrap();
        let names = ["base/config.json", "base/vocab.json", CONFIG_FILE];
        assert_eq!(whole.files().iter().collect::<Vec<_>>(), names);
        let found = whole.base().unwrap().unwrap();
        assert_eq!((found.place(), found.files().len()), (base.as_path(), 2));
        assert_eq!(found.read(CONFIG_FILE, 100).unwrap(), b"the base's");
        assert!(found.base().unwrap().is_none() && !whole.has("vocab.json"));
        // Of a list it has what the list has.
        let listed = Checkpoint::listed(dir.path(), &names[..1]).unwrap().base().unwrap().unwrap();
        assert!(listed.has(CONFIG_FILE) && !listed.has("vocab.json"));
        for name in ["base/../config.json", "other/config.json"] {
            let error = Checkpoint::listed(dir.path(), [name]).unwrap_err();
            assert!(matches!(error, CheckpointError::Outside { .. }), "{error}");
        }
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
}
