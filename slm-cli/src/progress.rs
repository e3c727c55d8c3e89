//! How far the work on recordings is, and how fast it goes.

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Bar;

/// Parts of a second that a bar is cut into.
const PARTS: f64 = 10.0;
/// Characters of a name that are shown.
const MAX_NAME: usize = 24;
/// How often the bar shows that the program lives.
const TICK: Duration = Duration::from_millis(250);

/// How far the work is. A bar stands on stderr while an input is worked on, and goes when it is done.
pub(crate) struct Progress {
    bar: Bar,
    shown: Option<ProgressBar>,
    started: Instant,
    /// When the input at work was begun.
    begun: Instant,
    /// What the input at work lasts, as far as it is known.
    expected: Option<f64>,
    /// Seconds of audio of the inputs that are done.
    seconds: f64,
}

impl Progress {
    pub(crate) fn new(bar: Bar) -> Self {
        let now = Instant::now();
        Self { bar, shown: None, started: now, begun: now, expected: None, seconds: 0.0 }
    }

    /// Begins the `index`th of `count` inputs.
    pub(crate) fn begin(&mut self, name: &Path, index: usize, count: usize) {
        self.begun = Instant::now();
        self.expected = None;
        if self.bar == Bar::Hidden {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{prefix} {spinner} {wide_msg}"));
        bar.set_prefix(prefix(name, index, count));
        bar.enable_steady_tick(TICK);
        self.shown = Some(bar);
    }

    /// Seconds that will be read of the input at work.
    pub(crate) fn expect(&mut self, seconds: f64) {
        self.expected = Some(seconds).filter(|seconds| *seconds > 0.0);
        if let (Some(bar), Some(seconds)) = (&self.shown, self.expected) {
            bar.set_length((seconds * PARTS) as u64);
            bar.set_style(style("{prefix} {spinner} {bar:20} {wide_msg}"));
        }
    }

    /// Seconds of the input at work that are done.
    pub(crate) fn reach(&self, seconds: f64) {
        if let Some(bar) = &self.shown {
            bar.set_position((seconds * PARTS) as u64);
            bar.set_message(position(seconds, self.expected, self.begun.elapsed().as_secs_f64()));
        }
    }

    /// Ends the input at work, of which this many seconds were answered. The bar goes, and leaves its place to the answer.
    pub(crate) fn end(&mut self, seconds: f64) {
        self.seconds += seconds;
        self.hide();
    }

    /// Takes the bar away.
    pub(crate) fn hide(&mut self) {
        if let Some(bar) = self.shown.take() {
            bar.finish_and_clear();
        }
    }

    /// What was done in all.
    pub(crate) fn summary(&self) -> String {
        summary(self.seconds, self.started.elapsed().as_secs_f64())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Which input it is.
fn prefix(name: &Path, index: usize, count: usize) -> String {
    let name = name.file_name().unwrap_or(name.as_os_str()).to_string_lossy();
    let name = match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}..", &name[..end]),
        None => name.into_owned(),
    };
    if count > 1 { format!("file {index} of {count} `{name}`") } else { format!("`{name}`") }
}

/// Where in the audio it is, how fast it goes, and what is left.
fn position(seconds: f64, expected: Option<f64>, elapsed: f64) -> String {
    let speed = seconds / elapsed;
    let pace = if speed.is_finite() && speed > 0.0 { format!(", {speed:.1}x") } else { String::new() };
    let Some(expected) = expected.filter(|expected| *expected >= seconds) else {
        return format!("{}{pace}", clock(seconds));
    };
    let left = (expected - seconds) / speed;
    let left =
        if left.is_finite() && left >= 0.0 { format!(", {} left", clock(left)) } else { String::new() };
    format!("{} of {}{pace}{left}", clock(seconds), clock(expected))
}

/// A time as MM:SS or H:MM:SS.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

fn summary(seconds: f64, elapsed: f64) -> String {
    let speed = seconds / elapsed;
    let pace = if speed.is_finite() { format!(", {speed:.1} times real time") } else { String::new() };
    format!("{seconds:.1} s of audio in {elapsed:.1} s{pace}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_a_pace_and_what_is_left() {
        assert_eq!(position(65.0, Some(600.0), 6.5), "01:05 of 10:00, 10.0x, 00:54 left");
        assert_eq!(position(65.0, None, 6.5), "01:05, 10.0x");
        assert_eq!(position(0.0, Some(7200.0), 1.0), "00:00 of 2:00:00");
        assert_eq!(position(0.0, None, 0.0), "00:00");
        // A header that says too little is not held to be right.
        assert_eq!(position(70.0, Some(60.0), 7.0), "01:10, 10.0x");
    }

    #[test]
    fn inputs_are_counted_where_there_are_several() {
        assert_eq!(prefix(Path::new("a/talk.wav"), 2, 5), "file 2 of 5 `talk.wav`");
        assert_eq!(prefix(Path::new("-"), 1, 1), "`-`");
        assert_eq!(prefix(Path::new(&"ä".repeat(30)), 1, 1), format!("`{}..`", "ä".repeat(MAX_NAME)));
    }

    #[test]
    fn a_summary_is_of_all_inputs() {
        assert_eq!(summary(35.24, 2.0), "35.2 s of audio in 2.0 s, 17.6 times real time");
        let mut progress = Progress::new(Bar::Hidden);
        for seconds in [1.0, 2.5] {
            progress.begin(Path::new("talk.wav"), 1, 2);
            progress.expect(9.0);
            progress.reach(seconds);
            progress.end(seconds);
        }
        assert!(progress.summary().starts_with("3.5 s of audio in "), "{}", progress.summary());
    }
}
