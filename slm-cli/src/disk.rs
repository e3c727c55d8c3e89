//! How much room a disk has.

use std::path::Path;

/// Bytes that are free on the disk of `folder`, which may not exist yet; `None` where the disk does not tell.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    let place = folder.ancestors().map(or_here).find(|place| place.exists())?;
    // The space for other users than root, which is what a program may fill.
    fs4::available_space(place).ok()
}

/// The last ancestor of a relative path is empty, and stands for the working folder.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_the_room_of_its_disk() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free(&dir.path().join("a/b")).is_some_and(|bytes| bytes > 0));
        assert!(free(Path::new("none")).is_some());
    }
}
