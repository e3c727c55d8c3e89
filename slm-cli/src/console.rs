//! Where a command writes: answers to one side, everything else to the other.

use std::io::Write;

/// Standard output and standard error, or what a test has in their place.
pub(crate) struct Console<'a> {
    /// For answers.
    pub(crate) out: &'a mut dyn Write,
    /// For warnings, errors and counts.
    pub(crate) err: &'a mut dyn Write,
}

impl Console<'_> {
    /// Tells what is no answer. Where that fails, there is nobody left to tell.
    pub(crate) fn tell(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }
}
