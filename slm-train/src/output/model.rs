//! The files of a model, taken along.

use std::fs;
use std::path::Path;

use anyhow::Context;
use slm_core::models::checkpoint::Checkpoint;

/// Copies the files that make `model` what it is, those of its base among them, into the folder `to`, and gives their
/// names.
///
/// # Errors
///
/// A file that cannot be read or written.
pub fn copy(model: &Checkpoint, to: &Path) -> anyhow::Result<Vec<String>> {
    let files = model.model_files()?;
    for file in &files {
        let (from, to) = (model.path_of(file), to.join(file));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy `{}`", from.display()))?;
    }
    Ok(files)
}
