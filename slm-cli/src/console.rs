//! Where a command writes: answers to one side, everything else to the other.

use std::io::{self, IsTerminal, Write};

use crate::args::{Level, MannerArgs};
use crate::colour::Colours;

/// Standard output and standard error, or what a test has in their place.
pub(crate) struct Console<'a> {
    /// For answers.
    pub(crate) out: &'a mut dyn Write,
    /// For warnings, errors and counts.
    pub(crate) err: &'a mut dyn Write,
    /// How it is written.
    pub(crate) manner: Manner,
}

/// How much is told, and how.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// How much is told.
    pub(crate) level: Level,
    /// Whether words are coloured.
    pub(crate) colours: Colours,
    /// Whether it is shown how far the work is.
    pub(crate) bar: Bar,
}

/// Whether it is shown how far the work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bar {
    /// It is.
    Shown,
    /// It is not.
    #[default]
    Hidden,
}

impl Manner {
    /// What the arguments ask for, on the terminal that there is. `is_live` is whether answers are written piece by piece,
    /// beside which there is no place for a bar.
    pub(crate) fn of(args: &MannerArgs, is_live: bool) -> Self {
        let level = args.level();
        let has_place = io::stderr().is_terminal() && !(is_live && io::stdout().is_terminal());
        let bar = if has_place && level != Level::Quiet { Bar::Shown } else { Bar::Hidden };
        Self { level, colours: Colours::of(args.color.unwrap_or_default()), bar }
    }
}

impl Console<'_> {
    /// Tells of an error. Where that fails, there is nobody left to tell.
    pub(crate) fn tell(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Tells what is no error, unless it is to be quiet.
    pub(crate) fn remark(&mut self, text: &str) {
        if self.manner.level != Level::Quiet {
            self.tell(text);
        }
    }
}
