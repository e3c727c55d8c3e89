//! What a training leaves: folders of models with their tokenizers, and bundles.
//!
//! [`folder`] makes files appear only when all of them are whole; [`tokenizer`] takes a tokenizer along with the model
//! that was trained with it; [`bundle`] puts the parts of a bundle together.

pub mod bundle;
pub mod folder;
pub mod model;
pub mod tokenizer;
