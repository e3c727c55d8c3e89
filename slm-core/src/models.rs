//! The second tier: all parts that a model is made of, for those who build, train or test models.
//!
//! One module a step, in the order in which samples become text: [`audio`](crate::audio), [`features`], [`encoder`],
//! [`ctc`], [`adapter`], [`llm`], [`decode`], [`prompt`], [`speech`]; beneath them [`nn`], [`text`] and [`checkpoint`]. A
//! module imports only those beneath it, see `docs/architecture.md`. Unlike the root of the crate this tier changes whenever
//! the models do.

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
