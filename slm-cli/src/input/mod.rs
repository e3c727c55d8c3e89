//! What the user names: files, patterns, folders, standard input, and channels of these.

mod error;
mod expand;
mod feed;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use slm_core::audio::limits::MAX_HOURS;
use slm_core::audio::{AudioError, AudioStream, AudioWarning, Channel, ReadOptions, SAMPLE_RATE};

pub(crate) use error::InputError;
pub(crate) use expand::expand;
pub(crate) use feed::{Fed, Feed};

use crate::args::{ChannelChoice, ReadingArgs};

/// Whether `path` stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// An input that has an answer of its own.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Where it is read from.
    pub(crate) path: PathBuf,
    /// What it is called in answers and messages.
    pub(crate) name: PathBuf,
    /// How it is read.
    pub(crate) options: ReadOptions,
}

impl Input {
    /// The input at `path`, by the channel that `reading` names.
    pub(crate) fn new(path: &Path, reading: &ReadingArgs) -> Self {
        Self { path: path.to_owned(), name: path.to_owned(), options: reading.options() }
    }

    /// The inputs at `path`: one, or one for each channel.
    pub(crate) fn at(path: &Path, reading: &ReadingArgs) -> Result<Vec<Self>, OpenError> {
        let input = Self::new(path, reading);
        if reading.channel != Some(ChannelChoice::Each) {
            return Ok(vec![input]);
        }
        // A pipe could be read once only.
        if is_stdin(path) || path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(InputError::ReadOnce { path: path.to_owned() }.into());
        }
        let channels = AudioStream::open(path, &input.options)?.channels();
        let one = |channel: u16| {
            let mut name = OsString::from(path);
            name.push(format!("#{channel}"));
            let mut one = Self { name: name.into(), ..input.clone() };
            one.options.channel = Channel::Only(channel);
            one
        };
        Ok((1..=channels).map(one).collect())
    }

    /// Reads all of it, as far as audio may last, for what is answered several times; adds to `warnings` what is odd.
    pub(crate) fn read(&self, warnings: &mut Vec<AudioWarning>) -> (Vec<f32>, Result<(), AudioError>) {
        let most = MAX_HOURS as usize * 3600 * SAMPLE_RATE as usize;
        let mut samples = Vec::new();
        let mut stream = match feed::open(&self.path, &self.options) {
            Ok(stream) => stream,
            Err(error) => return (samples, Err(error)),
        };
        let read = loop {
            let piece = stream.next_piece();
            warnings.append(&mut stream.take_warnings());
            match piece {
                Ok(Some(piece)) if samples.len() <= most => samples.extend_from_slice(&piece),
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        (samples, read)
    }
}

/// Why there is no input at a path.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// What was named is none.
    Input(InputError),
    /// It cannot be read.
    Audio(AudioError),
}

impl From<InputError> for OpenError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<AudioError> for OpenError {
    fn from(error: AudioError) -> Self {
        Self::Audio(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_has_no_channels_one_by_one() {
        let mut reading = ReadingArgs { channel: Some(ChannelChoice::Each), ..ReadingArgs::default() };
        let error = Input::at(Path::new("-"), &reading).unwrap_err();
        assert!(matches!(error, OpenError::Input(InputError::ReadOnce { .. })), "{error:?}");
        reading.channel = Some(ChannelChoice::One(2));
        let inputs = Input::at(Path::new("-"), &reading).unwrap();
        assert_eq!((inputs.len(), inputs[0].options.channel), (1, Channel::Only(2)));
        assert_eq!(inputs[0].name, Path::new("-"));
    }
}
