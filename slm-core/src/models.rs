//! The second tier: all parts that a model is made of, for those who build, train or test models.
//!
//! One module a step, in the order in which samples become text: [`audio`](crate::audio), [`features`], [`encoder`],
//! [`ctc`], [`adapter`], [`llm`], [`decode`], [`prompt`], [`speech`]; beneath them [`nn`], [`text`] and [`checkpoint`]. A
//! module imports only those beneath it, see `docs/architecture.md`. Unlike the root of the crate this tier changes whenever
//! the models do.
//!
//! What may grow is `#[non_exhaustive]`: at the root all enums, and all structs with public fields; here the enums. Two kinds
//! are not. Configs and other structs with public fields are built field by field, as a JSON file does, by those who train
//! and test models. And [`Edit`](ctc::edit::Edit), [`LanguageModel`](llm::LanguageModel) and
//! [`ActivationKind`](nn::ActivationKind) are matched in full, so that the compiler names each place that a further variant
//! concerns.

/// Adapters: from the speech encoder's states to the language model's embedding space.
pub mod adapter {
    pub use crate::adapter::*;
}

/// What a model on disk is: folders, archives, bundles, and the tensors in their files.
pub mod checkpoint {
    pub use crate::checkpoint::*;
}

/// What the encoder's CTC head says of the sound, and what is read from it.
pub mod ctc {
    pub use crate::ctc::*;
}

/// Text generation.
pub mod decode {
    pub use crate::decode::*;
}

/// Speech encoders.
pub mod encoder {
    pub use crate::encoder::*;
}

/// Speech features.
pub mod features {
    pub use crate::features::*;
}

/// Language models.
pub mod llm {
    pub use crate::llm::*;
}

/// What models share.
pub mod nn {
    pub use crate::nn::*;
}

/// How requests are put to a language model.
pub mod prompt {
    pub use crate::prompt::*;
}

/// All parts joined.
pub mod speech {
    pub use crate::engine::speech::*;
}

/// Tokenizers.
pub mod text {
    pub use crate::text::*;
}
