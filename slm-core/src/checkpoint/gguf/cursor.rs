//! Reading numbers and texts from a file, never more than it has.

use std::io::{self, Read};

use super::GgufProblem;
use super::error::MAX_HEADER_BYTES;

/// Why a header could not be read.
#[derive(Debug)]
pub(super) enum Failure {
    Io(io::Error),
    Problem(GgufProblem),
}

impl From<GgufProblem> for Failure {
    fn from(problem: GgufProblem) -> Self {
        Self::Problem(problem)
    }
}

/// A place in a file of known size.
pub(super) struct Cursor<R> {
    source: R,
    /// Bytes before the place.
    place: u64,
    /// Bytes of the file.
    size: u64,
}

impl<R: Read> Cursor<R> {
    pub(super) fn new(source: R, size: u64) -> Self {
        Self { source, place: 0, size }
    }

    /// Bytes before the place.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    fn left(&self) -> u64 {
        self.size - self.place
    }

    /// Goes on by `count` bytes, which must be there.
    fn advance(&mut self, count: u64, what: &'static str) -> Result<(), Failure> {
        if count > self.left() {
            return Err(GgufProblem::Ends(what).into());
        }
        self.place += count;
        if self.place > MAX_HEADER_BYTES {
            return Err(GgufProblem::TooLarge.into());
        }
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Failure> {
        self.advance(N as u64, what)?;
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes).map_err(Failure::Io)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Failure> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Failure> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// The next `count` bytes. No memory is taken before it is known that the file has so many.
    pub(super) fn bytes(&mut self, count: u64, what: &'static str) -> Result<Vec<u8>, Failure> {
        self.advance(count, what)?;
        let mut bytes = Vec::new();
        (&mut self.source).take(count).read_to_end(&mut bytes).map_err(Failure::Io)?;
        // The file became shorter while it was read.
        if bytes.len() as u64 == count { Ok(bytes) } else { Err(GgufProblem::Ends(what).into()) }
    }

    /// A length and so many bytes of UTF-8.
    pub(super) fn text(&mut self, what: &'static str) -> Result<String, Failure> {
        let count = self.u64(what)?;
        let bytes = self.bytes(count, what)?;
        String::from_utf8(bytes).map_err(|_| GgufProblem::Text(what).into())
    }

    /// `count` things of at least `each` bytes, where the rest of the file can hold so many.
    pub(super) fn count(&self, count: u64, each: u64, what: &'static str) -> Result<u64, Failure> {
        let left = self.left();
        match count.checked_mul(each) {
            Some(bytes) if bytes <= left => Ok(count),
            _ => Err(GgufProblem::Count { what, count, left }.into()),
        }
    }
}
