//! Warnings of a long recording, which must not fill the screen.

use std::path::Path;

use super::failure::Notice;
use super::warning;

/// Of more warnings of a kind than this, only their number is told.
const MAX_OF_A_KIND: usize = 5;

/// Whether warnings that are many are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// They are.
    Grouped,
    /// Each has a line.
    Full,
}

/// The lines of all warnings about an input, in their order; those that are told together stand where the first one does.
pub(crate) fn warnings(path: &Path, notices: &[Notice], listing: Listing) -> Vec<String> {
    let mut told: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for notice in notices {
        let kind = notice.kind();
        let of_kind = || notices.iter().filter(move |other| other.kind() == kind);
        if listing == Listing::Full || of_kind().count() <= MAX_OF_A_KIND {
            lines.push(warning(path, notice));
        } else if !told.contains(&kind) {
            told.push(kind);
            lines.push(warning(path, &group(kind, of_kind())));
        }
    }
    lines
}

/// The number of warnings, and from when to when they are.
fn group<'a>(kind: &str, notices: impl Iterator<Item = &'a Notice> + Clone) -> String {
    let count = notices.clone().count();
    let what = match kind {
        "unsupported_text" => "segments have text that the sound does not support",
        "text_limit" => "segments have text that was cut at the limit of tokens",
        "segment_failed" => "segments have no answer",
        "audio" | "truncated" => "things are odd about the audio",
        _ => "other warnings",
    };
    let times = notices.filter_map(Notice::times);
    let span = times.reduce(|(first, last), (start, end)| (first.min(start), last.max(end)));
    let span = span.map_or_else(String::new, |(first, last)| format!(" between {first:.2} and {last:.2} s"));
    format!("{count} {what}{span}; `--verbose` tells each")
}

#[cfg(test)]
mod tests {
    use slm_core::Warning;
    use slm_core::audio::AudioWarning;

    use super::*;

    fn cut(index: u32) -> Notice {
        let start = 30.0 * f64::from(index);
        Notice::Answer(Warning::TextLimit { start, end: start + 30.0, tokens: 9 })
    }

    #[test]
    fn many_of_a_kind_are_one_line() {
        let path = Path::new("talk.wav");
        let mut notices = vec![Notice::Audio(AudioWarning::TrailingBytes { bytes: 1 })];
        notices.extend((0..5).map(cut));
        assert_eq!(warnings(path, &notices, Listing::Grouped).len(), 6);
        notices.extend((5..7).map(cut));
        notices.push(Notice::Answer(Warning::NoSpeech));
        let lines = warnings(path, &notices, Listing::Grouped);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(
            lines[1],
            "warning: `talk.wav`: 7 segments have text that was cut at the limit of tokens between 0.00 and 210.00 s; \
             `--verbose` tells each"
        );
        assert_eq!(lines[2], "warning: `talk.wav`: no speech found");
        assert_eq!(warnings(path, &notices, Listing::Full).len(), notices.len());
    }
}
