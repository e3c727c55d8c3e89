//! What is known of an input before it is read, and what became of it.

use std::path::{Path, PathBuf};

use slm_core::Answer;

use super::failure::{FailedInput, Notice};

/// What is known of an input before it is read.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) path: PathBuf,
    /// The language of the answer; `und` where it is not known.
    pub(super) language: String,
}

/// An answer, and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    /// The input.
    pub(crate) path: &'a Path,
    /// The answer, or what there is of it.
    pub(crate) answer: &'a Answer,
    /// What is odd about it.
    pub(crate) notices: &'a [Notice],
    /// Why it is not whole, where it is not.
    pub(crate) failed: Option<&'a FailedInput>,
}

/// What became of an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing<'a> {
    /// The answer, or what there is of it.
    pub(crate) answer: Option<&'a Answer>,
    /// What is odd about it.
    pub(crate) notices: &'a [Notice],
    /// Why it is not whole, where it is not.
    pub(crate) failed: Option<&'a FailedInput>,
}
