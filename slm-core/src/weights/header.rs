//! The header of a safetensors file, checked before any library reads it.
//!
//! Format: eight bytes of header length, a JSON object of `name: {dtype, shape, data_offsets}`, data.
//! The checks: the length fits the file and the limit, every tensor ends inside the data, no name twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use super::WeightsError;
use super::files::TensorEntry;
use super::foreign::ForeignFormat;

/// The largest header that is read; the files of known models stay below 1 MiB.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// What a header says of one tensor.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    /// The format's name of the type, such as `F32`.
    pub(super) dtype: String,
    /// The shape as stored.
    pub(super) shape: Vec<usize>,
    /// Start and end, counted in bytes from the start of the file.
    data_offsets: [u64; 2],
}

impl Entry {
    /// The first byte in the file, and how many there are; `None` where the end is before the start.
    pub(super) fn place(&self) -> Option<(u64, u64)> {
        let [start, end] = self.data_offsets;
        Some((start, end.checked_sub(start)?))
    }
}

impl From<Entry> for TensorEntry {
    fn from(entry: Entry) -> Self {
        Self { dtype: entry.dtype, shape: entry.shape }
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// Fewer bytes than a header length takes.
    #[error("file is too short ({0} bytes)")]
    TooShort(u64),
    /// The file is something else.
    #[error("{0}")]
    Foreign(ForeignFormat),
    /// The header would reach past the end.
    #[error("header claims {claimed} bytes, file has {found}")]
    PastEnd {
        /// What the first eight bytes say.
        claimed: u64,
        /// The file's size.
        found: u64,
    },
    /// The header is larger than [`MAX_HEADER_BYTES`].
    #[error("header has {0} bytes, limit is {MAX_HEADER_BYTES}")]
    TooLarge(u64),
    /// Not the JSON that the format asks for, or a tensor named twice.
    #[error("header is not valid JSON (corrupt or incomplete download): {0}")]
    Json(String),
    /// A tensor ends past the file.
    #[error("tensor `{name}` ends at {end}, file has {found} bytes")]
    TensorPastEnd {
        /// The tensor.
        name: String,
        /// Where it would end in the file.
        end: u64,
        /// The file's size.
        found: u64,
    },
    /// The data is longer than what the header describes.
    #[error("file has {found} bytes, header describes {described}")]
    Length {
        /// What header and tensors add up to.
        described: u64,
        /// The file's size.
        found: u64,
    },
}

/// Tensors by name.
pub(super) type Header = BTreeMap<String, Entry>;

/// Reads and checks the header of the safetensors file at `path`.
pub(super) fn read(path: &Path) -> Result<Header, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let fail = |problem| WeightsError::Header { path: path.into(), problem };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size < 8 {
        return Err(fail(HeaderProblem::TooShort(size)));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(io)?;
    if let Some(format) = ForeignFormat::of(&length) {
        return Err(fail(HeaderProblem::Foreign(format)));
    }
    let length = u64::from_le_bytes(length);
    if length > size - 8 {
        return Err(fail(HeaderProblem::PastEnd { claimed: length, found: size }));
    }
    if length > MAX_HEADER_BYTES {
        return Err(fail(HeaderProblem::TooLarge(length)));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text).map_err(io)?;
    let Entries(mut header) =
        serde_json::from_slice(&text).map_err(|error| fail(HeaderProblem::Json(error.to_string())))?;

    let before = 8 + length;
    let data = size - before;
    let mut described = 0;
    for (name, entry) in &mut header {
        let [start, end] = entry.data_offsets;
        if end > data {
            let end = end.saturating_add(before);
            return Err(fail(HeaderProblem::TensorPastEnd { name: name.clone(), end, found: size }));
        }
        described = described.max(end);
        // The format counts from the end of the header.
        entry.data_offsets = [start.saturating_add(before), end + before];
    }
    if described != data {
        return Err(fail(HeaderProblem::Length { described: described + before, found: size }));
    }
    Ok(header)
}

/// The header's object, read so that a name that appears twice is an error rather than the last one.
struct Entries(Header);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<de::IgnoredAny>()?;
                        continue;
                    }
                    let entry = map.next_value()?;
                    if header.insert(name.clone(), entry).is_some() {
                        return Err(de::Error::custom(format!("tensor `{name}` appears twice")));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(EntriesVisitor).map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        std::fs::write(&path, bytes).unwrap();
        match read(&path) {
            Err(WeightsError::Header { problem, .. }) => problem.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    }

    #[test]
    fn crafted_headers_are_named() {
        assert_eq!(problem(b"abc"), "file is too short (3 bytes)");
        assert_eq!(problem(b"version https://git-lfs"), "this is a Git LFS pointer, not the weights");
        assert_eq!(problem(&1000_u64.to_le_bytes()), "header claims 1000 bytes, file has 8");
        let huge = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2305843009213693951]}}"#;
        assert!(problem(&file(huge, 4)).starts_with("tensor `a` ends at 2305843009213694"));
        let tail = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        assert_eq!(problem(&file(tail, 5)), format!("file has {} bytes, header describes {}", 67, 66));
        let twice = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        assert!(problem(&file(twice, 4)).contains("tensor `a` appears twice"));
        assert!(problem(&file("nonsense", 0)).starts_with("header is not valid JSON"));
    }
}
