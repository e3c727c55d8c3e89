//! GGUF files: a language model in one file, as llama.cpp and its kin keep it, often quantized.
//!
//! [`GgufFile`] is the file itself: keys and values, and where each tensor lies, all checked before a tensor is read. A
//! count or a length in it is compared with what is left of the file before any memory is taken for it. A tensor comes as
//! [`Quantized`], in the form in which the file holds it.
//!
//! [`GgufFolder`] is the same seen as the folder of Hugging Face that the file was made from: `config.json`,
//! `tokenizer.json`, `tokenizer_config.json` and tensors by the names that transformers has for them. So whatever loads a
//! folder loads a file. What llama.cpp changes on the way to its format is undone here: names, the order of the rows of
//! queries and keys, norms stored as one more than they are.
//!
//! Format: `docs/gguf.md` of ggml. What a folder would say: transformers 5.23.0, `integrations/ggml.py` and
//! `integrations/gguf/`. Of the crates that read the format, `gguf-rs-lib` 0.3.3 is the most careful one; it reads
//! headers alone, through a stream of unknown size, and its errors are texts.

mod block_type;
mod cursor;
mod dequantize;
mod error;
mod file;
mod folder;
mod header;
mod metadata;
mod quantize;
mod quantized;
mod tokenizer;
mod value;
mod write;

pub use block_type::BlockType;
pub use error::{FieldProblem, GgufError, GgufProblem};
pub use file::GgufFile;
pub use folder::{Decoder, GgufFolder};
pub use header::TensorInfo;
pub use metadata::Metadata;
pub use quantize::quantize;
pub use quantized::Quantized;
pub use value::{Numbers, Value};
pub use write::{GgufOutline, GgufWriter};

/// The extension of a file's name.
pub const EXTENSION: &str = "gguf";
