//! Where the bytes of an audio file come from: a file that can seek, or a pipe that cannot.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// A reader that can seek.
pub(super) trait ReadSeek: Read + Seek + Send + Sync {}

impl<R: Read + Seek + Send + Sync> ReadSeek for R {}

enum Inner<'s> {
    File(Box<dyn ReadSeek + 's>),
    Pipe(Box<dyn Read + Send + Sync + 's>),
}

impl Inner<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match self {
                Self::File(file) => file.read(buffer),
                Self::Pipe(pipe) => pipe.read(buffer),
            };
            match count {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                count => return count,
            }
        }
    }
}

/// Bytes in their order, with a look ahead, and with places where the reader can seek.
pub(super) struct Source<'s> {
    inner: Inner<'s>,
    /// Bytes of a file.
    len: Option<u64>,
    /// Bytes that were looked at and not taken yet.
    ahead: Vec<u8>,
    /// Place of the next byte.
    position: u64,
    /// A length to show to demuxers in place of the true one.
    announced: Option<u64>,
    /// Bytes to show in place of those of the file.
    patch: Option<Patch>,
    /// Where it ends, whatever follows.
    end: Option<u64>,
}

/// Bytes that stand in place of others.
#[derive(Clone, Copy)]
struct Patch {
    place: u64,
    bytes: [u8; 8],
}

impl<'s> Source<'s> {
    /// A reader that can seek, from its start.
    pub(super) fn file<R: ReadSeek + 's>(mut reader: R) -> io::Result<Self> {
        let len = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        Ok(Self::new(Inner::File(Box::new(reader)), Some(len)))
    }

    /// A reader that cannot.
    pub(super) fn pipe<R: Read + Send + Sync + 's>(reader: R) -> Self {
        Self::new(Inner::Pipe(Box::new(reader)), None)
    }

    fn new(inner: Inner<'s>, len: Option<u64>) -> Self {
        Self { inner, len, ahead: Vec::new(), position: 0, announced: None, patch: None, end: None }
    }

    /// The same bytes as of a pipe. Demuxers then leave alone what lies further on, which a cut file does not have.
    pub(super) fn forward_only(self) -> Self {
        let inner = match self.inner {
            Inner::File(file) => Inner::Pipe(Box::new(file)),
            pipe @ Inner::Pipe(_) => pipe,
        };
        Self { inner, len: None, ..self }
    }

    /// Shows this length to demuxers. One that believes that all is there reads until it meets the end, where one that
    /// knows better gives up at once.
    pub(super) fn announce(&mut self, len: u64) {
        self.announced = Some(len);
    }

    /// Hides what follows `end`, which is not before the present place.
    pub(super) fn end_at(&mut self, end: u64) {
        self.end = Some(end);
        self.len = self.len.map(|len| len.min(end));
    }

    /// Shows these bytes in place of those at `place` of a file.
    pub(super) fn replace(&mut self, place: u64, bytes: [u8; 8]) {
        self.patch = Some(Patch { place, bytes });
    }

    /// Bytes of a file, unknown for a pipe.
    pub(super) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Place of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes of a file from here on.
    pub(super) fn left(&self) -> Option<u64> {
        self.len.map(|len| len.saturating_sub(self.position))
    }

    /// The next `count` bytes without taking them; fewer at the end. `count` is a constant of ours.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let mut have = self.ahead.len();
        if have < count {
            self.ahead.resize(count, 0);
        }
        while have < count {
            match self.inner.read(self.ahead.get_mut(have..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(taken) => have += taken,
                Err(error) => {
                    self.ahead.truncate(have);
                    return Err(error);
                }
            }
        }
        self.ahead.truncate(have);
        Ok(self.ahead.get(..count).unwrap_or(&self.ahead))
    }

    /// Fills `buffer`, and says how much of it; less only at the end.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => break,
                taken => filled += taken,
            }
        }
        Ok(filled)
    }

    /// Takes `count` bytes away unread, and says how many there were.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<u64> {
        if let Some(left) = self.left() {
            let skipped = count.min(left);
            self.go_to(self.position.saturating_add(skipped))?;
            return Ok(skipped);
        }
        io::copy(&mut self.by_ref().take(count), &mut io::sink())
    }

    /// Goes to a place of a file.
    pub(super) fn go_to(&mut self, place: u64) -> io::Result<()> {
        match &mut self.inner {
            Inner::File(file) => {
                self.position = file.seek(SeekFrom::Start(place))?;
                self.ahead.clear();
                Ok(())
            }
            Inner::Pipe(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.end.map_or(buffer.len() as u64, |end| end.saturating_sub(self.position));
        let most = buffer.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..most];
        let count = if self.ahead.is_empty() {
            self.inner.read(buffer)?
        } else {
            let count = buffer.len().min(self.ahead.len());
            for (slot, byte) in buffer.iter_mut().zip(self.ahead.drain(..count)) {
                *slot = byte;
            }
            count
        };
        if let Some(patch) = self.patch {
            for (byte, place) in buffer.iter_mut().take(count).zip(self.position..) {
                let index = place.checked_sub(patch.place).and_then(|index| usize::try_from(index).ok());
                *byte = index.and_then(|index| patch.bytes.get(index)).copied().unwrap_or(*byte);
            }
        }
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match (to, self.byte_len()) {
            (SeekFrom::Start(place), _) => Some(place),
            (SeekFrom::End(by), Some(len)) => len.checked_add_signed(by),
            (SeekFrom::Current(by), _) => self.position.checked_add_signed(by),
            (SeekFrom::End(_), None) => None,
        };
        self.go_to(place.ok_or(io::ErrorKind::InvalidInput)?)?;
        Ok(self.position)
    }
}

impl MediaSource for Source<'_> {
    fn is_seekable(&self) -> bool {
        self.len.is_some()
    }

    fn byte_len(&self) -> Option<u64> {
        self.announced.or(self.len)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn each(check: impl Fn(Source<'_>)) {
        let bytes: Vec<u8> = (0..100).collect();
        check(Source::file(Cursor::new(bytes.clone())).unwrap());
        check(Source::pipe(bytes.as_slice()));
        check(Source::file(Cursor::new(bytes)).unwrap().forward_only());
    }

    #[test]
    fn looking_ahead_takes_nothing() {
        each(|mut source| {
            assert_eq!(source.peek(3).unwrap(), [0, 1, 2]);
            assert_eq!(source.peek(2).unwrap(), [0, 1]);
            let mut buffer = [0; 5];
            assert_eq!(source.fill(&mut buffer).unwrap(), 5);
            assert_eq!((buffer, source.position()), ([0, 1, 2, 3, 4], 5));
            assert_eq!(source.peek(200).unwrap().len(), 95);
            assert_eq!(source.skip(10).unwrap(), 10);
            assert_eq!(source.peek(1).unwrap(), [15]);
            assert_eq!(source.skip(1000).unwrap(), 85);
            assert_eq!(source.fill(&mut buffer).unwrap(), 0);
        });
    }

    #[test]
    fn bytes_can_be_replaced() {
        let mut source = Source::file(Cursor::new([7; 20])).unwrap();
        source.replace(5, [1; 8]);
        let mut buffer = [0; 20];
        for part in buffer.chunks_mut(6) {
            source.fill(part).unwrap();
        }
        assert_eq!(buffer, [7, 7, 7, 7, 7, 1, 1, 1, 1, 1, 1, 1, 1, 7, 7, 7, 7, 7, 7, 7]);
        source.go_to(12).unwrap();
        assert_eq!(source.fill(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(buffer[..2], [1, 7]);
    }

    #[test]
    fn what_follows_an_end_is_hidden() {
        let mut source = Source::file(Cursor::new([7; 20])).unwrap();
        source.end_at(5);
        assert_eq!((source.len(), source.left()), (Some(5), Some(5)));
        let mut buffer = [0; 20];
        assert_eq!(source.fill(&mut buffer).unwrap(), 5);
        source.go_to(2).unwrap();
        let mut source = source.forward_only();
        assert_eq!(source.fill(&mut buffer).unwrap(), 3);
    }

    #[test]
    fn only_files_seek() {
        let mut file = Source::file(Cursor::new([1, 2, 3])).unwrap();
        assert_eq!(file.peek(3).unwrap(), [1, 2, 3]);
        file.go_to(2).unwrap();
        assert_eq!(file.peek(3).unwrap(), [3]);
        assert_eq!(file.left(), Some(1));
        let mut pipe = Source::pipe([1, 2, 3].as_slice());
        assert!(pipe.go_to(2).is_err());
        assert!(pipe.seek(SeekFrom::End(0)).is_err());
    }
}
