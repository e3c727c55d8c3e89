//! Words in colours, by how well the sound supports them.

use std::io::{self, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use slm_core::{Answer, Segment, Word};

use crate::args::ColorChoice;

/// From here on a word is well supported.
const SOUND: f64 = 0.5;
/// Below this it is more likely wrong than right, as a segment of this agreement is.
const SUSPECT: f64 = 0.02;

/// Whether words are coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They are not.
    #[default]
    Plain,
    /// By agreement.
    ByAgreement,
}

impl Colours {
    /// What is chosen, on the standard output that there is.
    pub(crate) fn of(choice: ColorChoice) -> Self {
        // It follows `NO_COLOR`, `CLICOLOR_FORCE`, and whether there is a terminal that knows colours.
        let found = || AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let is_coloured = match choice {
            ColorChoice::Auto => found(),
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        if is_coloured { Self::ByAgreement } else { Self::Plain }
    }

    /// Standard output, which colours go through as the system wants them.
    pub(crate) fn stdout(self) -> Box<dyn Write> {
        let out = io::stdout().lock();
        match self {
            Self::Plain => Box::new(out),
            Self::ByAgreement => Box::new(AutoStream::always(out)),
        }
    }
}

/// A word in the colour of its agreement.
pub(crate) fn word(text: &str, agreement: f64) -> String {
    let colour = match agreement {
        SOUND.. => AnsiColor::Green,
        SUSPECT.. => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// The text of an answer with its words in colours; those of which nothing is known are as they are.
pub(crate) fn text(answer: &Answer) -> String {
    let mut known = answer.segments.iter().flat_map(known_words);
    let words = answer.text.split_whitespace().map(|text| match known.next() {
        Some(Some(found)) if found.text == text => word(text, found.agreement),
        _ => text.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What is known of each word of a segment's text. Where the alignment has other words, nothing is.
fn known_words(segment: &Segment) -> Vec<Option<&Word>> {
    let count = segment.text.split_whitespace().count();
    let words = segment.alignment.as_ref().map(|aligned| aligned.words.as_slice()).unwrap_or_default();
    if words.len() == count { words.iter().map(Some).collect() } else { vec![None; count] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_agreement() {
        assert_eq!(word("anna", 0.9), "\u{1b}[32manna\u{1b}[0m");
        assert_eq!(word("anna", 0.5), "\u{1b}[32manna\u{1b}[0m");
        assert_eq!(word("anna", 0.1), "\u{1b}[33manna\u{1b}[0m");
        assert_eq!(word("anna", 0.001), "\u{1b}[31manna\u{1b}[0m");
    }

    #[test]
    fn text_without_an_alignment_is_plain() {
        let mut answer = Answer::default();
        answer.text = "call  anna".into();
        assert_eq!(text(&answer), "call anna");
    }

    #[test]
    fn a_choice_is_followed_wherever_it_goes() {
        assert_eq!(Colours::of(ColorChoice::Always), Colours::ByAgreement);
        assert_eq!(Colours::of(ColorChoice::Never), Colours::Plain);
    }
}
