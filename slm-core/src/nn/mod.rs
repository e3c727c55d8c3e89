//! What models share, whatever they are models of.
//!
//! [`PaddedBatch`] and [`PaddedIds`] are what goes in and out; [`matrix`] holds the large weights,
//! [`low_rank`] and `few_bits` what is put beside them, [`rotary`] a kind of
//! position, [`transformer`] the layers of T5 and of the adapter, [`weights`] the way from files into modules and back.
//! Attention is made by `attend`, over long sequences by [`blocks`]; what is done to single values by `host`, and a [`Watch`] ends work that takes long.

mod activation;
pub(crate) mod attend;
mod batch;
mod beside;
pub mod blocks;
pub(crate) mod few_bits;
pub(crate) mod host;
pub mod low_rank;
pub mod matrix;
mod panels;
mod product;
pub(crate) mod recomputed;
pub mod rotary;
pub(crate) mod shared_floats;
mod states;
pub mod transformer;
mod watch;
pub mod weights;

pub use activation::ActivationKind;
pub use batch::{MASKED, PaddedBatch, PaddedIds, keep_mask, key_bias};
pub use host::cross_entropy_sum;
pub use states::{CtcFrame, EncodedSpeech};
pub use watch::Watch;
