//! The corpus folder: names, whole files only, and what is left of an earlier run.

use std::fs;
use std::path::Path;

use hound::WavReader;
use slm_core::models::checkpoint::hash::sha256;

use super::{Line, SAMPLE_RATE, SynthError, Take};
use crate::data::wav;

/// To be raised when the same take starts to give other samples, so that old files are made anew.
const VERSION: u32 = 1;

/// Ending of a file that is being written.
const TEMPORARY: &str = ".wav.tmp";

/// Size of the header that hound writes for [`wav::SPEC`], in bytes.
const HEADER_BYTES: u64 = 44;

/// Writes 16 kHz mono samples as a 16-bit PCM WAV, under a temporary name first. Samples beyond -1 to 1 are clipped.
///
/// # Errors
///
/// [`SynthError::Write`] with the path; the temporary file is removed.
pub fn write_wav(path: &Path, samples: &[f32]) -> Result<(), SynthError> {
    wav::write(path, samples).map_err(|source| SynthError::Write { path: path.to_owned(), source })
}

/// Makes `folder` and removes the unfinished files in it.
pub(crate) fn prepare(folder: &Path) -> Result<(), SynthError> {
    let failed = |source| SynthError::Folder { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().ends_with(TEMPORARY) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// `000123-9f3a1c2e.wav`: the id, and a hash of all that decides the samples, so that a file of another text, seed or
/// voice set is never taken for this one.
pub(super) fn file_name(line: &Line, take: &Take) -> String {
    let hash = sha256(format!("{VERSION}\n{take:?}\n{}", line.text).as_bytes());
    format!("{:06}-{}.wav", line.id, &hash[..8])
}

/// Length in seconds of a whole WAV file of ours; `None` when it is missing, damaged or cut.
pub(crate) fn intact_duration(path: &Path) -> Option<f64> {
    let reader = WavReader::open(path).ok()?;
    let samples = reader.duration();
    let bytes = fs::metadata(path).ok()?.len();
    let is_whole = bytes == HEADER_BYTES + 2 * u64::from(samples);
    (reader.spec() == wav::SPEC && samples > 0 && is_whole)
        .then(|| f64::from(samples) / f64::from(SAMPLE_RATE))
}
