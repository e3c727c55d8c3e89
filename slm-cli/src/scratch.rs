//! Folders for files that are needed for a while. The system's own place for them may be read-only, or full.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// No place takes temporary files.
#[derive(Debug, thiserror::Error)]
#[error("cannot write temporary files to any of {}", tried(.places))]
pub(crate) struct ScratchError {
    places: Vec<PathBuf>,
    /// What was wrong with the first place.
    source: io::Error,
}

/// Makes a new folder that goes with the value, in the first place where `fill` can fill it.
pub(crate) fn dir(fill: impl Fn(&Path) -> io::Result<()>) -> Result<TempDir, ScratchError> {
    dir_in(places(), fill)
}

fn dir_in(places: Vec<PathBuf>, fill: impl Fn(&Path) -> io::Result<()>) -> Result<TempDir, ScratchError> {
    let mut first = None;
    for place in &places {
        let made = TempDir::with_prefix_in("slm-", place);
        match made.and_then(|dir| fill(dir.path()).map(|()| dir)) {
            Ok(dir) => return Ok(dir),
            // It was cancelled, which another place does not change.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(ScratchError { places: vec![place.clone()], source: error });
            }
            Err(error) => first = first.or(Some(error)),
        }
    }
    let source = first.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    Err(ScratchError { places, source })
}

/// The folder for temporary files, that of caches, and the current one.
fn places() -> Vec<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Caches"))
    } else {
        set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
    };
    [Some(env::temp_dir()), cache, env::current_dir().ok()].into_iter().flatten().collect()
}

fn tried(places: &[PathBuf]) -> String {
    let names: Vec<String> = places.iter().map(|place| format!("`{}`", place.display())).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_place_that_takes_files_is_taken() {
        let good = tempfile::tempdir().unwrap();
        let places = || vec!["/nonexistent/place".into(), good.path().to_owned()];
        let fill = |dir: &Path| fs::write(dir.join("file"), "text");
        let dir = dir_in(places(), fill).unwrap();
        assert!(dir.path().starts_with(good.path()) && dir.path().join("file").is_file());
        drop(dir);
        let error = dir_in(places(), |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot write temporary files to any of `/nonexistent/place`, `"), "{text}");
        assert_eq!(fs::read_dir(good.path()).unwrap().count(), 0, "something was left behind");
    }

    #[test]
    fn a_cancel_tries_no_other_place() {
        let places = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let tried = std::cell::Cell::new(0);
        let cancelled = |_: &Path| {
            tried.set(tried.get() + 1);
            Err(io::ErrorKind::Interrupted.into())
        };
        dir_in(places.iter().map(|dir| dir.path().to_owned()).collect(), cancelled).unwrap_err();
        assert_eq!(tried.get(), 1);
    }
}
