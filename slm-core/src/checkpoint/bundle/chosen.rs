//! Which form of a part is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{BundleError, Part};
use crate::checkpoint::hash;

/// The place of the first form of `part` whose files are all there and have the hashes of that form. Every file is read
/// once, as long as `keep_going` says yes.
///
/// # Errors
///
/// [`BundleError`] naming the first file with another hash, or where no form is whole, the files that the one lacks that
/// is the nearest to it.
pub(super) fn choose(dir: &Path, part: &Part, keep_going: &dyn Fn() -> bool) -> Result<usize, BundleError> {
    let folder = dir.join(&part.path);
    let mut found = BTreeMap::new();
    let (mut absent, mut wrong): (Option<Vec<PathBuf>>, Option<BundleError>) = (None, None);
    for (index, files) in part.forms().enumerate() {
        let lacks: Vec<PathBuf> =
            files.keys().map(|name| folder.join(name)).filter(|file| !file.is_file()).collect();
        if !lacks.is_empty() {
            if absent.as_ref().is_none_or(|fewest| lacks.len() < fewest.len()) {
                absent = Some(lacks);
            }
            continue;
        }
        match difference(dir, part, files, &mut found, keep_going)? {
            None => return Ok(index),
            Some(error) => wrong = wrong.or(Some(error)),
        }
    }
    let missing = || BundleError::Missing {
        dir: dir.into(),
        files: absent.unwrap_or_default(),
        origin: part.source.clone(),
    };
    Err(wrong.unwrap_or_else(missing))
}

/// The first of `files` that has another hash. Hashes that were computed are kept in `found`.
fn difference<'a>(
    dir: &Path,
    part: &Part,
    files: &'a BTreeMap<String, String>,
    found: &mut BTreeMap<&'a str, String>,
    keep_going: &dyn Fn() -> bool,
) -> Result<Option<BundleError>, BundleError> {
    for (name, expected) in files {
        let file = dir.join(&part.path).join(name);
        if !found.contains_key(name.as_str()) {
            let hash = hash::sha256_file_watched(&file, keep_going)
                .map_err(|source| BundleError::Io { path: file.clone(), source })?
                .ok_or(BundleError::Cancelled)?;
            found.insert(name, hash);
        }
        if let Some(found) = found.get(name.as_str()).filter(|found| *found != expected) {
            let (expected, found) = (expected.clone(), found.clone());
            let origin = part.source.clone();
            return Ok(Some(BundleError::Hash { dir: dir.into(), file, expected, found, origin }));
        }
    }
    Ok(None)
}
