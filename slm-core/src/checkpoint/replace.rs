//! Writing a file so that no reader sees half of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes `content` to `path`, by a temporary name beside it and a rename. After a failure nothing is left under the
/// temporary name, and `path` is what it was before.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut scratch = path.as_os_str().to_owned();
    scratch.push(".tmp");
    let scratch = PathBuf::from(scratch);
    let written = fs::write(&scratch, content).and_then(|()| fs::rename(&scratch, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&scratch);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        replace(&path, b"1").unwrap();
        replace(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        // A folder with something in it cannot be replaced by a file.
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("x"), "x").unwrap();
        replace(&taken, b"3").unwrap_err();
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.json", "taken"]);
    }
}
