//! The header of a file: metadata, and where each tensor lies. All of it is checked before a tensor is read.
//!
//! Format: `docs/gguf.md` of ggml, versions 2 and 3, little-endian.

use std::collections::BTreeMap;
use std::io::Read;

use super::cursor::{Cursor, Failure};
use super::{BlockType, GgufProblem, Metadata, Value};

pub(super) const MAGIC: [u8; 4] = *b"GGUF";
/// Where the data begin, and each tensor in them, if nothing else is said.
pub(super) const ALIGNMENT: u64 = 32;
/// The fewest bytes of a key and its value, and those of a tensor's description.
const LEAST: (u64, u64) = (8 + 4 + 1, 8 + 4 + 8 + 4 + 8);

/// Where a tensor lies, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The type of its values.
    pub kind: BlockType,
    /// The shape, rows first, as everywhere but in the file itself.
    pub shape: Vec<usize>,
    /// The first byte, from the start of the file.
    pub(super) start: u64,
    /// How many bytes it has.
    pub(super) bytes: u64,
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub(super) metadata: Metadata,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

/// A tensor's description, as it lies.
struct Told {
    name: String,
    dimensions: Vec<u64>,
    kind: u32,
    offset: u64,
}

impl Header {
    /// Reads the header of a file of `size` bytes.
    pub(super) fn read(source: impl Read, size: u64) -> Result<Self, Failure> {
        let mut cursor = Cursor::new(source, size);
        let magic = cursor.array("the first four bytes")?;
        if magic != MAGIC {
            return Err(GgufProblem::Magic(magic).into());
        }
        match cursor.u32("the version")? {
            2 | 3 => {}
            version if matches!(version.swap_bytes(), 2 | 3) => return Err(GgufProblem::BigEndian.into()),
            version => return Err(GgufProblem::Version(version).into()),
        }
        let tensors = cursor.u64("the number of tensors")?;
        let pairs = cursor.u64("the number of values")?;
        let pairs = cursor.count(pairs, LEAST.0, "values")?;
        let tensors = cursor.count(tensors, LEAST.1, "tensors")?;
        let mut metadata = Metadata::default();
        for _ in 0..pairs {
            let key = cursor.text("a key")?;
            let value = Value::read(&mut cursor, &key)?;
            if !metadata.insert(key.clone(), value) {
                return Err(GgufProblem::TwoValues(key).into());
            }
        }
        let mut told = Vec::new();
        for _ in 0..tensors {
            told.push(Told::read(&mut cursor)?);
        }
        let alignment = alignment(&metadata)?;
        let data = cursor.place().next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        for one in told {
            let info = one.placed(data, alignment, size)?;
            if tensors.insert(one.name.clone(), info).is_some() {
                return Err(GgufProblem::TwoTensors(one.name).into());
            }
        }
        check_overlaps(&tensors)?;
        Ok(Self { metadata, tensors })
    }
}

impl Told {
    fn read(cursor: &mut Cursor<impl Read>) -> Result<Self, Failure> {
        let name = cursor.text("a tensor's name")?;
        let found = cursor.u32("a tensor's dimensions")?;
        if !(1..=4).contains(&found) {
            return Err(GgufProblem::Dimensions { name, found }.into());
        }
        let dimensions = (0..found).map(|_| cursor.u64("a tensor's dimensions")).collect::<Result<_, _>>()?;
        let kind = cursor.u32("a tensor's type")?;
        Ok(Self { name, dimensions, kind, offset: cursor.u64("a tensor's place")? })
    }

    /// Where it lies in a file of `size` bytes, whose data begin at `data`.
    fn placed(&self, data: u64, alignment: u64, size: u64) -> Result<TensorInfo, GgufProblem> {
        let name = || self.name.clone();
        let kind = BlockType::of(self.kind)
            .ok_or_else(|| GgufProblem::TensorType { name: name(), found: self.kind })?;
        let endless = || GgufProblem::Values { name: name(), dimensions: self.dimensions.clone() };
        let row = self.dimensions.first().copied().unwrap_or_default();
        let block = kind.values() as u64;
        if !row.is_multiple_of(block) {
            return Err(GgufProblem::Row { name: name(), row, kind });
        }
        let values = self.dimensions.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
        let bytes = values.and_then(|values| (values / block).checked_mul(kind.bytes() as u64));
        let bytes = bytes.ok_or_else(endless)?;
        if !self.offset.is_multiple_of(alignment) {
            return Err(GgufProblem::Offset { name: name(), offset: self.offset, alignment });
        }
        let start = data.checked_add(self.offset);
        let end = start.and_then(|start| start.checked_add(bytes)).unwrap_or(u64::MAX);
        let Some(start) = start.filter(|_| end <= size) else {
            return Err(GgufProblem::PastEnd { name: name(), end, found: size });
        };
        let sizes = self.dimensions.iter().rev().map(|&size| usize::try_from(size).map_err(|_| endless()));
        Ok(TensorInfo { kind, shape: sizes.collect::<Result<_, _>>()?, start, bytes })
    }
}

fn alignment(metadata: &Metadata) -> Result<u64, GgufProblem> {
    match metadata.count("general.alignment") {
        Ok(None) => Ok(ALIGNMENT),
        // One larger than any header has no meaning, and would overflow what follows.
        Ok(Some(found)) if found.is_power_of_two() && u32::try_from(found).is_ok() => Ok(found),
        Ok(Some(found)) => Err(GgufProblem::Alignment(found)),
        Err(_) => Err(GgufProblem::Alignment(0)),
    }
}

/// No two tensors share bytes: a small file could ask for endless memory by them.
fn check_overlaps(tensors: &BTreeMap<String, TensorInfo>) -> Result<(), GgufProblem> {
    let mut placed: Vec<(&String, &TensorInfo)> = tensors.iter().filter(|(_, info)| info.bytes > 0).collect();
    placed.sort_by_key(|(_, info)| info.start);
    for pair in placed.windows(2) {
        let ((first, one), (second, other)) = (pair[0], pair[1]);
        if one.start + one.bytes > other.start {
            return Err(GgufProblem::Overlap { first: first.clone(), second: second.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text with its length.
    fn text(text: &str) -> Vec<u8> {
        [(text.len() as u64).to_le_bytes().to_vec(), text.as_bytes().to_vec()].concat()
    }

    /// A key and a number of 32 bits.
    fn pair(key: &str, value: u32) -> Vec<u8> {
        [text(key), 4_u32.to_le_bytes().to_vec(), value.to_le_bytes().to_vec()].concat()
    }

    /// A tensor: name, dimensions, type, place.
    fn tensor(name: &str, dimensions: &[u64], kind: u32, offset: u64) -> Vec<u8> {
        let mut bytes = text(name);
        bytes.extend((dimensions.len() as u32).to_le_bytes());
        bytes.extend(dimensions.iter().flat_map(|size| size.to_le_bytes()));
        bytes.extend(kind.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes
    }

    /// A file of these, with so many bytes of data.
    fn file(pairs: &[Vec<u8>], tensors: &[Vec<u8>], data: usize) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &3_u32.to_le_bytes()].concat();
        bytes.extend((tensors.len() as u64).to_le_bytes());
        bytes.extend((pairs.len() as u64).to_le_bytes());
        bytes.extend([pairs.concat(), tensors.concat()].concat());
        bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Header, GgufProblem> {
        Header::read(bytes, bytes.len() as u64).map_err(|failure| match failure {
            Failure::Problem(problem) => problem,
            Failure::Io(error) => panic!("{error}"),
        })
    }

    fn problem(pairs: &[Vec<u8>], tensors: &[Vec<u8>], data: usize) -> String {
        read(&file(pairs, tensors, data)).unwrap_err().to_string()
    }

    #[test]
    fn tensors_lie_where_they_are_said_to() {
        let tensors = [tensor("a", &[32, 3], 8, 0), tensor("b", &[2], 0, 128), tensor("c", &[5, 0], 1, 0)];
        let header = read(&file(&[pair("general.alignment", 64), pair("k", 7)], &tensors, 200)).unwrap();
        assert_eq!(header.metadata.count("k"), Ok(Some(7)));
        let a = &header.tensors["a"];
        assert_eq!((a.kind, a.shape.as_slice(), a.bytes), (BlockType::Q8_0, &[3, 32][..], 102));
        let b = &header.tensors["b"];
        assert_eq!((b.start - a.start, b.bytes, a.start % 64), (128, 8, 0));
        assert_eq!(header.tensors["c"].bytes, 0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let two = |second: Vec<u8>| [tensor("a", &[8], 0, 0), second];
        for (found, expected) in [
            (problem(&[pair("k", 1), pair("k", 2)], &[], 0), "`k` appears twice"),
            (
                problem(&[pair("general.alignment", 24)], &[], 0),
                "`general.alignment` is 24, expected a power of two",
            ),
            (
                problem(&[pair("general.alignment", 0)], &[], 0),
                "`general.alignment` is 0, expected a power of two",
            ),
            (problem(&[], &[tensor("a", &[], 0, 0)], 0), "tensor `a` has 0 dimensions, expected 1 to 4"),
            (problem(&[], &[tensor("a", &[1; 5], 0, 0)], 0), "tensor `a` has 5 dimensions, expected 1 to 4"),
            (
                problem(&[], &[tensor("a", &[33], 8, 0)], 99),
                "tensor `a` has rows of 33 values, Q8_0 has blocks of 32",
            ),
            (
                problem(&[], &[tensor("a", &[8], 0, 8)], 99),
                "tensor `a` begins at 8 of the data, expected a multiple of 32",
            ),
            (problem(&[], &two(tensor("a", &[8], 0, 32)), 64), "tensor `a` appears twice"),
            (problem(&[], &two(tensor("b", &[1], 0, 0)), 64), "tensors `a` and `b` overlap"),
        ] {
            assert_eq!(found, expected);
        }
        for (tensors, expected) in [
            ([tensor("a", &[u64::MAX, 2], 0, 0)], "which no file can hold"),
            ([tensor("a", &[1 << 40, 1 << 23], 0, 0)], "which no file can hold"),
            ([tensor("a", &[1 << 40], 0, 0)], "file has 96 bytes"),
            ([tensor("a", &[8], 0, u64::MAX - 31)], "file has 96 bytes"),
            ([tensor("a", &[8], 20, 0)], "is of type 20, expected F32, F16, BF16, Q4_0"),
        ] {
            let found = problem(&[], &tensors, 32);
            assert!(found.starts_with("tensor `a` ") && found.contains(expected), "{found}");
        }
        let with = |place: usize, bytes: &[u8]| {
            let mut whole = file(&[pair("k", 1)], &[], 0);
            whole[place..place + bytes.len()].copy_from_slice(bytes);
            read(&whole).unwrap_err().to_string()
        };
        assert_eq!(with(4, &[4]), "version 4 of GGUF, expected 2 or 3");
        assert_eq!(with(4, &[0, 0, 0, 3]), "its numbers are big-endian, expected little-endian");
        assert!(with(8, &[0xff; 8]).starts_with("18446744073709551615 tensors do not fit into the "));
        assert!(with(16, &[0xff; 8]).starts_with("18446744073709551615 values do not fit into the "));
        assert_eq!(with(24, &[0xff; 8]), "the file ends within a key");
        assert_eq!(read(b"GG").unwrap_err().to_string(), "the file ends within the first four bytes");
    }

    proptest! {
        /// What is read lies within the file, whatever was written over a sound one.
        #[test]
        fn no_bytes_panic_or_reach_out(
            writes in proptest::collection::vec((0_usize..400, any::<u8>()), 0..12),
            end in 0_usize..400,
        ) {
            let pairs = [pair("general.alignment", 32), pair("k", 1)];
            let tensors = [tensor("a", &[32, 2], 8, 0), tensor("b", &[4], 0, 96)];
            let mut bytes = file(&pairs, &tensors, 128);
            for (place, byte) in writes {
                let length = bytes.len();
                bytes[place % length] = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(end / 4));
            if let Ok(header) = read(&bytes) {
                for info in header.tensors.values() {
                    prop_assert!(info.start + info.bytes <= bytes.len() as u64);
                }
            }
        }

        #[test]
        fn no_nonsense_panics(bytes: Vec<u8>) {
            let _ = read(&[&MAGIC[..], &3_u32.to_le_bytes(), &bytes].concat());
        }
    }
}
