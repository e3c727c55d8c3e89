//! Which batches an epoch has.

use super::Job;

/// The batches of a job: all of them, or a few examples again and again.
pub(super) struct Batches<'a, J> {
    job: &'a J,
    /// The examples that are learnt, where not all are.
    only: Option<usize>,
}

impl<'a, J: Job> Batches<'a, J> {
    pub(super) fn new(job: &'a J, only: Option<usize>) -> Self {
        Self { job, only }
    }

    /// The epoch of the job whose data `epoch` has.
    pub(super) fn data_epoch(&self, epoch: u64) -> u64 {
        if self.only.is_some() { 0 } else { epoch }
    }

    /// The batches of an epoch, in order.
    pub(super) fn of(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut batches = self.job.batches(self.data_epoch(epoch));
        if let Some(mut left) = self.only {
            for batch in &mut batches {
                batch.truncate(left);
                left -= batch.len();
            }
            batches.retain(|batch| !batch.is_empty());
        }
        batches
    }
}
