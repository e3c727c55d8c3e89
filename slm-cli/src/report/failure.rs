//! What became of an input: an answer, what is odd about it, and what failed.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use slm_core::audio::{AudioError, AudioWarning};
use slm_core::{Answer, Warning};

use super::error::OutputError;
use crate::input::{InputError, OpenError};
use crate::session::Ended;

/// The most segments without an answer that are told one by one.
const MAX_LISTED: usize = 20;

/// What is odd about an input or its answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notice {
    /// About the audio.
    Audio(AudioWarning),
    /// About the answer.
    Answer(Warning),
}

/// An input with a failure.
#[derive(Debug)]
pub(crate) struct FailedInput {
    pub(crate) path: PathBuf,
    pub(crate) failure: Failure,
}

/// Why an input has no answer, or not all of it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was named is no input.
    Input(InputError),
    /// It cannot be read.
    Audio(AudioError),
    /// Something is odd, and `--strict` was given.
    Notice(Notice),
    /// Nothing is said in a turn of a dialog.
    NoSpeech,
    /// The model cannot answer.
    Model(slm_core::Error),
    /// Some of its segments have no answer, each told by a warning; the others have.
    Segments(Vec<Warning>),
    /// Its answer cannot be written.
    Output(OutputError),
    /// A bug, with its message.
    Panic(String),
}

/// What became of an input.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The answer, or as much of it as there is.
    pub(crate) answer: Option<Answer>,
    /// What is odd about the input or its answer.
    pub(crate) notices: Vec<Notice>,
    /// Why there is no answer, or not all of it.
    pub(crate) failure: Option<Failure>,
}

impl Outcome {
    /// Nothing but a failure.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Judges what a session ended with. Where it is `strict`, anything odd is the failure of the whole.
    pub(crate) fn of(ended: Ended, strict: bool) -> Self {
        let Ended { answer, error, odd: audio, unread } = ended;
        let (failed, odd) = without_answer(&answer.warnings);
        let notices: Vec<Notice> =
            audio.into_iter().map(Notice::Audio).chain(odd.into_iter().map(Notice::Answer)).collect();
        let is_broken = error.is_some() || unread.is_some();
        if strict
            && !is_broken
            && let Some(first) = notices.first()
        {
            return Self::failed(Failure::Notice(first.clone()));
        }
        let failure = match (error, unread) {
            (Some(error), _) => Some(Failure::Model(error)),
            (None, Some(error)) => Some(Failure::Audio(error)),
            (None, None) => (!failed.is_empty()).then_some(Failure::Segments(failed)),
        };
        let is_nothing = is_broken && !answer.has_segments();
        Self { answer: (!is_nothing).then_some(answer), notices, failure }
    }
}

/// The warnings of segments that have no answer, and all others.
fn without_answer(warnings: &[Warning]) -> (Vec<Warning>, Vec<Warning>) {
    warnings.iter().cloned().partition(|warning| matches!(warning, Warning::SegmentFailed { .. }))
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Input(error) => Self::Input(error),
            OpenError::Audio(error) => Self::Audio(error),
        }
    }
}

impl From<AudioError> for Failure {
    fn from(error: AudioError) -> Self {
        Self::Audio(error)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

impl From<slm_core::Error> for Failure {
    fn from(error: slm_core::Error) -> Self {
        Self::Model(error)
    }
}

impl Notice {
    /// The class of a warning in JSON records.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Audio(AudioWarning::DataTruncated { .. } | AudioWarning::BreaksOff { .. }) => "truncated",
            Self::Audio(_) => "audio",
            Self::Answer(Warning::NoSpeech) => "no_speech",
            Self::Answer(Warning::TextLimit { .. }) => "text_limit",
            Self::Answer(Warning::Unsupported { .. }) => "unsupported_text",
            Self::Answer(Warning::SegmentFailed { .. }) => "segment_failed",
            Self::Answer(Warning::PartOfAudio { .. }) => "part_of_audio",
            Self::Answer(_) => "other",
        }
    }

    /// The class of the error behind a warning, where there is one.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Answer(Warning::SegmentFailed { kind, .. }) => Some(kind),
            _ => None,
        }
    }

    /// From where to where in the audio it applies, in seconds; `None` where to all of it.
    pub(crate) fn times(&self) -> Option<(f64, f64)> {
        match *self {
            Self::Answer(
                Warning::TextLimit { start, end, .. }
                | Warning::Unsupported { start, end, .. }
                | Warning::SegmentFailed { start, end, .. },
            ) => (end > start).then_some((start, end)),
            _ => None,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audio(warning) => warning.fmt(f),
            Self::Answer(warning) => warning.fmt(f),
        }
    }
}

impl FailedInput {
    /// The class of the error, stable across versions.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.failure {
            Failure::Audio(error) => error.kind().as_str(),
            Failure::Notice(notice) => match notice.kind() {
                "audio" => "corrupt",
                "text_limit" | "part_of_audio" => "limit",
                kind => kind,
            },
            Failure::NoSpeech => "no_speech",
            Failure::Model(slm_core::Error::BadInput(_) | slm_core::Error::Unsupported(_)) => "text",
            Failure::Model(slm_core::Error::Internal(_)) | Failure::Panic(_) => "decoder_bug",
            Failure::Model(error) => error.kind(),
            Failure::Segments(_) => "incomplete",
            Failure::Input(_) | Failure::Output(_) => "io",
        }
    }
}

impl fmt::Display for FailedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.failure {
            Failure::Input(error) => write!(f, "{error}"),
            Failure::Audio(error) => write!(f, "{error}"),
            Failure::Notice(Notice::Audio(warning)) => write!(f, "cannot read audio `{path}`: {warning}"),
            Failure::Notice(Notice::Answer(warning)) => write!(f, "cannot answer `{path}`: {warning}"),
            Failure::NoSpeech => write!(f, "cannot answer `{path}`: no speech found"),
            Failure::Model(error) => write!(f, "cannot answer `{path}`: {error}"),
            Failure::Segments(warnings) => {
                write!(f, "cannot answer all of `{path}`: ")?;
                if let [only] = warnings.as_slice() {
                    return write!(f, "{only}");
                }
                write!(f, "{} segments have no answer", warnings.len())?;
                warnings.iter().take(MAX_LISTED).try_for_each(|warning| write!(f, "\n  {warning}"))?;
                match warnings.len().saturating_sub(MAX_LISTED) {
                    0 => Ok(()),
                    more => write!(f, "\n  .. and {more} more"),
                }
            }
            Failure::Output(error) => write!(f, "cannot keep the answer to `{path}`: {error}"),
            Failure::Panic(message) => write!(f, "cannot answer `{path}`: internal error: {message}"),
        }
    }
}

impl Error for FailedInput {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.failure {
            Failure::Input(error) => error.source(),
            Failure::Audio(error) => error.source(),
            Failure::Model(error) => error.source(),
            Failure::Output(error) => error.source(),
            Failure::Notice(_) | Failure::NoSpeech | Failure::Segments(_) | Failure::Panic(_) => None,
        }
    }
}

impl FailedInput {
    /// One next step.
    pub(super) fn hint(&self) -> Option<String> {
        match &self.failure {
            Failure::Input(error) => error.hint().map(str::to_owned),
            Failure::Audio(error) => error.hint(),
            Failure::Model(slm_core::Error::Internal(_)) | Failure::Panic(_) => {
                Some("this is a bug in slm-cli, please report it".into())
            }
            Failure::Model(error) => error.hint(),
            Failure::Notice(_) => Some("without `--strict` this is a warning".into()),
            Failure::NoSpeech | Failure::Segments(_) | Failure::Output(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment_failed(start: f64) -> Warning {
        let reason = "the device went away".into();
        Warning::SegmentFailed { start, end: start + 30.0, kind: "decoder_bug", reason }
    }

    fn ended(text: &str, warnings: Vec<Warning>, error: Option<slm_core::Error>) -> Ended {
        let mut answer = Answer::default();
        text.clone_into(&mut answer.text);
        answer.warnings = warnings;
        Ended { answer, error, ..Ended::default() }
    }

    #[test]
    fn a_failed_segment_leaves_the_rest() {
        let outcome = Outcome::of(ended("one two", vec![segment_failed(30.0)], None), true);
        assert_eq!(outcome.answer.map(|answer| answer.text).as_deref(), Some("one two"));
        assert!(outcome.notices.is_empty());
        let failed = FailedInput { path: "talk.wav".into(), failure: outcome.failure.unwrap() };
        assert_eq!(
            failed.to_string(),
            "cannot answer all of `talk.wav`: from 30.00 to 60.00 s there is no answer: the device went away"
        );
        assert_eq!(failed.kind(), "incomplete");
        let many = Failure::Segments((0..22).map(|index| segment_failed(30.0 * f64::from(index))).collect());
        let text = FailedInput { path: "talk.wav".into(), failure: many }.to_string();
        assert!(
            text.starts_with("cannot answer all of `talk.wav`: 22 segments have no answer\n  from 0.00 to ")
        );
        assert!(text.ends_with("\n  .. and 2 more"), "{text}");
        assert_eq!(text.lines().count(), 22);
    }

    #[test]
    fn what_is_odd_fails_the_strict() {
        let odd = || ended("one two", vec![Warning::TextLimit { start: 0.0, end: 2.0, tokens: 2 }], None);
        let outcome = Outcome::of(odd(), false);
        assert!(outcome.answer.is_some() && outcome.failure.is_none());
        assert_eq!(outcome.notices.iter().map(Notice::kind).collect::<Vec<_>>(), ["text_limit"]);
        let outcome = Outcome::of(odd(), true);
        assert!(outcome.answer.is_none() && matches!(outcome.failure, Some(Failure::Notice(_))));
    }

    #[test]
    fn a_model_that_fails_has_no_answer_unless_segments_were_done() {
        let error = || slm_core::Error::Device("unplugged".into());
        let outcome = Outcome::of(ended("", Vec::new(), Some(error())), false);
        assert!(outcome.answer.is_none());
        let failed = FailedInput { path: "talk.wav".into(), failure: outcome.failure.unwrap() };
        assert_eq!(
            (failed.to_string().as_str(), failed.kind()),
            ("cannot answer `talk.wav`: unplugged", "device")
        );
    }

    #[test]
    fn audio_that_breaks_off_keeps_what_was_answered() {
        let unread = || slm_core::audio::read(std::path::Path::new("/nonexistent/talk.wav")).err();
        let mut broken = ended("", Vec::new(), None);
        broken.unread = unread();
        let outcome = Outcome::of(broken, false);
        assert!(outcome.answer.is_none() && matches!(outcome.failure, Some(Failure::Audio(_))));
        // Also where it is strict: what could not be read is worse than what is odd.
        let mut broken = ended("", vec![Warning::NoSpeech], None);
        broken.unread = unread();
        let outcome = Outcome::of(broken, true);
        assert!(matches!(outcome.failure, Some(Failure::Audio(_))));
        assert_eq!(outcome.notices.len(), 1);
    }
}
