//! What is printed: answers and their records, warnings, errors, counts.

mod answered;
mod cues;
mod document;
mod error;
mod failure;
mod files;
mod form;
mod grouped;
mod names;
mod output;
mod path;
mod record;
mod sources;
mod subtitle;
mod whisper;

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use slm_core::{Answer, BackendError};

pub(crate) use answered::{Answered, Closing};
pub(crate) use error::OutputError;
pub(crate) use failure::{FailedInput, Failure, Notice, Outcome};
pub(crate) use form::{Form, Inputs, name_column, one_line, write_answer, write_failure, write_json};
pub(crate) use grouped::{Listing, warnings};
pub(crate) use output::{Output, Outputs, of_file};
pub(crate) use path::path_text;
pub(crate) use record::{NoticeRecord, SourceRecord};
pub(crate) use sources::sources;

use crate::args::UsageError;
use crate::fetch::FetchError;

/// Phrases that a warning names at most.
const MOST_NAMED: usize = 20;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It could not start.
    Start(anyhow::Error),
    /// The output cannot be written.
    Output(io::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Start(error)
    }
}

impl From<UsageError> for Stop {
    fn from(error: UsageError) -> Self {
        Self::Start(error.into())
    }
}

impl From<slm_core::Error> for Stop {
    fn from(error: slm_core::Error) -> Self {
        Self::Start(error.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// An error in the form of all messages: what, by what cause, and what to do about it.
pub(crate) fn render(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("error: {error}");
    let mut hint = hint(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if adds_to(&text, &reason) {
            text.push_str("\n  caused by: ");
            text.push_str(&reason);
        }
        hint = hint.or_else(|| self::hint(error));
        cause = error.source();
    }
    if let Some(hint) = hint {
        text.push_str("\nhint: ");
        text.push_str(&hint);
    }
    text
}

/// Whether `reason` says what `text` does not: neither all of it, nor its last part in other words.
fn adds_to(text: &str, reason: &str) -> bool {
    let text = text.to_lowercase();
    let reason = reason.to_lowercase();
    let last = text.rsplit(": ").next().unwrap_or_default();
    !text.contains(&reason) && (last.is_empty() || !reason.starts_with(last))
}

/// One next step, for the errors that have one.
fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<UsageError>() {
        return error.hint.clone();
    }
    if let Some(error) = error.downcast_ref::<slm_core::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<BackendError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<FetchError>() {
        return error.hint().map(str::to_owned);
    }
    error.downcast_ref::<FailedInput>().and_then(FailedInput::hint)
}

/// The phrases that the sound supports; `None` where there are none.
pub(crate) fn phrases(path: &Path, answer: &Answer) -> Option<String> {
    let mut found: Vec<&str> = Vec::new();
    for phrase in answer.segments.iter().flat_map(|segment| &segment.phrases) {
        if !found.contains(&phrase.phrase.as_str()) {
            found.push(&phrase.phrase);
        }
    }
    (!found.is_empty())
        .then(|| format!("`{}`: phrases found in the sound: {}", path.display(), found.join(", ")))
}

/// The words that phrases took the place of; `None` where there are none.
pub(crate) fn respelled(path: &Path, answer: &Answer) -> Option<String> {
    let all = answer.segments.iter().flat_map(|segment| &segment.respelled);
    let told: Vec<String> = all
        .map(|one| format!("`{}` in place of `{}` at {:.2} s", one.phrase, one.written, one.start))
        .collect();
    (!told.is_empty()).then(|| format!("`{}`: written by the sound: {}", path.display(), told.join(", ")))
}

/// A warning about phrases that the model's labels cannot spell, the first [`MOST_NAMED`] by name; `None` where there
/// are none.
pub(crate) fn unspellable(phrases: &[String]) -> Option<String> {
    let count = phrases.len();
    let what = match count {
        0 => return None,
        1 => "1 phrase".to_owned(),
        _ => format!("{count} phrases"),
    };
    let mut named = phrases[..count.min(MOST_NAMED)].join(", ");
    if count > MOST_NAMED {
        named.push_str(", ...");
    }
    Some(format!(
        "warning: phrase list: {what} cannot be spelled by the model's labels: {}",
        one_line(&named)
    ))
}

/// A warning about an input or its answer.
pub(crate) fn warning(path: &Path, warning: &impl fmt::Display) -> String {
    format!("warning: `{}`: {warning}", path.display())
}

/// What became of several inputs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Those after a failure that ended the work.
    pub(crate) skipped: usize,
    /// Those whose files were there already.
    pub(crate) kept: usize,
}

/// The last line when there were several inputs.
pub(crate) fn summary(counts: Counts) -> String {
    let Counts { done, failed, skipped, kept } = counts;
    let parts = [
        Some(format!("{done} transcribed, {failed} failed")),
        (skipped > 0).then(|| format!("{skipped} skipped")),
        (kept > 0).then(|| format!("{kept} skipped as done before")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Prints to stderr, where nothing can be done about a failure.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The text of a panic, cut at 200 characters.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown");
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use slm_core::models::speech::SpeechError;

    use super::*;

    fn failed(failure: Failure) -> FailedInput {
        FailedInput { path: "talk.wav".into(), failure }
    }

    #[test]
    fn a_missing_file_is_one_line() {
        let path = Path::new("/nonexistent/talk.wav");
        let error = slm_core::audio::read(path).unwrap_err();
        let text = render(&failed(Failure::Audio(error)));
        // Where the system says the same, it is not said twice.
        let expected = "error: cannot read audio `/nonexistent/talk.wav`: no such file";
        assert_eq!(text.lines().next(), Some(expected));
        assert!(!cfg!(unix) || text == expected);
    }

    #[test]
    fn causes_and_hints_follow() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot access `b`")]
        struct Access(#[source] io::Error);
        let error = slm_core::Error::OutOfDisk(Box::new(Access(io::Error::other("disk on fire"))));
        assert_eq!(render(&error), "error: cannot access `b`\n  caused by: disk on fire");
        let error = UsageError { message: "no".into(), hint: Some("yes".into()) };
        assert_eq!(render(&*anyhow::Error::from(error)), "error: no\nhint: yes");
        // A backend's hint is found in the error of the engine, and in that of an input.
        let error = || slm_core::Error::from(slm_core::Backend::from_name("gpu").unwrap_err());
        let text = render(&*anyhow::Error::from(error()));
        assert!(
            text.starts_with("error: unknown backend `gpu`") && text.contains("\nhint: backends are "),
            "{text}"
        );
        let text = render(&failed(Failure::Model(error())));
        assert!(text.starts_with("error: cannot answer `talk.wav`: unknown backend `gpu`"), "{text}");
        assert!(text.contains("\nhint: backends are "), "{text}");
        let error = SpeechError::AudioTooLong { seconds: 301.0, limit: 300.0 };
        let text = render(&failed(Failure::Model(error.into())));
        let expected = "error: cannot answer `talk.wav`: 301.00 s of audio, limit for this task is 300 s\n\
                        hint: split the recording, ";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn phrases_that_cannot_be_spelled_are_named() {
        let phrases = |count: usize| (0..count).map(|i| format!("ж{i}")).collect::<Vec<_>>();
        assert_eq!(unspellable(&phrases(0)), None);
        let start = "warning: phrase list: ";
        assert_eq!(
            unspellable(&phrases(1)).unwrap(),
            format!("{start}1 phrase cannot be spelled by the model's labels: ж0")
        );
        let text = unspellable(&phrases(20)).unwrap();
        assert!(text.starts_with(&format!("{start}20 phrases ")) && text.ends_with(", ж19"), "{text}");
        let text = unspellable(&phrases(21)).unwrap();
        assert!(text.starts_with(&format!("{start}21 phrases ")) && text.ends_with(", ж19, ..."), "{text}");
    }

    #[test]
    fn counts_are_summed_up() {
        let counts = Counts { done: 12, failed: 1, ..Counts::default() };
        assert_eq!(summary(counts), "12 transcribed, 1 failed");
        let counts = Counts { done: 1, failed: 1, skipped: 3, kept: 2 };
        assert_eq!(summary(counts), "1 transcribed, 1 failed, 3 skipped, 2 skipped as done before");
    }

    #[test]
    fn panics_have_a_message() {
        let text: Box<dyn Any + Send> = Box::new("index out of bounds");
        assert_eq!(panic_message(&*text), "index out of bounds");
        let text: Box<dyn Any + Send> = Box::new("x".repeat(300));
        assert_eq!(panic_message(&*text).len(), 200);
        let other: Box<dyn Any + Send> = Box::new(1);
        assert_eq!(panic_message(&*other), "unknown");
    }
}
