//! The header of a safetensors file, checked before any library reads it.
//!
//! Format: eight bytes of header length, a JSON object of `name: {dtype, shape, data_offsets}`, data.
//! The checks: the length fits the file and the limit, no name twice, every tensor has the bytes that its shape and type
//! take, and the tensors follow each other from the first byte of the data to the last, without overlap or hole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use super::foreign::ForeignFormat;
use super::problem::MAX_HEADER_BYTES;
use super::{HeaderProblem, TensorEntry, WeightsError, blocks};
use crate::checkpoint::gguf::BlockType;

/// What a header says of one tensor.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    /// The format's name of the type, such as `F32`.
    pub(super) dtype: String,
    /// The shape as stored.
    pub(super) shape: Vec<usize>,
    /// Start and end, counted in bytes from the start of the file.
    data_offsets: [u64; 2],
    /// The type of its blocks, where the file says that it is a matrix in few bits; `shape` is then that of the matrix.
    #[serde(skip)]
    pub(super) blocks: Option<BlockType>,
}

impl Entry {
    /// The first byte in the file, and how many there are.
    pub(super) fn place(&self) -> (u64, u64) {
        let [start, end] = self.data_offsets;
        (start, end.saturating_sub(start))
    }

    /// Bytes that shape and type take; `None` for a type that is not known.
    fn expected_bytes(&self) -> Option<u64> {
        let bits = bits(&self.dtype)?;
        // A product that does not fit is larger than any file.
        let count = self.shape.iter().fold(1_u64, |count, &size| count.saturating_mul(size as u64));
        Some(count.saturating_mul(bits).div_ceil(8))
    }
}

impl From<Entry> for TensorEntry {
    fn from(entry: Entry) -> Self {
        let dtype = entry.blocks.map_or(entry.dtype, |kind| kind.name().to_owned());
        Self { dtype, shape: entry.shape }
    }
}

/// Bits of a value of the type that the format calls `dtype`.
fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" | "C64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "I8" | "U8" | "BOOL" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "F6_E2M3" | "F6_E3M2" => 6,
        "F4" => 4,
        _ => return None,
    })
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
    let Entries { mut header, metadata } =
        serde_json::from_slice(&text).map_err(|error| fail(HeaderProblem::Json(error.to_string())))?;

    let before = 8 + length;
    let data = size - before;
    for (name, entry) in &header {
        let [start, end] = entry.data_offsets;
        if end > data {
            let end = end.saturating_add(before);
            return Err(fail(HeaderProblem::TensorPastEnd { name: name.clone(), end, found: size }));
        }
        if end < start {
            return Err(fail(HeaderProblem::Backwards { name: name.clone() }));
        }
    }
    let described = described(&header).map_err(fail)?;
    if described != data {
        return Err(fail(HeaderProblem::Length { described: described + before, found: size }));
    }
    for (name, entry) in &mut header {
        let [start, end] = entry.data_offsets;
        let found = end - start;
        if let Some(expected) = entry.expected_bytes().filter(|&expected| expected != found) {
            let (name, kind) = (name.clone(), format!("{} {:?}", entry.dtype, entry.shape));
            return Err(fail(HeaderProblem::TensorSize { name, kind, expected, found }));
        }
        // The format counts from the end of the header.
        entry.data_offsets = [start + before, end + before];
    }
    add_blocks(&metadata, &mut header).map_err(fail)?;
    Ok(header)
}

/// Gives the tensors that the `metadata` name as matrices in few bits their shapes, and the types of their blocks.
fn add_blocks(metadata: &serde_json::Value, header: &mut Header) -> Result<(), HeaderProblem> {
    for (name, kind) in blocks::kinds(metadata)? {
        let wrong = |reason: String| HeaderProblem::Blocks { name: name.clone(), reason };
        let entry =
            header.get_mut(&name).ok_or_else(|| wrong("is in blocks and not in the file".to_owned()))?;
        let shape = blocks::matrix_shape(kind, &entry.dtype, &entry.shape)
            .ok_or_else(|| wrong(format!("is {} {:?}, no blocks of {kind}", entry.dtype, entry.shape)))?;
        (entry.shape, entry.blocks) = (shape, Some(kind));
    }
    Ok(())
}

/// Where the last tensor of `header` ends, if each begins where the one before it ends.
fn described(header: &Header) -> Result<u64, HeaderProblem> {
    let mut places: Vec<([u64; 2], &String)> =
        header.iter().map(|(name, entry)| (entry.data_offsets, name)).collect();
    places.sort_unstable();
    let mut last: Option<&String> = None;
    let mut reached = 0;
    for ([start, end], name) in places {
        if start > reached {
            return Err(HeaderProblem::Hole { name: name.clone(), bytes: start - reached });
        }
        if start < reached {
            let first = last.cloned().unwrap_or_default();
            return Err(HeaderProblem::Overlap { first, second: name.clone() });
        }
        (reached, last) = (end, Some(name));
    }
    Ok(reached)
}

/// The header's object, read so that a name that appears twice is an error rather than the last one.
struct Entries {
    header: Header,
    /// What the file says of itself.
    metadata: serde_json::Value,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let (mut header, mut metadata) = (Header::new(), serde_json::Value::Null);
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        metadata = map.next_value()?;
                        continue;
                    }
                    let entry = map.next_value()?;
                    if header.insert(name.clone(), entry).is_some() {
                        return Err(de::Error::custom(format!("tensor `{name}` appears twice")));
                    }
                }
                Ok(Entries { header, metadata })
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// Name, type, shape, start, end.
    type Told<'a> = (&'a str, &'a str, &'a [usize], u64, u64);

    /// A header of these tensors.
    fn header(tensors: &[Told<'_>]) -> String {
        let entries: Vec<String> = tensors
            .iter()
            .map(|(name, dtype, shape, start, end)| {
                format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#)
            })
            .collect();
        format!("{{{}}}", entries.join(","))
    }

    #[test]
    fn tensors_lie_one_after_the_other() {
        let found = |tensors: &[Told<'_>], data: usize| problem(&file(&header(tensors), data));
        let f32s: Told<'_> = ("a", "F32", &[2], 0, 8);
        assert_eq!(found(&[f32s, ("b", "F32", &[2], 4, 12)], 12), "tensors `a` and `b` overlap");
        assert_eq!(found(&[f32s, ("b", "F32", &[2], 0, 8)], 8), "tensors `a` and `b` overlap");
        assert_eq!(found(&[f32s, ("b", "F32", &[1], 4, 8)], 8), "tensors `a` and `b` overlap");
        assert_eq!(
            found(&[f32s, ("b", "F32", &[1], 12, 16)], 16),
            "4 bytes before tensor `b` belong to no tensor"
        );
        assert_eq!(found(&[("a", "F32", &[1], 4, 8)], 8), "4 bytes before tensor `a` belong to no tensor");
        assert_eq!(found(&[("a", "F32", &[1], 8, 4)], 8), "tensor `a` ends before it starts");
        assert_eq!(found(&[("a", "F32", &[3], 0, 8)], 8), "tensor `a` has 8 bytes, F32 [3] takes 12");
        assert_eq!(found(&[("a", "BF16", &[4, 2], 0, 8)], 8), "tensor `a` has 8 bytes, BF16 [4, 2] takes 16");
        let huge = [usize::MAX, usize::MAX, usize::MAX];
        assert!(found(&[("a", "F64", &huge, 0, 8)], 8).starts_with("tensor `a` has 8 bytes, F64 ["));
    }

    #[test]
    fn tensors_may_be_empty_and_in_any_order() {
        let sound = |tensors: &[Told<'_>], data: usize| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("model.safetensors");
            std::fs::write(&path, file(&header(tensors), data)).unwrap();
            read(&path).unwrap()
        };
        assert!(sound(&[], 0).is_empty());
        let found = sound(
            &[
                ("z", "F32", &[1, 2], 0, 8),
                ("m", "I64", &[0, 5], 8, 8),
                ("b", "F16", &[3], 8, 14),
                ("a", "F4", &[2], 14, 15),
                // A type that is not known has the bytes that it says.
                ("n", "X3", &[7], 15, 20),
                ("e", "F32", &[0], 20, 20),
            ],
            20,
        );
        assert_eq!(found.len(), 6);
        let start = found["z"].place().0;
        assert_eq!(found["b"].place(), (start + 8, 6));
        assert_eq!(found["e"].place(), (start + 20, 0));
    }

    proptest! {
        /// What `safetensors` itself takes and what it refuses.
        #[test]
        fn it_is_as_strict_as_the_format(
            places in proptest::collection::vec((0_u64..5, 0_u64..5), 0..4),
            data in 0_usize..20,
        ) {
            let tensors: Vec<(String, Vec<usize>, u64, u64)> = places
                .iter()
                .enumerate()
                .map(|(index, &(start, count))| {
                    (format!("t{index}"), vec![count as usize], 4 * start, 4 * (start + count))
                })
                .collect();
            let tensors: Vec<Told<'_>> = tensors
                .iter()
                .map(|(name, shape, start, end)| (name.as_str(), "F32", shape.as_slice(), *start, *end))
                .collect();
            let bytes = file(&header(&tensors), data);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("model.safetensors");
            std::fs::write(&path, &bytes).unwrap();
            let theirs = ::safetensors::SafeTensors::deserialize(&bytes).is_ok();
            prop_assert_eq!(read(&path).is_ok(), theirs);
        }
    }
}
