//! Whether the disk has room for what is about to be encoded.

use std::path::Path;

use anyhow::ensure;

/// Bytes of a state beside its values: the label and the blank's probability.
const FRAME: f64 = 8.0;
const MIB: f64 = 1024.0 * 1024.0;

/// Ends where so many states of `width` values need more than is free in the folder `dir`. A disk that does not tell is
/// taken for one with room: writing then tells.
///
/// # Errors
///
/// A disk with too little room.
pub(super) fn check(dir: &Path, states: usize, width: usize) -> anyhow::Result<()> {
    let needed = states as f64 * (2.0 * width as f64 + FRAME);
    let Ok(free) = fs4::available_space(dir) else { return Ok(()) };
    ensure!(
        needed <= free as f64,
        "no room for the encoder's outputs: {:.0} MiB are needed in `{}`, {:.0} MiB are free",
        needed / MIB,
        dir.display(),
        free as f64 / MIB
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_that_no_disk_holds_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        check(dir.path(), 25, 128).unwrap();
        let error = check(dir.path(), 1 << 50, 1024).unwrap_err().to_string();
        assert!(error.contains("MiB are needed in"), "{error}");
    }
}
