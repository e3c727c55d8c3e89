//! What a session tells while it works.

use super::answer::{Answer, Segment};
use super::error::Error;
use super::warning::Warning;

/// What happened in a [`Session`](crate::Session). `Finished` or `Failed` is the last one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// How far the work is.
    Progress(Progress),
    /// Text that can no longer change. All pieces in their order are the text of the answer.
    Text(String),
    /// A stretch of audio is answered.
    Segment(Box<Segment>),
    /// What a reader should know of the answer.
    Warning(Warning),
    /// All is answered.
    Finished(Box<Answer>),
    /// The work ended early.
    Failed(Box<Failure>),
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Seconds of audio that are answered or hold no speech.
    pub seconds_done: f64,
    /// Seconds of audio that the session was given so far.
    pub seconds_given: f64,
}

/// Why a session ended early, and what it had until then.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct Failure {
    /// Why.
    #[source]
    pub error: Error,
    /// What was finished before.
    pub partial: Box<Answer>,
}
