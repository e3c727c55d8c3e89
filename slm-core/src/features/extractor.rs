//! Any of the kinds of features.

use crate::checkpoint::Checkpoint;

use super::{
    FeatureError, FeatureSettings, Features, FilterBank, Granite5Mel, GraniteMel, LasrMel, LogMel, Waveform,
    WhisperMel,
};
use super::{filter_bank, granite_mel, granite5_mel, lasr_mel, whisper_mel};

/// Computes what an encoder reads from samples. Cheap to clone and shared between threads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FeatureExtractor {
    /// Log-mel frames of NeMo.
    LogMel(LogMel),
    /// Filter-bank frames of Kaldi, two by two.
    FilterBank(FilterBank),
    /// Log-mel frames of LASR.
    LasrMel(LasrMel),
    /// Log-mel frames of Granite Speech, two by two.
    GraniteMel(GraniteMel),
    /// Log-mel frames of Granite Speech 5, with their differences, two by two.
    Granite5Mel(Granite5Mel),
    /// Log-mel frames of Whisper.
    WhisperMel(WhisperMel),
    /// Normalised samples.
    Waveform(Waveform),
}

impl FeatureExtractor {
    /// Prepares the features that a speech encoder's checkpoint asks for.
    ///
    /// # Errors
    ///
    /// As [`FeatureSettings::from_checkpoint`].
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, FeatureError> {
        Self::new(FeatureSettings::from_checkpoint(checkpoint)?)
    }

    /// Prepares windows, filters and transforms.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Invalid`] with every setting that is outside its range.
    pub fn new(settings: FeatureSettings) -> Result<Self, FeatureError> {
        Ok(match settings {
            FeatureSettings::LogMel(config) => Self::LogMel(LogMel::new(config)?),
            FeatureSettings::FilterBank(config) => Self::FilterBank(FilterBank::new(config)),
            FeatureSettings::LasrMel(config) => Self::LasrMel(LasrMel::new(config)),
            FeatureSettings::GraniteMel(config) => Self::GraniteMel(GraniteMel::new(config)),
            FeatureSettings::Granite5Mel(config) => Self::Granite5Mel(Granite5Mel::new(config)),
            FeatureSettings::WhisperMel(config) => Self::WhisperMel(WhisperMel::new(config)),
            FeatureSettings::Waveform(config) => Self::Waveform(Waveform::new(config)),
        })
    }

    /// The settings.
    pub fn settings(&self) -> FeatureSettings {
        match self {
            Self::LogMel(log_mel) => FeatureSettings::LogMel(log_mel.config().clone()),
            Self::FilterBank(bank) => FeatureSettings::FilterBank(bank.config()),
            Self::LasrMel(mel) => FeatureSettings::LasrMel(mel.config()),
            Self::GraniteMel(mel) => FeatureSettings::GraniteMel(mel.config()),
            Self::Granite5Mel(mel) => FeatureSettings::Granite5Mel(mel.config()),
            Self::WhisperMel(mel) => FeatureSettings::WhisperMel(mel.config()),
            Self::Waveform(waveform) => FeatureSettings::Waveform(waveform.config()),
        }
    }

    /// Values `M` of a frame.
    pub fn width(&self) -> usize {
        match self {
            Self::LogMel(log_mel) => log_mel.bins(),
            Self::FilterBank(bank) => bank.config().num_mel_bins * bank.config().stride,
            Self::LasrMel(mel) => mel.config().feature_size,
            Self::GraniteMel(mel) => mel.config().width(),
            Self::Granite5Mel(mel) => mel.config().width(),
            Self::WhisperMel(mel) => mel.config().feature_size,
            Self::Waveform(_) => 1,
        }
    }

    /// Samples from the start of a frame to that of the next.
    pub fn hop(&self) -> usize {
        match self {
            Self::LogMel(log_mel) => log_mel.config().hop_length,
            Self::FilterBank(bank) => filter_bank::HOP * bank.config().stride,
            Self::LasrMel(_) => lasr_mel::HOP,
            Self::WhisperMel(_) => whisper_mel::HOP,
            Self::GraniteMel(_) => granite_mel::HOP,
            Self::Granite5Mel(_) => granite5_mel::HOP,
            Self::Waveform(_) => 1,
        }
    }

    /// Samples `[N]`, mono and at 16 kHz, to frames `[T, M]`, at least one.
    pub fn extract(&self, samples: &[f32]) -> Features {
        match self {
            Self::LogMel(log_mel) => log_mel.extract(samples),
            Self::FilterBank(bank) => bank.extract(samples),
            Self::LasrMel(mel) => mel.extract(samples),
            Self::GraniteMel(mel) => mel.extract(samples),
            Self::Granite5Mel(mel) => mel.extract(samples),
            Self::WhisperMel(mel) => mel.extract(samples),
            Self::Waveform(waveform) => waveform.extract(samples),
        }
    }
}
