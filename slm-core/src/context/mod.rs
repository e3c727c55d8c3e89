//! Contextual biasing: which of many given phrases the sound supports.
//!
//! A [`PhraseList`] holds names and words that may be said, up to 100,000. A [`Retriever`] looks for all of them at once
//! in the frozen encoder's CTC posteriors, along a prefix [`tree`], and gives the few that are supported, for the
//! instruction or to [favour](crate::decode::Boost) in decoding.

mod phrases;
mod retriever;
mod tree;

pub use phrases::{ContextError, MAX_PHRASE_CHARS, MAX_PHRASES, PhraseList};
pub use retriever::{Retrieved, Retriever};
pub use tree::PrefixTree;
