//! Checkpoints that survive a kill: a folder is complete or it is not there.
//!
//! A checkpoint is written under a temporary name, synced, and renamed; the rename is the commit. It
//! holds the module and the optimizer as Burn records, which keep parameter ids, `state.json` with the
//! position in the data, and `MANIFEST.json` with sizes and hashes, written last and verified on resume.
//! The newest folder that verifies wins; older ones are removed only after the new one is in place.
//!
//! The best checkpoints lie beside them in `best`, without the optimizer: no run goes on from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use burn::optim::ModuleOptimizer;
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use slm_core::models::checkpoint::hash::sha256_file;

use super::Metrics;
use super::judge::Ranking;

/// The folder of the best checkpoints in that of a run.
const BEST: &str = "best";
const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const STATE: &str = "state.json";
const MANIFEST: &str = "MANIFEST.json";

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps made.
    pub step: u64,
    /// The epoch of the next batch.
    pub epoch: u64,
    /// The next batch of the epoch.
    pub batch: usize,
    /// The job's fingerprint.
    pub fingerprint: String,
    /// The last evaluation.
    pub metrics: Metrics,
    /// Whether the evaluation of this step failed or was left out for a stop, so that it is still to be made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owes_evaluation: bool,
    /// The best checkpoints.
    #[serde(default)]
    pub ranking: Ranking,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct FileRecord {
    bytes: u64,
    sha256: String,
}

/// Writes a checkpoint of `state.step` into `run` and removes all but the newest `keep`.
///
/// # Errors
///
/// `cannot save checkpoint` with its path and the reason; earlier checkpoints are untouched.
pub fn save<M: Module>(
    run: &Path,
    model: &M,
    optimizer: &ModuleOptimizer,
    state: &State,
    keep: usize,
) -> anyhow::Result<()> {
    let name = name(state.step);
    write(run, &name, model, Some(optimizer), state)
        .with_context(|| format!("cannot save checkpoint `{}`", run.join(&name).display()))?;
    for (_, dir) in list(run)?.into_iter().rev().skip(keep) {
        // Only after the new one verified, so that the last sound one is never the one removed.
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove `{}`", dir.display()))?;
    }
    remove_former_best(run)
}

/// Removes of the best those that no checkpoint of the run names any more: what a run may be resumed from stays whole.
fn remove_former_best(run: &Path) -> anyhow::Result<()> {
    let best = run.join(BEST);
    if !best.is_dir() {
        return Ok(());
    }
    let mut named = BTreeSet::new();
    let mut newest = 0;
    for (step, dir) in list(run)? {
        // One that cannot be read is not resumed from.
        let state =
            fs::read(dir.join(STATE)).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        named.extend(state.iter().flat_map(|state| &state.ranking.best).map(|ranked| ranked.step));
        newest = step;
    }
    for (step, dir) in list(&best)? {
        // A run that was killed and went on makes later ones again.
        if step <= newest && !named.contains(&step) {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot remove `{}`", dir.display()))?;
        }
    }
    Ok(())
}

/// Writes the weights of `state.step` as one of the best. Those that are no longer go with the next checkpoint.
///
/// # Errors
///
/// As [`save`].
pub fn save_best<M: Module>(run: &Path, model: &M, state: &State) -> anyhow::Result<()> {
    let best = run.join(BEST);
    fs::create_dir_all(&best).with_context(|| format!("cannot create `{}`", best.display()))?;
    let name = name(state.step);
    write(&best, &name, model, None, state)
        .with_context(|| format!("cannot save checkpoint `{}`", best.join(&name).display()))?;
    Ok(())
}

/// The folder of a step's checkpoint among the best.
pub fn best_dir(run: &Path, step: u64) -> PathBuf {
    run.join(BEST).join(name(step))
}

/// The module as the checkpoint in `dir` has it.
///
/// # Errors
///
/// A checkpoint that is damaged or does not fit.
pub fn load_model<M: Module>(dir: &Path, model: M) -> anyhow::Result<M> {
    verify(dir)?;
    model.try_load_file(dir.join(MODEL)).map_err(|error| anyhow::anyhow!("{error}"))
}

/// The folder of a step's checkpoint.
fn name(step: u64) -> String {
    format!("step-{step:08}")
}

fn write<M: Module>(
    run: &Path,
    name: &str,
    model: &M,
    optimizer: Option<&ModuleOptimizer>,
    state: &State,
) -> anyhow::Result<()> {
    let scratch = run.join(format!("{name}.tmp"));
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir(&scratch)?;
    // `valid` takes the running statistics of batch norms up to the last step; a plain clone lags by one.
    model.valid().save_file(scratch.join(MODEL)).map_err(|error| anyhow::anyhow!("{error}"))?;
    if let Some(optimizer) = optimizer {
        optimizer.save(scratch.join(OPTIMIZER)).map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    fs::write(scratch.join(STATE), serde_json::to_vec_pretty(state)?)?;
    let mut names = vec![MODEL, STATE];
    names.extend(optimizer.map(|_| OPTIMIZER));
    let files = names
        .iter()
        .copied()
        .map(|name| Ok((name.to_owned(), record(&scratch.join(name))?)))
        .collect::<anyhow::Result<BTreeMap<String, FileRecord>>>()?;
    fs::write(scratch.join(MANIFEST), serde_json::to_vec_pretty(&files)?)?;
    for name in names.into_iter().chain([MANIFEST]) {
        // Opened for writing: Windows syncs no handle that only reads.
        OpenOptions::new().write(true).open(scratch.join(name))?.sync_all()?;
    }
    sync_folder(&scratch)?;
    let target = run.join(name);
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::rename(&scratch, &target)?;
    sync_folder(run)?;
    verify(&target)
}

/// Makes the names in a folder durable; Windows has no such call and needs none.
fn sync_folder(dir: &Path) -> anyhow::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn record(path: &Path) -> anyhow::Result<FileRecord> {
    Ok(FileRecord { bytes: fs::metadata(path)?.len(), sha256: sha256_file(path)? })
}

fn verify(dir: &Path) -> anyhow::Result<()> {
    let files: BTreeMap<String, FileRecord> = serde_json::from_slice(&fs::read(dir.join(MANIFEST))?)?;
    for (name, expected) in files {
        let found = record(&dir.join(&name))?;
        if found != expected {
            bail!(
                "`{name}` has {} bytes, sha256 {}; expected {} bytes, sha256 {}",
                found.bytes,
                found.sha256,
                expected.bytes,
                expected.sha256
            );
        }
    }
    Ok(())
}

/// Complete checkpoints of `run` by step, oldest first.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn list(run: &Path) -> anyhow::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(run).with_context(|| format!("cannot read `{}`", run.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(step) = name.strip_prefix("step-").and_then(|step| step.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found)
}

/// What was resumed.
pub struct Resumed<M> {
    /// The module as it was.
    pub model: M,
    /// The optimizer as it was.
    pub optimizer: ModuleOptimizer,
    /// Where the run stood.
    pub state: State,
}

/// Takes up the newest checkpoint of `run` that verifies, or gives `model` and `optimizer` back.
///
/// Half-written folders of a killed process are removed; each checkpoint that is skipped is told to `warn`.
///
/// # Errors
///
/// When the newest sound checkpoint belongs to another `fingerprint`, or does not fit the module.
pub fn resume<M: Module>(
    run: &Path,
    model: M,
    optimizer: ModuleOptimizer,
    fingerprint: &str,
    warn: &mut dyn FnMut(String),
) -> anyhow::Result<Resumed<M>> {
    for entry in fs::read_dir(run).with_context(|| format!("cannot read `{}`", run.display()))? {
        let path = entry?.path();
        let is_scratch = path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("step-") && name.ends_with(".tmp")
        });
        if is_scratch {
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    for (_, dir) in list(run)?.into_iter().rev() {
        if let Err(error) = verify(&dir) {
            warn(format!("warning: `{}` is skipped: {error}", dir.display()));
            // Out of the count of checkpoints to keep, or it would push a sound one out.
            fs::rename(&dir, dir.with_extension("bad"))
                .with_context(|| format!("cannot rename `{}`", dir.display()))?;
            continue;
        }
        let fail = || format!("cannot resume from `{}`", dir.display());
        let state = fs::read(dir.join(STATE)).with_context(fail)?;
        let state: State = serde_json::from_slice(&state).with_context(fail)?;
        if state.fingerprint != fingerprint {
            bail!(
                "cannot resume from `{}`: it was made with other data, parts or shapes ({}, now {fingerprint})",
                dir.display(),
                state.fingerprint
            );
        }
        let model = model
            .try_load_file(dir.join(MODEL))
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(fail)?;
        let optimizer = optimizer
            .load(dir.join(OPTIMIZER))
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(fail)?;
        return Ok(Resumed { model, optimizer, state });
    }
    let state = State { fingerprint: fingerprint.to_owned(), ..State::default() };
    Ok(Resumed { model, optimizer, state })
}
