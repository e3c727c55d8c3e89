//! Whether a disk has room for what is about to come.

use std::fs;
use std::path::Path;

use super::FetchError;
use super::listing::RemoteFile;
use crate::disk;

/// Compares what is still lacking of `files` with what is free on the disk of `folder`, which may not exist yet.
///
/// A file that a `.part` was begun of, or that is there, needs the rest of its bytes alone. A disk that does not tell
/// is taken for one with room: writing then tells.
///
/// # Errors
///
/// [`FetchError::Space`] where they do not fit.
pub(crate) fn check(files: &[RemoteFile], folder: &Path) -> Result<(), FetchError> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let needed = files.iter().fold(0_u64, |needed, file| {
        let path = folder.join(&file.path);
        let here = length(&path).max(length(&super::download::part_of(&path)));
        needed.saturating_add(file.size.saturating_sub(here))
    });
    let Some(free) = disk::free(folder) else { return Ok(()) };
    if needed > free {
        return Err(FetchError::Space { path: folder.into(), needed, free });
    }
    Ok(())
}
