//! Sound files that a user names by their folder: noise, music, impulse responses.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use slm_core::audio::{AudioStream, ReadOptions, SAMPLE_RATE};

/// The files below a folder, in the order of their names.
///
/// # Errors
///
/// A folder that cannot be read, or without a file.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read `{}`", folder.display()))?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type().is_file() && !is_hidden {
            files.push(entry.into_path());
        }
    }
    ensure!(!files.is_empty(), "`{}` has no file", folder.display());
    Ok(files)
}

/// One of several.
pub(super) fn pick<'a, T>(items: &'a [T], rng: &mut ChaCha8Rng) -> &'a T {
    &items[rng.random_range(0..items.len() as u64) as usize]
}

/// `count` samples of a file, from a place that is drawn; a file that is shorter is repeated.
///
/// # Errors
///
/// A file that cannot be read, or without a sample.
pub(super) fn cut(path: &Path, count: usize, rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let seconds = count as f64 / f64::from(SAMPLE_RATE);
    let place: f64 = rng.random();
    let all = AudioStream::open(path, &ReadOptions::default())?.declared_seconds();
    let start = place * all.map_or(0.0, |all| (all - seconds).max(0.0));
    let mut found = read(path, start, Some(seconds))?;
    if found.is_empty() && start > 0.0 {
        // Its header promises more than it has.
        found = read(path, 0.0, Some(seconds))?;
    }
    ensure!(!found.is_empty(), "`{}` has no sample", path.display());
    let len = found.len();
    found = found.into_iter().cycle().take(count.max(len)).collect();
    found.truncate(count);
    Ok(found)
}

/// The samples of a file from `start` on.
///
/// # Errors
///
/// A file that cannot be read.
pub(super) fn read(path: &Path, start: f64, seconds: Option<f64>) -> anyhow::Result<Vec<f32>> {
    let mut options = ReadOptions::default();
    (options.start, options.duration) = (start, seconds);
    let mut stream = AudioStream::open(path, &options)?;
    let mut samples = Vec::new();
    while let Some(piece) = stream.next_piece()? {
        samples.extend(piece);
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::wav;
    use crate::random::rng_for;

    #[test]
    fn stretches_are_cut_anywhere_and_short_files_repeated() {
        let dir = tempfile::tempdir().unwrap();
        assert!(files(dir.path()).is_err());
        let ramp: Vec<f32> = (0..16_000).map(|n| n as f32 / 16_000.0).collect();
        wav::write(&dir.path().join("b.wav"), &ramp).unwrap();
        wav::write(&dir.path().join("a.wav"), &ramp[..1_000]).unwrap();
        let found = files(dir.path()).unwrap();
        assert_eq!(found, ["a.wav", "b.wav"].map(|name| dir.path().join(name)));

        let starts: Vec<f32> =
            (0..8).map(|n| cut(&found[1], 4_000, &mut rng_for(n, 0, 0)).unwrap()[0]).collect();
        assert!(starts.iter().all(|start| (0.0..=0.76).contains(start)), "{starts:?}");
        assert!(
            starts.iter().any(|start| *start > 0.3)
                && starts.windows(2).any(|two| (two[0] - two[1]).abs() > 0.01)
        );
        let repeated = cut(&found[0], 2_500, &mut rng_for(1, 0, 0)).unwrap();
        assert_eq!(repeated.len(), 2_500);
        assert!((repeated[1_700] - ramp[700]).abs() < 1e-4);
    }
}
