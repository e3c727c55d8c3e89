//! What can be wrong with weight files.

use std::error::Error;
use std::fmt;

use super::ForeignFormat;

/// The largest header that is read; the files of known models stay below 1 MiB.
pub(super) const MAX_HEADER_BYTES: u64 = 16 << 20;

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
    /// The header is larger than any real one.
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
    /// A tensor ends before it starts.
    #[error("tensor `{name}` ends before it starts")]
    Backwards {
        /// The tensor.
        name: String,
    },
    /// A tensor has not the bytes that its shape and type take.
    #[error("tensor `{name}` has {found} bytes, {kind} takes {expected}")]
    TensorSize {
        /// The tensor.
        name: String,
        /// Its type and shape.
        kind: String,
        /// Bytes that these take.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// Two tensors share bytes.
    #[error("tensors `{first}` and `{second}` overlap")]
    Overlap {
        /// The one that starts first.
        first: String,
        /// The other.
        second: String,
    },
    /// Bytes of the data are no tensor's.
    #[error("{bytes} bytes before tensor `{name}` belong to no tensor")]
    Hole {
        /// The tensor after them.
        name: String,
        /// How many there are.
        bytes: u64,
    },
    /// What the file says of matrices in few bits does not fit its tensors.
    #[error("`{}` {reason}", name.escape_debug())]
    Blocks {
        /// The tensor, or the entry that names them.
        name: String,
        /// What is wrong with it.
        reason: String,
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

/// Tensors of one file that do not fit the model that its config describes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorProblem {
    /// The model needs a tensor that the file lacks.
    Missing {
        /// The name in the file.
        name: String,
        /// The shape the model needs.
        expected: Vec<usize>,
        /// The unused tensor with the most similar name.
        nearest: Option<String>,
    },
    /// The file has a tensor that the model does not use.
    Unexpected {
        /// The name in the file.
        name: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// The shapes differ.
    Shape {
        /// The name in the file.
        name: String,
        /// The shape the model needs.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The tensor is not of a float type.
    Type {
        /// The name in the file.
        name: String,
        /// Its type, by the name that safetensors has for it.
        found: String,
    },
    /// A value does not fit the type that the tensor is to be kept in.
    TooLarge {
        /// The name in the file.
        name: String,
        /// The type.
        dtype: String,
    },
    /// The tensor holds NaN or infinity.
    NonFinite {
        /// The name in the file.
        name: String,
        /// How many values are not finite.
        count: usize,
        /// The index of the first.
        first: usize,
    },
}

impl fmt::Display for TensorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, expected, nearest } => {
                write!(f, "missing `{name}` {expected:?}")?;
                match nearest {
                    Some(nearest) => write!(f, ", nearest in the file: `{nearest}`"),
                    None => Ok(()),
                }
            }
            Self::Unexpected { name, found } => write!(f, "unexpected `{name}` {found:?}"),
            Self::Shape { name, expected, found } => {
                write!(f, "tensor `{name}`: shape {found:?}, expected {expected:?}")
            }
            Self::Type { name, found } => {
                write!(f, "tensor `{name}`: dtype {found}, expected F32, F16 or BF16")
            }
            Self::TooLarge { name, dtype } => write!(f, "tensor `{name}`: values too large for {dtype}"),
            Self::NonFinite { name, count, first } => {
                write!(f, "tensor `{name}`: {count} non-finite values, first at index {first}")
            }
        }
    }
}

impl Error for TensorProblem {}
