//! Subtitles, SubRip (SRT) and WebVTT, that any player reads: in order, never over each other, never without time or text.
//!
//! WebVTT: <https://www.w3.org/TR/webvtt1/>. SubRip has no standard; its blocks are a number, times, lines of text and a
//! blank line.

use std::fmt::Write;

use slm_core::Segment;

use super::cues::{Cue, cues};
use crate::args::Layout;

/// Milliseconds that a time is at most: hours have two digits.
const LATEST: f64 = 99.0 * 3_600_000.0;
/// What parts the two times, and must not be in a text.
const ARROW: &str = "-->";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Srt,
    Vtt,
}

/// Subtitles that grow segment by segment.
#[derive(Debug)]
pub(super) struct Subtitles {
    dialect: Dialect,
    layout: Option<Layout>,
    /// Subtitles that were written.
    count: usize,
    /// Milliseconds where the last one ends.
    end: u64,
}

impl Subtitles {
    pub(super) fn new(dialect: Dialect, layout: Option<Layout>) -> Self {
        Self { dialect, layout, count: 0, end: 0 }
    }

    /// What stands before the first one.
    pub(super) fn head(&self) -> &'static str {
        match self.dialect {
            Dialect::Srt => "",
            Dialect::Vtt => "WEBVTT\n\n",
        }
    }

    /// Those of the next segment.
    pub(super) fn segment(&mut self, segment: &Segment) -> String {
        cues(segment, self.layout).iter().map(|cue| self.block(cue)).collect()
    }

    fn block(&mut self, cue: &Cue) -> String {
        let start = milliseconds(cue.start).max(self.end);
        let end = milliseconds(cue.end).max(start + 1);
        (self.count, self.end) = (self.count + 1, end);
        let mut block = String::new();
        let [from, to] = [start, end].map(|time| self.time(time));
        // Writing to a string does not fail.
        let _ = match self.dialect {
            Dialect::Srt => writeln!(block, "{}\n{from} {ARROW} {to}", self.count),
            Dialect::Vtt => writeln!(block, "{from} {ARROW} {to}"),
        };
        for line in &cue.lines {
            block.push_str(&self.escaped(line));
            block.push('\n');
        }
        block.push('\n');
        block
    }

    fn time(&self, milliseconds: u64) -> String {
        let (rest, fraction) = (milliseconds / 1000, milliseconds % 1000);
        let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
        match self.dialect {
            Dialect::Srt => format!("{hours:02}:{minutes:02}:{seconds:02},{fraction:03}"),
            Dialect::Vtt if hours == 0 => format!("{minutes:02}:{seconds:02}.{fraction:03}"),
            Dialect::Vtt => format!("{hours:02}:{minutes:02}:{seconds:02}.{fraction:03}"),
        }
    }

    fn escaped(&self, line: &str) -> String {
        match self.dialect {
            Dialect::Vtt => line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
            Dialect::Srt => {
                // SubRip has no escapes: the arrow becomes shorter, until none is left.
                let mut line = line.to_owned();
                while line.contains(ARROW) {
                    line = line.replace(ARROW, "->");
                }
                line
            }
        }
    }
}

/// Seconds in whole milliseconds; what is no time is the start.
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round().clamp(0.0, LATEST) as u64
}

#[cfg(test)]
#[path = "subtitle_tests.rs"]
mod tests;
