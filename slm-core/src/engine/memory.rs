//! How much memory work may take, and what follows from it: the size of batches, and the longest audio at once.

use sysinfo::{MemoryRefreshKind, System};

/// Memory that the work on one request may take beside the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryBudget {
    /// Half of what the machine had free when the model was opened.
    #[default]
    Automatic,
    /// This many bytes.
    Bytes(u64),
}

/// What a model will take, before it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryEstimate {
    /// Bytes of the weights.
    pub weights: u64,
    /// Bytes of work on one segment of 30 s, on top of them.
    pub working: u64,
}

impl MemoryEstimate {
    /// Both.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.working)
    }
}

/// The share of the free memory that work may take: the rest is for other programs and for what an estimate misses.
const AUTOMATIC_SHARE: u64 = 2;
/// What is taken for free where the system does not tell it.
const UNKNOWN_FREE: u64 = 4 << 30;
/// Utterances of a batch at most: more gain nothing on any device that was measured.
pub(super) const MAX_BATCH: usize = 32;
/// Utterances of a batch at most on a processor, which more make no faster (an hour with the reference model took 47 s of
/// two cores in batches of 32 and 54 s in batches of 6), and which take the more memory: 223 MB against 122 with 4.
pub(super) const MAX_CPU_BATCH: usize = 4;

impl MemoryBudget {
    /// The bytes that work may take, beside weights that are loaded already.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Automatic => free_memory() / AUTOMATIC_SHARE,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Bytes that a program can take without pushing others out; within the limit of its control group, where it has one.
pub(super) fn free_memory() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let of_machine = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    let of_group = system.cgroup_limits().map(|limits| limits.free_memory).filter(|bytes| *bytes > 0);
    match (of_machine, of_group) {
        (Some(machine), Some(group)) => machine.min(group),
        (one, other) => one.or(other).unwrap_or(UNKNOWN_FREE),
    }
}

/// The largest count from 1 to `most` whose `bytes` fit into `budget`; 1 where none does.
pub(super) fn largest_count(most: usize, budget: u64, bytes: impl Fn(usize) -> u64) -> usize {
    let (mut fits, mut over) = (1, most + 1);
    while fits + 1 < over {
        let middle = fits + (over - fits) / 2;
        if bytes(middle) <= budget { fits = middle } else { over = middle }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_count_that_fits_is_found() {
        let bytes = |count: usize| 10 * count as u64;
        assert_eq!(largest_count(32, 99, bytes), 9);
        assert_eq!(largest_count(32, 100, bytes), 10);
        assert_eq!(largest_count(32, 10_000, bytes), 32);
        assert_eq!(largest_count(32, 1, bytes), 1);
    }

    #[test]
    fn a_machine_has_free_memory() {
        assert!(free_memory() > 1 << 20);
        assert_eq!(MemoryBudget::Bytes(5).bytes(), 5);
    }
}
