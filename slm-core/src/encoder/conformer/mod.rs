//! The Conformer, which all speech encoders here are made of: [`block`]s of [`feed_forward`], [`attention`] with one of
//! the kinds of [`positions`], and [`convolution`], or [`strided_block`]s, whose
//! [`wide_convolution`] may halve the rate. [`span`] is how far attention sees.
//!
//! Paper: Conformer, arXiv 2005.08100.

pub mod attention;
pub mod block;
pub mod convolution;
mod distances;
pub mod feed_forward;
pub mod positions;
pub mod span;
pub mod strided_block;
pub mod wide_convolution;
