//! Whether a file is all there.
//!
//! symphonia takes most files that were cut for complete: what is whole of them is all that it sees. So the bytes are
//! followed on their way to it, and when they end, what they were in the middle of tells. It is the same for a file and
//! for a pipe.

mod flac;
mod frames;
mod matroska;
mod ogg;
mod units;

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use symphonia::core::io::MediaSource;

use super::super::sniff::Container;
use super::super::source::Source;
use units::Units;

/// Follows the structure of a file, byte by byte.
trait Follow: Send {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]);

    /// Goes over bytes unread; `false` if that leaves the place in the structure unknown.
    fn pass(&mut self, count: u64) -> bool;

    /// Forgets all of the file: the next bytes come from anywhere in it, this many bytes after its start.
    fn restart(&mut self, place: u64);

    /// Whether more should follow.
    fn is_open(&self) -> bool;

    /// Where another file begins behind the first one, where its kind is followed so far.
    fn second(&self) -> Option<u64> {
        None
    }
}

/// A follower for files of this kind. Of the others a header tells how long they are.
fn follower(container: Container) -> Option<Box<dyn Follow>> {
    match container {
        Container::Ogg => Some(Box::new(Units::new(ogg::Pages::default()))),
        Container::Matroska => Some(Box::new(Units::new(matroska::Elements::default()))),
        Container::Mp3 | Container::Adts | Container::Unknown(_) => {
            Some(Box::new(Units::new(frames::Frames)))
        }
        Container::Flac => Some(Box::new(flac::Frames::default())),
        Container::Aiff | Container::Caf | Container::Mp4 => None,
    }
}

/// How far a file was followed.
struct Walk {
    follower: Box<dyn Follow>,
    /// Place of the next byte.
    place: u64,
    has_ended: bool,
}

impl Walk {
    fn read(&mut self, place: u64, bytes: &[u8]) {
        let is_known = match place.checked_sub(self.place) {
            Some(0) => true,
            Some(gap) => self.follower.pass(gap),
            None => false,
        };
        if !is_known {
            self.follower.restart(place);
        }
        self.follower.take(bytes);
        self.place = place.saturating_add(bytes.len() as u64);
        self.has_ended = bytes.is_empty();
    }
}

/// Tells whether a file that has been read was cut.
#[derive(Clone)]
pub(super) struct Witness(Arc<Mutex<Walk>>);

impl Witness {
    /// Whether the file has ended in the middle of something.
    pub(super) fn is_cut(&self) -> bool {
        self.0.lock().is_ok_and(|walk| walk.has_ended && walk.follower.is_open())
    }
}

impl Witness {
    /// Bytes of another file behind the first one, as far as they were read.
    pub(super) fn behind(&self) -> u64 {
        let place = self.0.lock().ok().and_then(|walk| walk.place.checked_sub(walk.follower.second()?));
        place.unwrap_or(0)
    }
}

/// A source whose bytes are followed.
pub(super) struct Watched<'s> {
    source: Source<'s>,
    witness: Option<Witness>,
}

impl<'s> Watched<'s> {
    /// From the place where the source is, which is its start.
    pub(super) fn new(source: Source<'s>, container: Container) -> Self {
        let walk = |follower| Walk { follower, place: 0, has_ended: false };
        let witness = follower(container).map(|follower| Witness(Arc::new(Mutex::new(walk(follower)))));
        Self { source, witness }
    }

    /// Who tells of the end.
    pub(super) fn witness(&self) -> Option<Witness> {
        self.witness.clone()
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A seek may have gone beyond the end.
        let place = self.source.position().min(self.source.len().unwrap_or(u64::MAX));
        let count = self.source.read(buffer)?;
        if let Some(Witness(walk)) = self.witness.as_ref().filter(|_| !buffer.is_empty())
            && let Ok(mut walk) = walk.lock()
        {
            walk.read(place, buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

impl MediaSource for Watched<'_> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.source.byte_len()
    }
}

#[cfg(test)]
mod tests;
