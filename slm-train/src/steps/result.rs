//! The last step of a stage: writing what was trained.

use std::path::Path;

use crate::output::folder;
use crate::stopped::Stopped;
use crate::training::{LoopConfig, Purpose, checkpoint};

/// Whether a result can be written to the folder `out`; not asked where none will be.
///
/// # Errors
///
/// As [`folder::check`].
pub(super) fn check(out: &Path, train: &LoopConfig) -> anyhow::Result<()> {
    match train.purpose {
        Purpose::Train | Purpose::Finish => folder::check(out),
        Purpose::DryRun => Ok(()),
    }
}

/// Lets `fill` write the result of the finished run in `run` into the folder `out`, whose files appear when all of
/// them are whole.
///
/// # Errors
///
/// As [`Stopped`], with the checkpoint from which the same command writes the result again.
pub(super) fn write(
    run: &Path,
    out: &Path,
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    folder::write(out, fill).map_err(|error| {
        let newest = checkpoint::list(run).ok().and_then(|mut all| all.pop());
        let kept = newest.map_or_else(|| run.to_owned(), |(_, dir)| dir);
        let text = format!(
            "the result could not be written to `{}`; the training is complete and kept in `{}`, and the same \
             command writes it from there",
            out.display(),
            kept.display()
        );
        Stopped::because(error, text)
    })
}
