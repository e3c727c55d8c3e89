//! What is printed: answers, records, warnings and errors.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use slm_core::audio::{AudioError, AudioWarning};
use slm_core::backend::BackendError;
use slm_core::bundle::BundleError;
use slm_core::task::{Response, Segment, SpeechError};

use crate::args::{InputArgs, Stretches};
use crate::fetch::FetchError;
use crate::record::AnswerRecord;

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

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Arguments that cannot be followed.
#[derive(Debug)]
pub(crate) struct UsageError {
    /// What is wrong.
    pub(crate) message: String,
    /// One next step.
    pub(crate) hint: Option<String>,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for UsageError {}

/// An input without an answer.
#[derive(Debug)]
pub(crate) struct FailedInput {
    pub(crate) path: PathBuf,
    pub(crate) failure: Failure,
}

/// Why an input has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It cannot be read.
    Audio(AudioError),
    /// It is odd, and `--strict` was given.
    Warning(AudioWarning),
    /// The sound does not support the answer, and `--strict` was given.
    Doubt(Doubt),
    /// The model cannot answer.
    Speech(SpeechError),
    /// A bug, with its message.
    Panic(String),
}

impl From<AudioError> for Failure {
    fn from(error: AudioError) -> Self {
        Self::Audio(error)
    }
}

impl From<SpeechError> for Failure {
    fn from(error: SpeechError) -> Self {
        Self::Speech(error)
    }
}

impl FailedInput {
    /// The class of the error, stable across versions.
    fn kind(&self) -> &'static str {
        match &self.failure {
            Failure::Audio(error) => error.kind().as_str(),
            Failure::Warning(AudioWarning::DataTruncated { .. }) => "truncated",
            Failure::Warning(_) => "corrupt",
            Failure::Doubt(_) => "unsupported_text",
            Failure::Speech(error) => error.kind(),
            Failure::Panic(_) => "decoder_bug",
        }
    }
}

impl fmt::Display for FailedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.failure {
            Failure::Audio(error) => write!(f, "{error}"),
            Failure::Warning(warning) => write!(f, "cannot read audio `{path}`: {warning}"),
            Failure::Doubt(doubt) => write!(f, "cannot answer `{path}`: {doubt}"),
            Failure::Speech(error) => write!(f, "cannot answer `{path}`: {error}"),
            Failure::Panic(message) => {
                write!(f, "cannot answer `{path}`: internal error: {message}")
            }
        }
    }
}

impl Error for FailedInput {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.failure {
            Failure::Audio(error) => error.source(),
            Failure::Speech(error) => error.source(),
            Failure::Warning(_) | Failure::Doubt(_) | Failure::Panic(_) => None,
        }
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
    if let Some(error) = error.downcast_ref::<BackendError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<BundleError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<SpeechError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<FetchError>() {
        return error.hint().map(str::to_owned);
    }
    let input = error.downcast_ref::<FailedInput>()?;
    match &input.failure {
        Failure::Audio(error) => error.hint(),
        Failure::Speech(error) => error.hint(),
        Failure::Warning(_) | Failure::Doubt(_) => Some("without `--strict` this is a warning".into()),
        Failure::Panic(_) => Some("this is a bug in slm-cli, please report it".into()),
    }
}

/// What a listener should know of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doubt {
    /// From where to where, in seconds.
    start: f64,
    end: f64,
    agreement: f64,
    /// Speech that the text leaves out.
    skipped: Vec<String>,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end, agreement, skipped } = self;
        write!(
            f,
            "from {start:.2} to {end:.2} s the sound does not support the text (agreement {agreement:.2})"
        )?;
        for text in skipped {
            write!(f, ", `{text}` may be left out")?;
        }
        Ok(())
    }
}

/// The segments whose text the sound does not support.
pub(crate) fn doubts(response: &Response) -> Vec<Doubt> {
    let doubt = |segment: &Segment| {
        let aligned = segment.alignment.as_ref().filter(|aligned| aligned.agreement.is_suspect())?;
        Some(Doubt {
            start: segment.start,
            end: segment.end,
            agreement: aligned.agreement.value(),
            skipped: aligned.skipped.iter().map(|stretch| stretch.text.clone()).collect(),
        })
    };
    response.segments.iter().filter_map(doubt).collect()
}

/// The phrases of the context that were found; `None` where there are none.
pub(crate) fn phrases(path: &Path, response: &Response) -> Option<String> {
    let mut found: Vec<&str> = Vec::new();
    for phrase in response.segments.iter().flat_map(|segment| &segment.phrases) {
        if !found.contains(&phrase.phrase.as_str()) {
            found.push(&phrase.phrase);
        }
    }
    (!found.is_empty()).then(|| format!("`{}`: heard of the phrases: {}", path.display(), found.join(", ")))
}

/// A warning about an input or its answer.
pub(crate) fn warning(path: &Path, warning: &impl fmt::Display) -> String {
    format!("warning: `{}`: {warning}", path.display())
}

/// The last line when there were several inputs.
pub(crate) fn summary(done: usize, failed: usize, skipped: usize) -> String {
    let counts = format!("{done} transcribed, {failed} failed");
    if skipped == 0 {
        return counts;
    }
    format!("{counts}, {skipped} skipped")
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

/// A JSON record of a failure.
#[derive(Serialize)]
struct FailureRecord {
    path: String,
    error: ErrorRecord,
}

#[derive(Serialize)]
struct ErrorRecord {
    kind: &'static str,
    message: String,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line an input.
    Text,
    /// A line an input, of which all but the end is written already.
    Streamed,
    /// A line a text, with its score.
    NBest,
    /// A line a stretch, with its times.
    Timed(Stretches),
    /// A record an input.
    Json,
}

impl Form {
    /// The form that the arguments ask for.
    pub(crate) fn of(inputs: &InputArgs) -> Self {
        match inputs {
            InputArgs { json: true, .. } => Self::Json,
            InputArgs { stream: true, .. } => Self::Streamed,
            InputArgs { timestamps: Some(stretches), .. } => Self::Timed(*stretches),
            _ if inputs.decode.n_best.is_some_and(|count| count > 1) => Self::NBest,
            _ => Self::Text,
        }
    }
}

/// Writes an answer.
pub(crate) fn write_answer(
    out: &mut impl Write,
    path: &Path,
    response: &Response,
    form: Form,
) -> io::Result<()> {
    let line = |text: &str| text.replace(['\n', '\r'], " ");
    match form {
        Form::Text => writeln!(out, "{}", line(&response.text)),
        Form::Streamed => writeln!(out),
        Form::NBest => {
            writeln!(out, "{:.4}\t{}", response.score, line(&response.text))?;
            response
                .alternatives
                .iter()
                .try_for_each(|other| writeln!(out, "{:.4}\t{}", other.score, line(&other.text)))
        }
        Form::Timed(stretches) => response.segments.iter().try_for_each(|segment| match stretches {
            Stretches::Segments => {
                writeln!(out, "{:.2}\t{:.2}\t{}", segment.start, segment.end, line(&segment.text))
            }
            Stretches::Words => segment
                .alignment
                .iter()
                .flat_map(|aligned| &aligned.words)
                .try_for_each(|word| writeln!(out, "{:.2}\t{:.2}\t{}", word.start, word.end, word.text)),
        }),
        Form::Json => writeln!(out, "{}", serde_json::to_string(&AnswerRecord::of(path, response))?),
    }
}

/// Writes the record of an input that failed.
pub(crate) fn write_failure(out: &mut impl Write, failed: &FailedInput) -> io::Result<()> {
    let record = FailureRecord {
        path: failed.path.display().to_string(),
        error: ErrorRecord { kind: failed.kind(), message: failed.to_string() },
    };
    writeln!(out, "{}", serde_json::to_string(&record)?)
}

#[cfg(test)]
mod tests {
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
        let source = io::Error::other("disk on fire");
        let error = BundleError::Io { path: "b".into(), source };
        assert_eq!(render(&error), "error: cannot access `b`\n  caused by: disk on fire");
        let error = UsageError { message: "no".into(), hint: Some("yes".into()) };
        assert_eq!(render(&*anyhow::Error::from(error)), "error: no\nhint: yes");
        let error = failed(Failure::Speech(SpeechError::AudioTooLong { seconds: 301.0 }));
        assert_eq!(
            render(&error),
            "error: cannot answer `talk.wav`: 301.00 s of audio, limit for this task is 300 s\n\
             hint: split the recording, or transcribe it first"
        );
    }

    #[test]
    fn records_are_a_line_each() {
        let mut out = Vec::new();
        let response = Response { text: "call\nanna".into(), seconds: 1.23456, ..Response::default() };
        let path = Path::new("talk.wav");
        write_answer(&mut out, path, &response, Form::Text).unwrap();
        write_answer(&mut out, path, &response, Form::Json).unwrap();
        let warning = AudioWarning::DataTruncated { found: 3.2, declared: 10.0 };
        write_failure(&mut out, &failed(Failure::Warning(warning))).unwrap();
        let expected = concat!(
            "call anna\n",
            r#"{"path":"talk.wav","text":"call\nanna","duration":1.235,"no_speech":false,"truncated":false}"#,
            "\n",
            r#"{"path":"talk.wav","error":{"kind":"truncated","message":"cannot read audio `talk.wav`: "#,
            r#"data ends after 3.20 s, header says 10.00 s"}}"#,
            "\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn counts_are_summed_up() {
        assert_eq!(summary(12, 1, 0), "12 transcribed, 1 failed");
        assert_eq!(summary(1, 1, 3), "1 transcribed, 1 failed, 3 skipped");
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
