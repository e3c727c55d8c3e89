//! The corpus folder: names, whole files only, and what is left of an earlier run.

use std::fs;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use slm_core::models::checkpoint::hash::sha256;

use super::{Line, SAMPLE_RATE, SynthError, Take};

/// To be raised when the same take starts to give other samples, so that old files are made anew.
const VERSION: u32 = 1;

/// Ending of a file that is being written.
const TEMPORARY: &str = ".wav.tmp";

const SPEC: WavSpec =
    WavSpec { channels: 1, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// Size of the header that hound writes for [`SPEC`], in bytes.
const HEADER_BYTES: u64 = 44;

/// Writes 16 kHz mono samples as a 16-bit PCM WAV, under a temporary name first. Samples beyond -1 to 1 are clipped.
///
/// # Errors
///
/// [`SynthError::Write`] with the path; the temporary file is removed.
pub fn write_wav(path: &Path, samples: &[f32]) -> Result<(), SynthError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    encode(&temporary, samples)
        .and_then(|()| fs::rename(&temporary, path).map_err(hound::Error::IoError))
        .map_err(|source| {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
            SynthError::Write { path: path.to_owned(), source }
        })
}

fn encode(path: &Path, samples: &[f32]) -> Result<(), hound::Error> {
    let mut writer = WavWriter::create(path, SPEC)?;
    for sample in samples {
        let scaled = sample.clamp(-1.0, 1.0) * f32::from(i16::MAX);
        writer.write_sample(scaled.round() as i16)?;
    }
    writer.finalize()
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
    (reader.spec() == SPEC && samples > 0 && is_whole).then(|| f64::from(samples) / f64::from(SAMPLE_RATE))
}
