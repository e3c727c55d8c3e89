//! Lines that are typed, or come through a pipe. One that cannot be used is told with its number, and the next ones are
//! read all the same.

use std::fmt;
use std::io::{self, BufRead, Read};

/// Bytes of a line at most; more is no turn of a dialog.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Why a line cannot be used.
#[derive(Debug)]
pub(crate) enum LineError {
    /// It is no text.
    NotUtf8 {
        /// Its number, from 1.
        line: usize,
    },
    /// It is longer than [`MAX_LINE_BYTES`].
    TooLong {
        /// Its number, from 1.
        line: usize,
    },
    /// The system refused; no line follows.
    Io(io::Error),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { line } => write!(f, "cannot read standard input: line {line} is not UTF-8"),
            Self::TooLong { line } => {
                write!(f, "cannot read standard input: line {line} is longer than {MAX_LINE_BYTES} bytes")
            }
            Self::Io(_) => f.write_str("cannot read standard input"),
        }
    }
}

impl std::error::Error for LineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(source) => Some(source),
            Self::NotUtf8 { .. } | Self::TooLong { .. } => None,
        }
    }
}

/// The lines of a reader.
pub(crate) struct Lines<R> {
    reader: R,
    /// Lines that were read.
    count: usize,
    has_failed: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, count: 0, has_failed: false }
    }

    /// The bytes of the next line, its end included; none at the end.
    fn read(&mut self) -> Result<Vec<u8>, LineError> {
        let mut bytes = Vec::new();
        let mut limited = Read::take(&mut self.reader, MAX_LINE_BYTES as u64);
        limited.read_until(b'\n', &mut bytes).map_err(LineError::Io)?;
        self.count += 1;
        if bytes.len() == MAX_LINE_BYTES && !bytes.ends_with(b"\n") {
            self.reader.skip_until(b'\n').map_err(LineError::Io)?;
            return Err(LineError::TooLong { line: self.count });
        }
        Ok(bytes)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<String, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        match self.read() {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => {
                let line = self.count;
                Some(String::from_utf8(bytes).map_err(|_| LineError::NotUtf8 { line }))
            }
            Err(error) => {
                self.has_failed = matches!(error, LineError::Io(_));
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_used_are_numbered_and_passed_over() {
        let mut text = b"one\n\xff\xfe\n".to_vec();
        text.extend(vec![b'x'; 3 * MAX_LINE_BYTES]);
        text.extend(b"\nlast");
        let found: Vec<String> =
            Lines::new(text.as_slice()).map(|line| line.unwrap_or_else(|error| error.to_string())).collect();
        assert_eq!(found.len(), 4);
        assert_eq!((found[0].as_str(), found[3].as_str()), ("one\n", "last"));
        assert!(found[1].ends_with("line 2 is not UTF-8"), "{}", found[1]);
        assert!(found[2].contains("line 3 is longer than 65536 bytes"), "{}", found[2]);
    }

    #[test]
    fn a_reader_that_fails_is_told_once() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let found: Vec<_> = Lines::new(io::BufReader::new(Broken)).collect();
        assert!(matches!(found.as_slice(), [Err(LineError::Io(_))]), "{found:?}");
    }
}
