//! What a reader should know of an answer.

use std::fmt;

/// What a reader should know of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The audio surely holds no speech, so that the model was not asked.
    NoSpeech,
    /// The model was stopped at the most tokens allowed; its text may lack an end.
    TextLimit {
        /// Where the segment begins, in seconds; 0 for text in the place of speech.
        start: f64,
        /// Where it ends.
        end: f64,
        /// The limit.
        tokens: usize,
    },
    /// The sound does not support the text of a segment.
    Unsupported {
        /// Where the segment begins, in seconds.
        start: f64,
        /// Where it ends.
        end: f64,
        /// How well the sound supports it, from 0 to 1.
        agreement: f64,
        /// Speech that the text leaves out.
        skipped: Vec<String>,
    },
    /// The task needs all of the audio, which was too long for that: the answer rests on a part of it.
    PartOfAudio {
        /// Which part.
        part: AudioPart,
        /// Seconds that it takes.
        seconds_used: f64,
        /// Seconds of the audio.
        seconds: f64,
    },
    /// A segment has no answer; the others have.
    SegmentFailed {
        /// Where it begins, in seconds.
        start: f64,
        /// Where it ends.
        end: f64,
        /// The class of the error, see [`SpeechError::kind`](crate::models::speech::SpeechError::kind).
        kind: &'static str,
        /// Why.
        reason: String,
    },
}

/// The part of a long recording that an answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioPart {
    /// The segments whose transcripts match the request best.
    Matching,
    /// The first segments, as none matches the request.
    Beginning,
    /// The last segments, which is what the task is about.
    End,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpeech => f.write_str("no speech found"),
            Self::TextLimit { start, end, tokens } => {
                if end > start {
                    write!(f, "from {start:.2} to {end:.2} s ")?;
                }
                write!(f, "the text was cut at {tokens} tokens")
            }
            Self::Unsupported { start, end, agreement, skipped } => {
                write!(
                    f,
                    "from {start:.2} to {end:.2} s the sound does not support the text (agreement {agreement:.2})"
                )?;
                skipped.iter().try_for_each(|text| write!(f, ", `{text}` may be left out"))
            }
            Self::PartOfAudio { part, seconds_used, seconds } => match part {
                AudioPart::Matching => write!(
                    f,
                    "the answer rests on {seconds_used:.0} of {seconds:.0} s of audio, which match the request best"
                ),
                AudioPart::Beginning => write!(
                    f,
                    "the answer rests on {seconds_used:.0} of {seconds:.0} s of audio, from the beginning, as no part \
                     matches the request"
                ),
                AudioPart::End => {
                    write!(f, "the answer rests on the last {seconds_used:.0} of {seconds:.0} s of audio")
                }
            },
            Self::SegmentFailed { start, end, reason, .. } => {
                write!(f, "from {start:.2} to {end:.2} s there is no answer: {reason}")
            }
        }
    }
}
