//! WAV files of our own.

use std::fs;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};
use slm_core::audio::SAMPLE_RATE;

/// What all of them are: 16 kHz, mono, 16 bits.
pub(crate) const SPEC: WavSpec =
    WavSpec { channels: 1, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// Writes samples, under a temporary name first, which ends in `.tmp`. Samples beyond -1 to 1 are clipped.
///
/// # Errors
///
/// What the system said; the temporary file is removed.
pub(crate) fn write(path: &Path, samples: &[f32]) -> Result<(), hound::Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    encode(&temporary, samples)
        .and_then(|()| fs::rename(&temporary, path).map_err(hound::Error::IoError))
        .inspect_err(|_| {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
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
