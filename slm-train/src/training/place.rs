//! Where a run stands.

/// Where a run stands in its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Steps made.
    pub(super) step: u64,
    /// The epoch of the next batch.
    pub(super) epoch: u64,
    /// The next batch of the epoch.
    pub(super) batch: usize,
}
