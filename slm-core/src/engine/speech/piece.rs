//! A piece of a recording that is to be answered.

use super::segment::Cut;
use super::votes::Votes;
use crate::engine::cache::EncoderCache;
use crate::engine::request::Request;
use crate::nn::Watch;
use crate::prompt::Task;

/// A piece of a recording, and what to do with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) cut: &'a Cut,
    pub(crate) task: &'a Task,
    pub(crate) language: Spoken<'a>,
}

/// How the language of a piece is known, where the request does not say it. Of use to a model that tells languages apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spoken<'a> {
    /// By what the pieces of the recording are heard in.
    Voted(&'a Votes),
    /// It was found before, and is this one.
    Found(&'a str),
}

/// What work on several pieces shares.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) request: &'a Request,
    pub(crate) watch: &'a Watch,
    pub(crate) cache: Option<&'a EncoderCache>,
}
