//! What a model on disk is, and the only code that opens its files.
//!
//! A [`Checkpoint`] is a folder in the layout of Hugging Face, a `.nemo` archive or a `.gguf` file, with the list of its
//! files: every loader reads from that list and from nothing else. A [`Bundle`] joins three of them. [`tensors`] gives the
//! names, shapes and values that weight files hold, [`nemo`] the settings in an archive, [`gguf`] the folder that a file
//! was made from.
//!
//! This room knows no model: what the files mean is said by the rooms that load from them.

pub mod bundle;
pub mod card;
mod content;
mod error;
pub mod gguf;
pub mod hash;
pub mod json;
mod large_pages;
mod listing;
mod model_files;
mod names;
pub mod nemo;
mod nullable;
mod nulls;
mod replace;
pub mod tensors;
mod yaml;

pub use bundle::{
    Bundle, BundleError, BundleManifest, FORMAT_VERSION, Form, MANIFEST_NAME, Part, Parts, PromptExample,
    PromptSettings, TaskDecoding,
};
pub(crate) use card::CARD_FILE;
pub use card::ModelCard;
pub use error::CheckpointError;
pub use listing::{Checkpoint, Layout};
pub use names::BASE_FOLDER;
pub(crate) use names::absent;
pub(crate) use nullable::Nullable;
pub(crate) use nulls::without_nulls;
pub(crate) use replace::replace;
pub use tensors::{ForeignFormat, WeightFiles, WeightFormat, WeightsError};

/// The sizes and the family of a model.
pub const CONFIG_FILE: &str = "config.json";
/// The settings of a speech encoder's features.
pub const PREPROCESSOR_FILE: &str = "preprocessor_config.json";
/// The settings of all that prepares an encoder's input, as transformers 5 writes them; where the features' are among
/// them, they count in the place of [`PREPROCESSOR_FILE`].
pub const PROCESSOR_FILE: &str = "processor_config.json";
/// How the makers of a language model want it decoded.
pub const GENERATION_FILE: &str = "generation_config.json";
/// How a language model's makers write a conversation.
pub const CHAT_TEMPLATE_FILE: &str = "chat_template.jinja";
/// The same in the settings of a processor, where old folders have it.
pub const PROCESSOR_TEMPLATE_FILE: &str = "chat_template.json";
/// The names of special tokens, where old folders have them.
pub const SPECIAL_TOKENS_FILE: &str = "special_tokens_map.json";
/// The file that holds all tensors of a folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// What a LoRA adapter of PEFT is.
pub const ADAPTER_CONFIG_FILE: &str = "adapter_config.json";
/// The file that holds the tensors of a LoRA adapter.
pub const ADAPTER_WEIGHTS_FILE: &str = "adapter_model.safetensors";
/// The files that a tokenizer is read from; the first that a model has counts.
pub const TOKENIZER_FILES: [&str; 5] =
    ["tokenizer.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", CTC_VOCABULARY_FILE];
/// The labels of a CTC head.
pub const CTC_VOCABULARY_FILE: &str = "vocab.json";
/// What the tokenizer of CTC labels reads beside them, and what tells transformers the tokenizer's class.
pub const TOKENIZER_SETTINGS_FILE: &str = "tokenizer_config.json";
