//! What all decoders have in common.

use super::error::AudioWarning;
use super::problem::AudioProblem;

/// Decoded audio, about a second of it at most.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) channels: u16,
    pub(super) rate: u32,
    /// The samples of one frame after those of the other.
    pub(super) samples: Vec<f64>,
}

impl Block {
    /// Frames in it.
    pub(super) fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }
}

/// Gives the audio of a file, block by block.
pub(super) trait Decode: Send {
    /// Puts the next audio into `block`; `false` at the end. A block may be empty.
    fn next(&mut self, block: &mut Block) -> Result<bool, AudioProblem>;

    /// What was odd since the last call.
    fn take_warnings(&mut self) -> Vec<AudioWarning>;
}

/// A file that is ready to be decoded.
pub(super) struct Opened<'s> {
    pub(super) decoder: Box<dyn Decode + 's>,
    /// Name of the format.
    pub(super) format: &'static str,
    pub(super) channels: u16,
    pub(super) rate: u32,
    /// Duration of the whole file in seconds, where it is known.
    pub(super) seconds: Option<f64>,
    /// Whether that is known to be there, and not only announced.
    pub(super) sure: Sureness,
    /// Seconds at the start that the decoder leaves out.
    pub(super) skipped: u64,
}

/// How a duration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sureness {
    /// By the size of the file.
    Measured,
    /// By a header.
    Announced,
}

/// Whole seconds that can be left out before `start`: a second less, so that filters have settled by then.
pub(super) fn seconds_to_skip(start: f64) -> u64 {
    (start - 1.0).max(0.0).floor() as u64
}
