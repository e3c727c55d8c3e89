//! Audio as it is decoded, by a thread of its own: what takes it need not wait for a pipe that is slow.

use std::io;
use std::panic;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use slm_core::audio::{AudioError, AudioStream, AudioWarning, ReadOptions};

use super::{Input, is_stdin};

/// Pieces that wait at most; the decoder waits where there are more.
const MAX_WAITING: usize = 4;

/// What comes of an input.
#[derive(Debug)]
pub(crate) enum Fed {
    /// It is open, and this many seconds will be read of it, as far as that is known.
    Open(Option<f64>),
    /// Something is odd about it.
    Warning(AudioWarning),
    /// The samples that follow.
    Samples(Vec<f32>),
    /// No more will come: it has ended, or cannot be read on.
    End(Result<(), AudioError>),
}

/// An input that is read.
#[derive(Debug)]
pub(crate) struct Feed {
    fed: Receiver<Fed>,
    /// The decoder, until it has ended.
    decoder: Option<JoinHandle<()>>,
}

/// Opens a file, or standard input for `-`.
pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<AudioStream, AudioError> {
    if is_stdin(path) {
        AudioStream::from_reader(io::stdin(), path, options)
    } else {
        AudioStream::open(path, options)
    }
}

impl Feed {
    /// Begins to read.
    pub(crate) fn of(input: &Input) -> Self {
        // A decoder that waits for a pipe cannot be stopped: it is left alone, and ends with the program.
        let (sender, fed) = sync_channel(MAX_WAITING);
        let input = input.clone();
        let decoder = thread::spawn(move || {
            let end = decode(&input, &sender);
            // Where nobody listens any more, nobody misses it.
            let _ = sender.send(Fed::End(end));
        });
        Self { fed, decoder: Some(decoder) }
    }

    /// What comes next; `None` where nothing came within `patience`. After the end there is only the end.
    ///
    /// # Panics
    ///
    /// Where the decoder did.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Fed> {
        match self.fed.recv_timeout(patience) {
            Ok(fed) => Some(fed),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                if let Some(Err(payload)) = self.decoder.take().map(JoinHandle::join) {
                    panic::resume_unwind(payload);
                }
                Some(Fed::End(Ok(())))
            }
        }
    }
}

/// Decodes an input to its end, or until nobody listens.
fn decode(input: &Input, sender: &SyncSender<Fed>) -> Result<(), AudioError> {
    let mut stream = open(&input.path, &input.options)?;
    let mut is_heard = sender.send(Fed::Open(stream.declared_seconds())).is_ok();
    while is_heard {
        let piece = stream.next_piece();
        is_heard = stream.take_warnings().into_iter().all(|one| sender.send(Fed::Warning(one)).is_ok());
        match piece? {
            Some(piece) => is_heard = is_heard && sender.send(Fed::Samples(piece)).is_ok(),
            None => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ReadingArgs;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_cannot_be_opened_is_its_end() {
        let input = Input::new(Path::new("/nonexistent/talk.wav"), &ReadingArgs::default());
        let mut feed = Feed::of(&input);
        assert!(matches!(feed.next(LONG), Some(Fed::End(Err(_)))));
        assert!(matches!(feed.next(LONG), Some(Fed::End(Ok(())))));
    }

    #[test]
    fn a_file_comes_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("talk.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        (0..80_000).for_each(|index| writer.write_sample((index % 100) as i16).unwrap());
        writer.finalize().unwrap();
        let reading = ReadingArgs { start: Some(1.0), ..ReadingArgs::default() };
        let mut feed = Feed::of(&Input::new(&path, &reading));
        let mut samples = 0;
        loop {
            match feed.next(LONG).unwrap() {
                Fed::Open(seconds) => assert!((seconds.unwrap() - 4.0).abs() < 1e-6, "{seconds:?}"),
                Fed::Samples(piece) => samples += piece.len(),
                Fed::Warning(warning) => panic!("{warning}"),
                Fed::End(end) => break end.unwrap(),
            }
        }
        assert_eq!(samples, 64_000);
    }
}
