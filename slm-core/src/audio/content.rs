//! What a file that is not audio looks like.

use std::fmt;

/// What a file that is not audio looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A kind of file that is known.
    Known(&'static str),
    /// Nothing known; its first bytes.
    Unrecognised([u8; 4]),
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name) => write!(f, "content looks like {name}"),
            Self::Unrecognised([a, b, c, d]) => {
                write!(f, "unrecognised format, first bytes `{a:02x} {b:02x} {c:02x} {d:02x}`")
            }
        }
    }
}
