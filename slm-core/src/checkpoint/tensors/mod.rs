//! The tensors in weight files: safetensors, PyTorch's files, `.nemo` archives and GGUF files, one file or several.
//!
//! [`WeightFiles`] is what the files say of their tensors, read and checked before any tensor is; a [`TensorReader`]
//! reads their values where they lie, one after the other, and a [`SafetensorsWriter`] writes them so. Safetensors and archives are read here, PyTorch's files through
//! `pytorch-reader`, whose pickle is interpreted and never run.

mod blocks;
mod entry;
mod error;
mod files;
mod foreign;
mod gguf;
mod header;
mod nemo;
mod pickle;
mod problem;
mod reader;
mod safetensors;
mod torch;
mod write;

pub use entry::TensorEntry;
pub use error::{Cause, WeightsError};
pub use files::{WeightFiles, WeightFormat};
pub use foreign::ForeignFormat;
pub use problem::{HeaderProblem, IndexProblem, TensorProblem};
pub use reader::TensorReader;
pub(crate) use reader::unmoved;
pub use write::{SafetensorsWriter, TensorForm, TensorOutline};
