//! What is done once before a training: a frozen encoder hears all of its data.

/// What it takes to put all utterances to a frozen encoder once and to keep what it gives, by what a few of them took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encoding {
    /// Seconds of all sound.
    pub sound_seconds: f64,
    /// Seconds that it takes.
    pub seconds: f64,
    /// Bytes on the disk.
    pub bytes: u64,
}
