//! The weight files of a model: one, or shards with an index; of safetensors, or of PyTorch; or a `.nemo` archive, or a
//! `.gguf` file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::foreign::ForeignFormat;
use super::gguf;
use super::header;
use super::nemo::StateDict;
use super::torch::TorchFile;
use super::{IndexProblem, TensorEntry, WeightsError};
use crate::checkpoint::gguf::GgufFolder;
use crate::checkpoint::names::{absent, is_base_name};
use crate::checkpoint::{WEIGHTS_FILE, json};

/// A kind of weight files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightFormat {
    /// `model.safetensors`.
    Safetensors,
    /// `pytorch_model.bin`.
    Torch,
    /// An archive of NeMo, under any name.
    Nemo,
    /// A GGUF file, under any name.
    Gguf,
}

impl WeightFormat {
    /// Those whose files have fixed names, the one that is taken where a folder has both first: the file that holds
    /// all tensors, and the file that tells which shard holds which.
    pub const NAMED: [(Self, &'static str, &'static str); 2] = [
        (Self::Safetensors, WEIGHTS_FILE, "model.safetensors.index.json"),
        (Self::Torch, "pytorch_model.bin", "pytorch_model.bin.index.json"),
    ];

    /// What the file at `path` says of its tensors.
    fn entries(self, path: &Path) -> Result<Tensors, WeightsError> {
        match self {
            Self::Safetensors => {
                let header = header::read(path)?;
                Ok(header.into_iter().map(|(name, entry)| (name, entry.into())).collect())
            }
            Self::Torch => Ok(TorchFile::open(path)?.entries()),
            Self::Nemo => Ok(StateDict::open(path)?.entries()),
            Self::Gguf => Ok(gguf::entries(&GgufFolder::open(path)?)),
        }
    }
}

/// Tensors by name.
type Tensors = BTreeMap<String, TensorEntry>;

/// What a model's weight files say of their tensors, read and checked.
#[derive(Debug)]
pub struct WeightFiles {
    /// What messages name: the file, or the index.
    path: PathBuf,
    format: WeightFormat,
    files: Vec<PathBuf>,
    tensors: Tensors,
    /// The place in `files` of each tensor's file.
    places: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl WeightFiles {
    /// Reads what those of the files `names` in the folder `dir` say that are weights.
    pub(in crate::checkpoint) fn among(dir: &Path, names: &BTreeSet<String>) -> Result<Self, WeightsError> {
        for (format, file_name, index_name) in WeightFormat::NAMED {
            if names.contains(file_name) {
                return Self::whole(dir.join(file_name), format);
            }
            if names.contains(index_name) {
                return Self::sharded(dir, names, index_name, format);
            }
        }
        if let Some((name, format)) = ForeignFormat::among(names) {
            return Err(WeightsError::Foreign { path: dir.join(name), format });
        }
        // There is none: the error is that of the file that should be there.
        Err(WeightsError::Io { path: dir.join(WEIGHTS_FILE), source: absent() })
    }

    /// Reads what the archive of NeMo at `path` says of its tensors.
    pub(in crate::checkpoint) fn of_archive(path: &Path) -> Result<Self, WeightsError> {
        Self::whole(path.to_owned(), WeightFormat::Nemo)
    }

    /// Reads what one safetensors file says of its tensors.
    pub(in crate::checkpoint) fn of_safetensors(path: PathBuf) -> Result<Self, WeightsError> {
        Self::whole(path, WeightFormat::Safetensors)
    }

    /// Reads what the GGUF file at `path` says of its tensors, by the names that transformers has for them.
    pub(in crate::checkpoint) fn of_gguf(path: &Path) -> Result<Self, WeightsError> {
        Self::whole(path.to_owned(), WeightFormat::Gguf)
    }

    fn whole(path: PathBuf, format: WeightFormat) -> Result<Self, WeightsError> {
        let tensors = format.entries(&path)?;
        let places = tensors.keys().map(|name| (name.clone(), 0)).collect();
        Ok(Self { files: vec![path.clone()], path, format, tensors, places })
    }

    fn sharded(
        dir: &Path,
        names: &BTreeSet<String>,
        index_name: &str,
        format: WeightFormat,
    ) -> Result<Self, WeightsError> {
        let path = dir.join(index_name);
        let Index { weight_map } = json::read(&path)?;
        let fail = |problem| WeightsError::Index { path: path.clone(), problem };
        let shards: BTreeSet<&String> = weight_map.values().collect();
        if shards.is_empty() {
            return Err(fail(IndexProblem::Empty));
        }
        let mut found = BTreeMap::new();
        let mut files = Vec::new();
        for shard in shards {
            if !is_base_name(shard) {
                return Err(fail(IndexProblem::Outside(shard.clone())));
            }
            let file = dir.join(shard);
            if !names.contains(shard) {
                return Err(WeightsError::Io { path: file, source: absent() });
            }
            found.insert(shard, (files.len(), format.entries(&file)?));
            files.push(file);
        }
        let (mut tensors, mut places) = (Tensors::new(), BTreeMap::new());
        for (name, shard) in &weight_map {
            let entry = found.get_mut(shard).and_then(|(place, held)| Some((*place, held.remove(name)?)));
            let (place, entry) = entry
                .ok_or_else(|| fail(IndexProblem::Lacks { name: name.clone(), shard: shard.clone() }))?;
            tensors.insert(name.clone(), entry);
            places.insert(name.clone(), place);
        }
        // What the index does not name is not read; what it names must be in one shard only.
        let mut left = found.values().flat_map(|(_, held)| held.keys());
        if let Some(name) = left.find(|name| tensors.contains_key(*name)) {
            return Err(fail(IndexProblem::Twice(name.clone())));
        }
        Ok(Self { path, format, files, tensors, places })
    }

    /// The file, or the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Their format.
    pub fn format(&self) -> WeightFormat {
        self.format
    }

    /// The files that hold tensors.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether a tensor of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    /// The names of all tensors and how many values each has.
    pub fn sizes(&self) -> impl Iterator<Item = (&String, u64)> {
        let values = |shape: &[usize]| shape.iter().map(|&size| size as u64).product();
        self.tensors.iter().map(move |(name, entry)| (name, values(&entry.shape)))
    }

    /// Values in all tensors.
    pub fn parameters(&self) -> u64 {
        self.sizes().map(|(_, values)| values).sum()
    }

    /// The type of each tensor, by the name that safetensors or GGUF has for it.
    pub fn dtypes(&self) -> impl Iterator<Item = &str> {
        self.tensors.values().map(|entry| entry.dtype.as_str())
    }

    /// What the files say of the tensor `name`.
    pub fn entry(&self, name: &str) -> Option<&TensorEntry> {
        self.tensors.get(name)
    }

    /// The place in [`Self::files`] of the file that holds the tensor.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A safetensors file with one f32 for each name.
    fn write(path: &Path, names: &[&str]) {
        let entries: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                format!(r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}"#, 4 * i, 4 * i + 4)
            })
            .collect();
        let header = format!("{{{}}}", entries.join(","));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; 4 * names.len()]);
        std::fs::write(path, bytes).unwrap();
    }

    fn index(dir: &Path, map: &str) {
        std::fs::write(
            dir.join("model.safetensors.index.json"),
            format!(r#"{{"metadata":{{}},"weight_map":{map}}}"#),
        )
        .unwrap();
    }

    /// Those among all files of a folder.
    fn open(dir: &Path) -> Result<WeightFiles, WeightsError> {
        let names = std::fs::read_dir(dir).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        WeightFiles::among(dir, &names.collect())
    }

    #[test]
    fn shards_are_one_set_of_tensors() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.safetensors"), &["x", "y"]);
        write(&dir.path().join("b.safetensors"), &["z"]);
        index(dir.path(), r#"{"x":"a.safetensors","y":"a.safetensors","z":"b.safetensors"}"#);
        let files = open(dir.path()).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(files.files().len(), 2);
        assert!(files.contains("z") && !files.contains("w"));
        assert_eq!(
            files.entry("z").map(|entry| (entry.is_float(), entry.shape.clone())),
            Some((true, vec![1]))
        );
        // One file has all: it is what counts.
        write(&dir.path().join(WEIGHTS_FILE), &["w"]);
        assert!(open(dir.path()).unwrap().contains("w"));
    }

    #[test]
    fn what_an_index_gets_wrong_is_named() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.safetensors"), &["x"]);
        for (map, expected) in [
            ("{}", "`weight_map` is empty"),
            (r#"{"x":"../a.safetensors"}"#, "shard name `../a.safetensors` leaves the folder"),
            (r#"{"x":"a.safetensors","y":"a.safetensors"}"#, "tensor `y` is not in `a.safetensors`"),
            (r#"{"x":"b.safetensors"}"#, "b.safetensors"),
        ] {
            index(dir.path(), map);
            let error = open(dir.path()).unwrap_err().to_string();
            assert!(error.starts_with("cannot load weights `") && error.contains(expected), "{error}");
        }
        write(&dir.path().join("b.safetensors"), &["x", "y"]);
        index(dir.path(), r#"{"x":"a.safetensors","y":"b.safetensors"}"#);
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("tensor `x` is in more than one shard"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = open(empty.path()).unwrap_err().to_string();
        assert!(error.contains(WEIGHTS_FILE), "{error}");
    }

    #[test]
    fn shards_are_among_the_files_of_the_model() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.safetensors"), &["x"]);
        write(&dir.path().join("b.safetensors"), &["y"]);
        index(dir.path(), r#"{"x":"a.safetensors","y":"b.safetensors"}"#);
        let listed = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            WeightFiles::among(dir.path(), &names)
        };
        let index = "model.safetensors.index.json";
        assert_eq!(listed(&[index, "a.safetensors", "b.safetensors"]).unwrap().files().len(), 2);
        let error = listed(&[index, "a.safetensors"]).unwrap_err();
        assert!(matches!(&error, WeightsError::Io { path, source }
            if path.ends_with("b.safetensors") && source.kind() == std::io::ErrorKind::NotFound));
        // An index that is not listed names nothing.
        let error = listed(&["a.safetensors"]).unwrap_err();
        assert!(matches!(&error, WeightsError::Io { path, .. } if path.ends_with(WEIGHTS_FILE)));
    }

    #[test]
    fn weights_of_another_format_are_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tf_model.h5"), "x").unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(&error, WeightsError::Foreign { path, format: ForeignFormat::Hdf5 }
            if path.ends_with("tf_model.h5")));
    }
}
