//! What a caller asks of a file: a channel, a part of its time, a format where it has no header.

use super::raw::RawFormat;

/// How a file is to be read.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// What becomes of several channels.
    pub channel: Channel,
    /// Where to begin, in seconds.
    pub start: f64,
    /// How much to take at most, in seconds; `None` takes all.
    pub duration: Option<f64>,
    /// The format of samples without a header; `None` tells the format by the content.
    pub raw: Option<RawFormat>,
}

/// What becomes of several channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// Their mean. Channels without sound are left out, and of channels that cancel out the louder one is taken.
    #[default]
    Mix,
    /// This one alone, counted from 1.
    Only(u16),
}
