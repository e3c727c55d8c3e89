//! The weight files of a folder: one, or shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::WeightsError;
use super::header::{self, Header};
use crate::json;

/// The file that holds all tensors of a folder.
pub const FILE_NAME: &str = "model.safetensors";
/// The file that tells which shard holds which tensor.
pub const INDEX_NAME: &str = "model.safetensors.index.json";

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

/// The headers of a folder's weight files, read and checked.
#[derive(Debug)]
pub struct WeightFiles {
    /// What messages name: the file, or the index.
    path: PathBuf,
    files: Vec<PathBuf>,
    header: Header,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl WeightFiles {
    /// Reads the headers of `model.safetensors` in `dir`, or of the shards that its index names.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] when there is neither, a file cannot be read, a header is not sound, or index and shards
    /// contradict each other.
    pub fn open(dir: &Path) -> Result<Self, WeightsError> {
        let path = dir.join(FILE_NAME);
        let index = dir.join(INDEX_NAME);
        if path.exists() || !index.exists() {
            let header = header::read(&path)?;
            return Ok(Self { files: vec![path.clone()], path, header });
        }
        Self::sharded(dir, index)
    }

    fn sharded(dir: &Path, path: PathBuf) -> Result<Self, WeightsError> {
        let Index { weight_map } = json::read(&path)?;
        let fail = |problem| WeightsError::Index { path: path.clone(), problem };
        let shards: BTreeSet<&String> = weight_map.values().collect();
        if shards.is_empty() {
            return Err(fail(IndexProblem::Empty));
        }
        let mut headers = BTreeMap::new();
        let mut files = Vec::new();
        for shard in shards {
            let mut components = Path::new(shard).components();
            let inside = matches!(components.next(), Some(Component::Normal(_)));
            if !inside || components.next().is_some() || shard.contains(['\\', ':']) {
                return Err(fail(IndexProblem::Outside(shard.clone())));
            }
            let file = dir.join(shard);
            headers.insert(shard, header::read(&file)?);
            files.push(file);
        }
        let mut header = Header::new();
        for (name, shard) in &weight_map {
            let entry = headers.get_mut(shard).and_then(|header| header.remove(name));
            let entry = entry
                .ok_or_else(|| fail(IndexProblem::Lacks { name: name.clone(), shard: shard.clone() }))?;
            header.insert(name.clone(), entry);
        }
        // What the index does not name is not read; what it names must be in one shard only.
        if let Some(name) = headers.values().flat_map(Header::keys).find(|name| header.contains_key(*name)) {
            return Err(fail(IndexProblem::Twice(name.clone())));
        }
        Ok(Self { path, files, header })
    }

    /// The file, or the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that hold tensors.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether a tensor of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.header.contains_key(name)
    }

    /// The names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.header.keys()
    }

    /// Values in all tensors.
    pub fn parameters(&self) -> u64 {
        let values = |shape: &Vec<usize>| shape.iter().map(|&size| size as u64).product::<u64>();
        self.header.values().map(|entry| values(&entry.shape)).sum()
    }

    /// The type of each tensor, by the format's name for it.
    pub fn dtypes(&self) -> impl Iterator<Item = &str> {
        self.header.values().map(|entry| entry.dtype.as_str())
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
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
        std::fs::write(dir.join(INDEX_NAME), format!(r#"{{"metadata":{{}},"weight_map":{map}}}"#)).unwrap();
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
