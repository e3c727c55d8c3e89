//! The engine: what applications use. A [`Model`] is opened once and shared; a [`Session`] is one request at work.

mod answer;
mod backend;
mod cache;
mod cancel;
mod capabilities;
mod contents;
mod description;
mod error;
mod event;
mod examine;
mod memory;
mod model;
mod open;
mod queue;
mod recording;
mod request;
mod retrieve;
mod session;
pub(crate) mod speech;
mod warning;
mod worker;

pub use answer::{Alternative, Answer, Quiet, QuietKind, Segment, Source};
pub use backend::{Backend, BackendError};
pub use cancel::CancelToken;
pub use capabilities::{Capabilities, Limits};
pub use contents::ModelKind;
pub use description::{ModelDescription, PartDescription, WeightSummary};
pub use error::{Cause, Error, MemoryShortage};
pub use event::{Event, Failure, Progress};
pub use examine::{Check, Finding};
pub use memory::{MemoryBudget, MemoryEstimate};
pub use model::Model;
pub use open::{BackendAttempt, BackendChoice, BackendReport, OpenOptions};
pub use request::{Delivery, Request, Segmentation, TokenLimit, UnsupportedText};
pub use session::Session;
pub use warning::{AudioPart, Warning};
