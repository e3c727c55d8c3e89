//! What the CTC head of the frozen encoder says of the sound, and what is read from it.
//!
//! [`listen`] runs an encoder and brings its states and [`CtcPosteriors`] to the host. Those are read in three ways:
//!
//! - the most probable labels, one a frame: [`best_path`]; and the most probable labellings over all their paths:
//!   [`prefix_beams`];
//! - which of many given phrases the sound supports: a [`PhraseList`] of up to 100,000 names and words becomes a
//!   [`PrefixTree`], along which a [`PhraseSearch`] looks for all of them at once;
//! - whether a given text was said, and when: a language model gives text without times and may write what nobody
//!   said, whereas the CTC head knows only the sound. [`forced`] lays the text onto the posteriors, a [`WordAligner`]
//!   reads times and support of its words from that, and [`Agreement`] says in one number how well the sound supports
//!   it.

mod agreement;
mod aligned;
pub mod best_path;
pub mod edit;
pub mod forced;
mod heard_text;
mod heard_tokens;
mod label_tokenizer;
#[cfg(test)]
pub(crate) mod made_up;
mod output;
mod phrase_boost;
mod phrase_search;
mod phrases;
mod posteriors;
pub mod prefix_beams;
mod prefix_scores;
mod prefix_tree;
mod spelling;
mod support;
mod word_edits;
mod words;

pub use agreement::{Agreement, SUSPECT};
pub use aligned::{Aligned, SkippedSpeech, Word};
pub use heard_text::HeardText;
pub use heard_tokens::HeardTokens;
pub use label_tokenizer::label_tokenizer;
pub use output::{EncoderOutput, ReadBackError, encode, listen, read_back};
pub use phrase_boost::{Boosted, PhraseBoost};
pub use phrase_search::{FoundPhrase, PhraseSearch};
pub use phrases::{MAX_PHRASE_CHARS, MAX_PHRASES, PhraseError, PhraseList};
pub use posteriors::CtcPosteriors;
pub use prefix_scores::{Prefix, PrefixScores, SpelledLabels};
pub use prefix_tree::PrefixTree;
pub use words::{Measure, WordAligner};
