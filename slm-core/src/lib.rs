//! SLM: a frozen Conformer speech encoder and a frozen T5 language model, joined by a small adapter.
//!
//! Paper: *SLM: Bridge the thin gap between speech and text foundation models*, arXiv 2310.00230.
//!
//! The data's way, one folder a step:
//!
//! [`audio`] (16 kHz samples) → [`features`] (frames) → [`encoder`] (Conformer states and CTC
//! labels) → [`adapter`] (fewer frames, in the language model's embedding space) → [`llm`] (T5) →
//! [`decode`] (token ids) → [`task`] (the answer to a request). [`bundle`] is the folder on disk that
//! holds all of it, [`folder`] says what a folder is, [`nemo`] an archive, [`weights`] reads and
//! writes its tensors, [`backend`] finds the device it runs on.
//!
//! The library prints nothing, keeps no global state and returns typed errors. A panic in it is a bug;
//! shapes that contradict a config are caught when weights are loaded, not in `forward`.

pub mod adapter;
pub mod align;
pub mod audio;
pub mod backend;
pub mod batch;
pub mod bundle;
pub mod context;
pub mod decode;
pub mod encoder;
pub mod features;
pub mod folder;
mod folder_card;
pub mod hash;
pub mod json;
pub mod llm;
pub mod matrix;
pub mod nemo;
pub mod rotary;
pub mod task;
pub mod text;
pub mod weights;
mod yaml;
