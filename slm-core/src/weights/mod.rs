//! Weights in the files of Hugging Face folders, safetensors or PyTorch's, one or several: read into modules, written
//! from them as safetensors.
//!
//! A module's tensors are found by their path (`layers.0.self_attn.q_proj.weight`); each family
//! turns a path into the name in its files. Safetensors and `.nemo` archives are read where they lie, PyTorch's files
//! through `pytorch-reader`; names, shapes and dtypes are compared with the module before a
//! tensor is touched, so that all problems are told at once.

mod checkpoint;
mod count;
mod files;
mod foreign;
mod header;
mod load;
mod pickle;
mod placement;
mod range;
mod safetensors;
mod save;
mod torch;

use std::path::PathBuf;

use burn::module::Param;
use burn::prelude::*;
use burn::tensor::DType;

use crate::json::JsonError;
use crate::matrix;
use crate::nemo::NemoError;

pub use count::parameter_count;
pub use files::{FILE_NAME, IndexProblem, WeightFiles, WeightFormat, folder_files};
pub use foreign::ForeignFormat;
pub use load::load;
pub use placement::{ComputeType, Placement, Progress, UnsupportedComputeType};
pub use range::ValueRange;
pub use save::{StorageType, save};

/// A constant as a parameter, trainable where `device` has autodiff.
pub(crate) fn parameter<const D: usize>(value: Tensor<D>, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(if device.is_autodiff() { value.autodiff() } else { value })
}

/// Tensors of one file that do not fit the model that its config describes.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        dtype: DType,
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

impl std::fmt::Display for TensorProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
            Self::TooLarge { name, dtype } => write!(f, "tensor `{name}`: values too large for {dtype:?}"),
            Self::NonFinite { name, count, first } => {
                write!(f, "tensor `{name}`: {count} non-finite values, first at index {first}")
            }
        }
    }
}

/// At most this many problems are spelled out in a message.
const MAX_LISTED: usize = 20;

/// Why a weight file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The system refused.
    #[error("cannot load weights `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The header contradicts the file or itself.
    #[error("cannot load weights `{}`: {problem}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: header::HeaderProblem,
    },
    /// A file of PyTorch is damaged, or something else.
    #[error("cannot load weights `{}`: {reason}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// The folder's weights are of a format that is not read.
    #[error("cannot load weights `{}`: {format}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The format.
        format: ForeignFormat,
    },
    /// The index of a sharded folder cannot be read.
    #[error(transparent)]
    IndexFile(#[from] JsonError),
    /// The index contradicts the shards.
    #[error("cannot load weights `{}`: {problem}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        problem: IndexProblem,
    },
    /// Tensors and model do not fit.
    #[error("cannot load weights `{}`: {}", path.display(), summary(problems))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// One entry a tensor.
        problems: Vec<TensorProblem>,
    },
    /// A tensor's bytes could not be read.
    #[error("cannot load weights `{}`: tensor `{name}`: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What the reader said.
        reason: String,
    },
    /// The file could not be written.
    #[error("cannot write weights `{}`: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        reason: String,
    },
}

/// Counts by kind, then one line a problem.
fn summary(problems: &[TensorProblem]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for problem in problems {
        let kind = match problem {
            TensorProblem::Missing { .. } => "missing",
            TensorProblem::Unexpected { .. } => "unexpected",
            TensorProblem::Shape { .. } => "misshaped",
            TensorProblem::Type { .. } => "of a wrong dtype",
            TensorProblem::TooLarge { .. } => "too large for the dtype",
            TensorProblem::NonFinite { .. } => "non-finite",
        };
        match counts.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    let mut text: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let mut lines = vec![text.join(", ")];
    text = problems.iter().take(MAX_LISTED).map(|problem| format!("  {problem}")).collect();
    lines.append(&mut text);
    if problems.len() > MAX_LISTED {
        lines.push(format!("  .. and {} more", problems.len() - MAX_LISTED));
    }
    lines.join("\n")
}

/// The path of a tensor while a module is walked.
#[derive(Debug, Default)]
struct Path {
    names: Vec<String>,
    containers: Vec<String>,
}

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// The path with PyTorch's names for the parameters of norms. The variant of an enum is no part of it.
    fn text(&self) -> String {
        let named = self.names.iter().zip(&self.containers);
        let names: Vec<&str> = named
            .filter(|(_, container)| !container.starts_with("Enum:"))
            .map(|(name, _)| name.as_str())
            .collect();
        let mut text = names.join(".");
        for (burn, torch) in [(".gamma", ".weight"), (".beta", ".bias")] {
            if let Some(stem) = text.strip_suffix(burn) {
                text = format!("{stem}{torch}");
            }
        }
        text
    }

    /// Whether the tensor is the weight of a `Linear`, which PyTorch stores as `[out, in]`.
    fn is_transposed(&self) -> bool {
        let linear = |container: &String| container == "Struct:Linear" || container == "Struct:MatrixLinear";
        self.containers.last().is_some_and(linear) && self.is_weight()
    }

    /// Whether the tensor is one of the large matrices that may have fewer bits.
    fn is_matrix(&self) -> bool {
        let matrix = |container: &String| matrix::CONTAINERS.contains(&container.as_str());
        self.containers.last().is_some_and(matrix) && self.is_weight()
    }

    fn is_weight(&self) -> bool {
        self.names.last().is_some_and(|name| name == "weight")
    }
}
