//! What is asked of a model.

use crate::decode::DecodeConfig;
use crate::prompt::{Phrases, Task};

/// A task, and how to generate its answer. [`Model::request`](crate::Model::request) makes one with the model's own
/// settings.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// What to do.
    pub task: Task,
    /// How to choose tokens; without a `vocab_limit`, the tokenizer's ids are the limit.
    pub decode: DecodeConfig,
    /// How long an answer may become.
    pub token_limit: TokenLimit,
    /// Texts at which an answer ends; they are not part of it. Empty ones do not count.
    pub stop: Vec<String>,
    /// Phrases that may be said.
    pub phrases: Option<Phrases>,
    /// When text is told.
    pub delivery: Delivery,
}

/// How many tokens an answer may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenLimit {
    /// As many as fast speech has in the time of the segment, where the answer is as long as the speech (transcripts and
    /// translations); else what `decode.max_new_tokens` says.
    #[default]
    FollowsDuration,
    /// At most this many, for each segment.
    AtMost(usize),
}

/// When a session tells text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// When a segment is done. Several segments may go through the model together.
    #[default]
    Segments,
    /// As soon as a piece of text can no longer change. Segments go through the model one by one, and phrases are not
    /// put into text that was told.
    Text,
}

impl Request {
    /// The task with greedy decoding.
    pub fn new(task: Task) -> Self {
        Self {
            task,
            decode: DecodeConfig::default(),
            token_limit: TokenLimit::default(),
            stop: Vec::new(),
            phrases: None,
            delivery: Delivery::default(),
        }
    }
}
