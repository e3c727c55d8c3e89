//! Speech features: from samples at 16 kHz to the frames a frozen encoder reads.
//!
//! [`FeatureExtractor`] is one of [`LogMel`] (NeMo's FastConformers), [`FilterBank`] (w2v-BERT 2.0), [`LasrMel`],
//! [`GraniteMel`], [`Granite5Mel`], [`WhisperMel`] and [`Waveform`] (wav2vec 2.0), as a `preprocessor_config.json` says.
//! Shape legend: `N` samples, `T` frames, `M` values of a frame.

mod config;
mod extractor;
mod filter_bank;
#[cfg(test)]
mod fixture;
mod granite5_mel;
mod granite_frames;
mod granite_mel;
mod lasr_mel;
mod log_mel;
mod mel_filters;
mod nemo;
mod normalise;
mod settings;
mod settings_file;
mod spectrum;
mod waveform;
mod whisper_mel;

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::checkpoint::nemo::NemoError;

pub use config::LogMelConfig;
pub use extractor::FeatureExtractor;
pub use filter_bank::{FilterBank, FilterBankConfig};
pub use granite_mel::{GraniteMel, GraniteMelConfig};
pub use granite5_mel::{Granite5Mel, Granite5MelConfig};
pub use lasr_mel::{LasrMel, LasrMelConfig};
pub use log_mel::LogMel;
pub use settings::FeatureSettings;
pub use waveform::{Waveform, WaveformConfig};
pub use whisper_mel::{WhisperMel, WhisperMelConfig, WindowFill};

/// Frames of one utterance, row-major `[T, M]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// The values, frame after frame: `frames * bins` of them, all finite when the samples were.
    pub values: Vec<f32>,
    /// Number of frames `T`; all of them hold audio, none is padding.
    pub frames: usize,
    /// Values `M` of a frame, such as its mel bins.
    pub bins: usize,
}

impl Features {
    /// The values of frame `index`, or `None` past the end.
    pub fn frame(&self, index: usize) -> Option<&[f32]> {
        let start = index.checked_mul(self.bins)?;
        self.values.get(start..start.checked_add(self.bins)?)
    }
}

/// One setting of a feature extractor that is outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Name of the field, as in `preprocessor_config.json`.
    pub field: &'static str,
    /// The value found.
    pub found: String,
    /// What is allowed.
    pub expected: String,
}

impl ConfigProblem {
    fn sampling_rate(found: u32) -> Self {
        Self { field: "sampling_rate", found: found.to_string(), expected: config::SAMPLING_RATE.to_string() }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, found, expected } = self;
        write!(f, "`{field}` is {found}, expected {expected}")
    }
}

/// Why feature settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// The settings file cannot be read.
    #[error("cannot load config `{}`: the file cannot be read", .path.display())]
    Io {
        /// The settings file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The settings file is larger than any such file should be.
    #[error("cannot load config `{}`: file has more than {limit} bytes", .path.display())]
    TooLarge {
        /// The settings file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The settings file is not JSON of the expected form.
    #[error("cannot load config `{}`: not valid feature settings", .path.display())]
    Json {
        /// The settings file.
        path: PathBuf,
        /// Position and reason.
        source: serde_json::Error,
    },
    /// Settings in a file are outside their ranges.
    #[error("cannot load config `{}`: {}", .path.display(), summary(.problems))]
    InvalidFile {
        /// The settings file.
        path: PathBuf,
        /// All problems found, at least one.
        problems: Vec<ConfigProblem>,
    },
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// Settings given in code are outside their ranges.
    #[error("invalid feature settings: {}", summary(.problems))]
    Invalid {
        /// All problems found, at least one.
        problems: Vec<ConfigProblem>,
    },
}

/// One problem on the line; several as a count and an indented line each.
fn summary(problems: &[ConfigProblem]) -> String {
    if let [only] = problems {
        return only.to_string();
    }
    let mut text = format!("{} invalid settings", problems.len());
    for problem in problems {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
    }
    text
}
