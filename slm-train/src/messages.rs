//! Lines on stderr.

use std::io::Write;

/// Writes a line to stderr. It may be closed; there is nobody left to tell then.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
