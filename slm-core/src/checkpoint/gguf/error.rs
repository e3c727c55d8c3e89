//! Why a GGUF file could not be read.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::BlockType;

/// Bytes of all that stands before the tensors' data; with the largest vocabularies these are about twelve million.
pub(super) const MAX_HEADER_BYTES: u64 = 64 << 20;

/// Why a GGUF file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The system refused.
    #[error("cannot open `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is damaged, or something else.
    #[error("cannot open `{}`: {problem}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: GgufProblem,
    },
    /// The metadata describe no model that is known.
    #[error("cannot open `{}`: {} invalid field{}: {}", path.display(), problems.len(),
        if problems.len() == 1 { "" } else { "s" }, joined(problems))]
    Fields {
        /// The file.
        path: PathBuf,
        /// One a field.
        problems: Vec<FieldProblem>,
    },
    /// The file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A tensor could not be read.
    #[error("cannot read tensor `{name}` of `{}`", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
}

fn joined(problems: &[FieldProblem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GgufProblem {
    /// The first four bytes are others.
    #[error("it begins with `{}`, expected `GGUF`", .0.escape_ascii())]
    Magic([u8; 4]),
    /// The version is not known.
    #[error("version {0} of GGUF, expected 2 or 3")]
    Version(u32),
    /// Its numbers have their bytes in the other order.
    #[error("its numbers are big-endian, expected little-endian")]
    BigEndian,
    /// The file ends too early.
    #[error("the file ends within {0}")]
    Ends(&'static str),
    /// More things than the rest of the file has bytes for.
    #[error("{count} {what} do not fit into the {left} bytes that are left")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are said to be.
        count: u64,
        /// What is left of the file.
        left: u64,
    },
    /// Too much stands before the data.
    #[error("its metadata are longer than {MAX_HEADER_BYTES} bytes")]
    TooLarge,
    /// A name or a text is not UTF-8.
    #[error("{0} is not UTF-8")]
    Text(&'static str),
    /// A value's type is not known.
    #[error("`{key}` has a value of type {found}, which is not known")]
    ValueType {
        /// The key.
        key: String,
        /// The type.
        found: u32,
    },
    /// Arrays in an array.
    #[error("`{0}` is an array of arrays")]
    Nested(String),
    /// A key stands twice.
    #[error("`{0}` appears twice")]
    TwoValues(String),
    /// Two tensors have one name.
    #[error("tensor `{0}` appears twice")]
    TwoTensors(String),
    /// The data cannot begin at multiples of this.
    #[error("`general.alignment` is {0}, expected a power of two")]
    Alignment(u64),
    /// The model is in several files.
    #[error("it is one of {0} parts of a model; join them with `llama-gguf-split --merge`")]
    Parts(u64),
    /// A tensor has no dimensions, or too many.
    #[error("tensor `{name}` has {found} dimensions, expected 1 to 4")]
    Dimensions {
        /// The tensor.
        name: String,
        /// How many it has.
        found: u32,
    },
    /// A tensor is of a type that is not read.
    #[error("tensor `{name}` is of type {found}, expected {}", BlockType::known())]
    TensorType {
        /// The tensor.
        name: String,
        /// The type's number.
        found: u32,
    },
    /// A tensor has more values than any memory.
    #[error("tensor `{name}` has dimensions {dimensions:?}, which no file can hold")]
    Values {
        /// The tensor.
        name: String,
        /// Its dimensions, as stored.
        dimensions: Vec<u64>,
    },
    /// A row ends within a block.
    #[error("tensor `{name}` has rows of {row} values, {kind} has blocks of {}", kind.values())]
    Row {
        /// The tensor.
        name: String,
        /// Values in a row.
        row: u64,
        /// Its type.
        kind: BlockType,
    },
    /// A tensor begins between the places where one may.
    #[error("tensor `{name}` begins at {offset} of the data, expected a multiple of {alignment}")]
    Offset {
        /// The tensor.
        name: String,
        /// Where it begins.
        offset: u64,
        /// The alignment.
        alignment: u64,
    },
    /// A tensor ends past the file.
    #[error("tensor `{name}` ends at {end}, file has {found} bytes")]
    PastEnd {
        /// The tensor.
        name: String,
        /// Where it would end in the file.
        end: u64,
        /// The file's size.
        found: u64,
    },
    /// Two tensors share bytes.
    #[error("tensors `{first}` and `{second}` overlap")]
    Overlap {
        /// The one that begins first.
        first: String,
        /// The other.
        second: String,
    },
}

/// What is wrong with a field of the metadata, or with a tensor that says as much as a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// It is not there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// It is of another type.
    #[error("`{key}` is {found}, expected {expected}")]
    Type {
        /// The key.
        key: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// Its value says something that cannot be.
    #[error("`{key}` is {found}, expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// What it is.
        found: String,
        /// What may be.
        expected: String,
    },
}

impl FieldProblem {
    /// A value that cannot be.
    pub(super) fn value(key: &str, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self::Value { key: key.to_owned(), found: format!("{found}"), expected: format!("{expected}") }
    }
}
