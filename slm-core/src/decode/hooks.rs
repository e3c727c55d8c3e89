//! What a caller may see, stop or change while text is generated.

use std::fmt;
use std::ops::ControlFlow;

use super::error::DecodeError;
use super::processors::StepProcessor;
use crate::nn::Watch;

/// Ids of a row that no later step can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled<'a> {
    /// The row of the batch.
    pub row: usize,
    /// All settled ids so far, without start and end token. With beams: what all live beams agree on.
    pub ids: &'a [u32],
    /// Whether nothing follows.
    pub is_last: bool,
}

/// Whether a text of these ids is complete.
pub type Stops<'a> = &'a dyn Fn(&[u32]) -> bool;

/// Told of settled ids.
pub type OnSettled<'a> = &'a mut dyn FnMut(Settled<'_>) -> ControlFlow<()>;

/// What is called while text is generated; every field may be left out.
#[derive(Default)]
pub struct Hooks<'a> {
    /// Whether a text of these ids is complete, as after a stop string.
    pub stops: Option<Stops<'a>>,
    /// Called when ids are settled; `Break` ends the row with [`Finish::Cancelled`](super::Finish::Cancelled). Where
    /// several samples of a row are drawn, it is called once a row, with the best of them, when all are finished.
    pub on_settled: Option<OnSettled<'a>>,
    /// The ids of what the text of each row of the batch follows, which processors count as part of it, as transformers
    /// does for decoder-only models; empty where none are known, as where a prompt is embeddings alone.
    pub prompts: &'a [Vec<u32>],
    /// What changes the logits, after the processors that the configuration asks for.
    pub processors: &'a [&'a dyn StepProcessor],
    /// Once it stops, generation ends before the next step with [`DecodeError::Cancelled`].
    pub watch: Watch,
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("stops", &self.stops.is_some())
            .field("on_settled", &self.on_settled.is_some())
            .field("prompts", &self.prompts.len())
            .field("processors", &self.processors.len())
            .field("watch", &self.watch)
            .finish()
    }
}

impl Hooks<'_> {
    /// Whether a text of these ids is complete.
    pub(super) fn is_complete(&self, ids: &[u32]) -> bool {
        self.stops.is_some_and(|stops| stops(ids))
    }

    /// Tells of settled ids; whether the row goes on.
    pub(super) fn settle(&mut self, row: usize, ids: &[u32], is_last: bool) -> bool {
        match &mut self.on_settled {
            Some(tell) => tell(Settled { row, ids, is_last }).is_continue(),
            None => true,
        }
    }

    /// An error where the work shall end.
    pub(super) fn check_watch(&self) -> Result<(), DecodeError> {
        if self.watch.is_stopped() { Err(DecodeError::Cancelled) } else { Ok(()) }
    }
}
