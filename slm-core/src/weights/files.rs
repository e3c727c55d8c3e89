//! The weight files of a folder: one, or shards with an index; of safetensors, or of PyTorch; or a `.nemo` archive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use burn::tensor::DType;
use serde::Deserialize;

use super::WeightsError;
use super::checkpoint::Checkpoint;
use super::foreign::ForeignFormat;
use super::header;
use super::torch::TorchFile;
use crate::{json, nemo};

/// The file that holds all tensors of a folder.
pub const FILE_NAME: &str = "model.safetensors";

/// A kind of weight files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// `model.safetensors`.
    Safetensors,
    /// `pytorch_model.bin`.
    Torch,
    /// An archive of NeMo, under any name.
    Nemo,
}

impl WeightFormat {
    /// Those whose files have fixed names, the one that is taken where a folder has both first: the file that holds
    /// all tensors, and the file that tells which shard holds which.
    pub const NAMED: [(Self, &'static str, &'static str); 2] = [
        (Self::Safetensors, FILE_NAME, "model.safetensors.index.json"),
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
            Self::Nemo => Ok(Checkpoint::open(path)?.entries()),
        }
    }
}

/// What a file says of one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorEntry {
    /// The type, by the name that safetensors has for it, such as `F32`.
    pub(super) dtype: String,
    /// The shape as stored.
    pub(super) shape: Vec<usize>,
}

/// The type that safetensors calls `name`, where it is one of floats.
pub(super) fn float_type(name: &str) -> Option<DType> {
    match name {
        "F64" => Some(DType::F64),
        "F32" => Some(DType::F32),
        "F16" => Some(DType::F16),
        "BF16" => Some(DType::BF16),
        _ => None,
    }
}

/// Tensors by name.
pub(super) type Tensors = BTreeMap<String, TensorEntry>;

/// What is wrong with an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexProblem {
    /// The index names no tensor.
    #[error("`weight_map` is empty")]
    Empty,
    /// A shard's name leads out of the folder.
    #[error("shard name `{}` leaves the folder", .0.escape_debug())]
    Outside(String),
    /// A tensor is in two shards.
    #[error("tensor `{0}` is in more than one shard")]
    Twice(String),
    /// A shard lacks a tensor that the index says it has.
    #[error("tensor `{name}` is not in `{shard}`")]
    Lacks {
        /// The tensor.
        name: String,
        /// The shard.
        shard: String,
    },
}

/// What a folder's weight files say of their tensors, read and checked.
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
    /// Reads what the weight files in `dir` say of their tensors: `model.safetensors`, or the shards that its index
    /// names, or else `pytorch_model.bin`, or its shards, or the [`nemo`] archive that `dir` is or holds.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is none of them, a file cannot be read or is not sound, or index and shards
    /// contradict each other.
    pub fn open(dir: &Path) -> Result<Self, WeightsError> {
        for (format, file_name, index_name) in WeightFormat::NAMED {
            let (path, index) = (dir.join(file_name), dir.join(index_name));
            if path.exists() {
                return Self::whole(path, format);
            }
            if index.exists() {
                return Self::sharded(dir, index, format);
            }
        }
        if let Some(archive) = nemo::find(dir) {
            return Self::whole(archive, WeightFormat::Nemo);
        }
        if let Some((name, format)) = ForeignFormat::in_dir(dir) {
            return Err(WeightsError::Foreign { path: dir.join(name), format });
        }
        // There is none: the error is that of the file that should be there.
        Self::whole(dir.join(FILE_NAME), WeightFormat::Safetensors)
    }

    fn whole(path: PathBuf, format: WeightFormat) -> Result<Self, WeightsError> {
        let tensors = format.entries(&path)?;
        let places = tensors.keys().map(|name| (name.clone(), 0)).collect();
        Ok(Self { files: vec![path.clone()], path, format, tensors, places })
    }

    fn sharded(dir: &Path, path: PathBuf, format: WeightFormat) -> Result<Self, WeightsError> {
        let Index { weight_map } = json::read(&path)?;
        let fail = |problem| WeightsError::Index { path: path.clone(), problem };
        let shards: BTreeSet<&String> = weight_map.values().collect();
        if shards.is_empty() {
            return Err(fail(IndexProblem::Empty));
        }
        let mut found = BTreeMap::new();
        let mut files = Vec::new();
        for shard in shards {
            let mut components = Path::new(shard).components();
            let inside = matches!(components.next(), Some(Component::Normal(_)));
            if !inside || components.next().is_some() || shard.contains(['\\', ':']) {
                return Err(fail(IndexProblem::Outside(shard.clone())));
            }
            let file = dir.join(shard);
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

    /// The type of each tensor, by the name that safetensors has for it.
    pub fn dtypes(&self) -> impl Iterator<Item = &str> {
        self.tensors.values().map(|entry| entry.dtype.as_str())
    }

    pub(super) fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// The place in [`Self::files`] of the file that holds the tensor.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

/// The names of the weight files in `dir`, the index included.
///
/// # Errors
///
/// As [`WeightFiles::open`].
pub fn folder_files(dir: &Path) -> Result<Vec<String>, WeightsError> {
    let opened = WeightFiles::open(dir)?;
    let mut paths = opened.files;
    if !paths.contains(&opened.path) {
        paths.push(opened.path);
    }
    let names = paths.iter().filter_map(|path| path.file_name());
    Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
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

    #[test]
    fn shards_are_one_set_of_tensors() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.safetensors"), &["x", "y"]);
        write(&dir.path().join("b.safetensors"), &["z"]);
        index(dir.path(), r#"{"x":"a.safetensors","y":"a.safetensors","z":"b.safetensors"}"#);
        let files = WeightFiles::open(dir.path()).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(files.files().len(), 2);
        assert!(files.contains("z") && !files.contains("w"));
        // One file has all: it is what counts.
        write(&dir.path().join(FILE_NAME), &["w"]);
        assert!(WeightFiles::open(dir.path()).unwrap().contains("w"));
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
            let error = WeightFiles::open(dir.path()).unwrap_err().to_string();
            assert!(error.starts_with("cannot load weights `") && error.contains(expected), "{error}");
        }
        write(&dir.path().join("b.safetensors"), &["x", "y"]);
        index(dir.path(), r#"{"x":"a.safetensors","y":"b.safetensors"}"#);
        let error = WeightFiles::open(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("tensor `x` is in more than one shard"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = WeightFiles::open(empty.path()).unwrap_err().to_string();
        assert!(error.contains(FILE_NAME), "{error}");
    }
}
