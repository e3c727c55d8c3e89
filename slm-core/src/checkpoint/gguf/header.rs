//! The header of a file: metadata, and where each tensor lies. All of it is checked before a tensor is read.
//!
//! Format: `docs/gguf.md` of ggml, versions 2 and 3, little-endian.

use std::collections::BTreeMap;
use std::io::Read;

use super::cursor::{Cursor, Failure};
use super::{BlockType, GgufProblem, Metadata, Value};

const MAGIC: [u8; 4] = *b"GGUF";
/// Where the data begin, and each tensor in them, if nothing else is said.
const ALIGNMENT: u64 = 32;
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
