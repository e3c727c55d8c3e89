//! How answers are written.

use std::io::{self, Write};
use std::path::Path;

use super::answered::Answered;
use super::failure::FailedInput;
use super::path::path_text;
use super::record::{AnswerRecord, FailureRecord};
use crate::args::{InputArgs, Stretches};

/// The form of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line an input.
    Text,
    /// A line an input, of which all but the end is written already.
    Streamed,
    /// A line a text, with its score.
    NBest,
    /// A line a stretch, with its times; the first column names the input where there are several.
    Timed(Stretches, Inputs),
    /// A record an input.
    Json,
}

/// How many inputs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inputs {
    One,
    Several,
}

impl Inputs {
    pub(crate) fn of(count: usize) -> Self {
        if count > 1 { Self::Several } else { Self::One }
    }
}

impl Form {
    /// The form that the arguments ask for, for so many inputs.
    pub(crate) fn of(inputs: &InputArgs, count: Inputs) -> Self {
        match inputs {
            InputArgs { json: true, .. } => Self::Json,
            InputArgs { stream: true, .. } => Self::Streamed,
            InputArgs { timestamps: Some(stretches), .. } => Self::Timed(*stretches, count),
            InputArgs { n_best: Some(2..), .. } => Self::NBest,
            _ => Self::Text,
        }
    }
}

impl Form {
    /// Whether each input has one line, in their order.
    pub(crate) fn is_line_an_input(self) -> bool {
        matches!(self, Self::Text | Self::Streamed)
    }
}

/// `text` as part of a line.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The column that names an input, where there are several.
pub(crate) fn name_column(path: &Path, count: Inputs) -> String {
    match count {
        Inputs::One => String::new(),
        Inputs::Several => one_line(&path_text(path)).replace('\t', " ") + "\t",
    }
}

/// Writes an answer.
pub(crate) fn write_answer(out: &mut dyn Write, answered: &Answered, form: Form) -> io::Result<()> {
    let answer = answered.answer;
    match form {
        Form::Text => writeln!(out, "{}", one_line(&answer.text)),
        Form::Streamed => writeln!(out),
        Form::NBest => {
            writeln!(out, "{:.4}\t{}", answer.score, one_line(&answer.text))?;
            let mut others = answer.alternatives.iter();
            others.try_for_each(|other| writeln!(out, "{:.4}\t{}", other.score, one_line(&other.text)))
        }
        Form::Timed(stretches, count) => {
            let name = name_column(answered.path, count);
            let mut write = |start: f64, end: f64, text: &str| {
                writeln!(out, "{name}{start:.2}\t{end:.2}\t{}", one_line(text))
            };
            let mut segments = answer.segments.iter();
            segments.try_for_each(|segment| match (stretches, &segment.alignment) {
                (Stretches::Segments, _) => write(segment.start, segment.end, &segment.text),
                (Stretches::Words, Some(aligned)) => {
                    aligned.words.iter().try_for_each(|word| write(word.start, word.end, &word.text))
                }
                (Stretches::Words, None) => Ok(()),
            })
        }
        Form::Json => write_json(out, &AnswerRecord::of(answered)),
    }
}

/// Writes the record of an input that failed.
pub(crate) fn write_failure(out: &mut dyn Write, failed: &FailedInput) -> io::Result<()> {
    write_json(out, &FailureRecord::of(failed))
}

/// Writes a record as a line.
pub(crate) fn write_json(out: &mut dyn Write, record: &impl serde::Serialize) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(record)?)
}

#[cfg(test)]
mod tests {
    use slm_core::audio::AudioWarning;
    use slm_core::{Answer, Warning};

    use super::super::failure::{Failure, Notice};
    use super::*;

    fn answer() -> Answer {
        let mut answer = Answer::default();
        answer.text = "call\nanna".into();
        answer.seconds = 1.23456;
        answer
    }

    fn written(answered: &Answered, form: Form) -> String {
        let mut out = Vec::new();
        write_answer(&mut out, answered, form).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_are_a_line_each() {
        let answer = answer();
        let answered = Answered { path: Path::new("talk.wav"), answer: &answer, notices: &[], failed: None };
        assert_eq!(written(&answered, Form::Text), "call anna\n");
        let expected = concat!(
            r#"{"path":"talk.wav","text":"call\nanna","duration":1.235,"no_speech":false,"truncated":false}"#,
            "\n",
        );
        assert_eq!(written(&answered, Form::Json), expected);
        let warning = AudioWarning::DataTruncated { found: 3.2, declared: 10.0 };
        let failure = Failure::Notice(Notice::Audio(warning));
        let mut out = Vec::new();
        write_failure(&mut out, &FailedInput { path: "talk.wav".into(), failure }).unwrap();
        let expected = concat!(
            r#"{"path":"talk.wav","error":{"kind":"truncated","message":"cannot read audio `talk.wav`: "#,
            r#"data ends after 3.20 s, header says 10.00 s"}}"#,
            "\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn times_of_several_inputs_name_theirs() {
        let mut segment = slm_core::Segment::default();
        (segment.end, segment.text) = (1.5, "call\nanna".into());
        let mut answer = answer();
        answer.segments = vec![segment.clone(), segment];
        let answered = Answered { path: Path::new("a\tb.wav"), answer: &answer, notices: &[], failed: None };
        let timed = |count| written(&answered, Form::Timed(Stretches::Segments, count));
        assert_eq!(timed(Inputs::One), "0.00\t1.50\tcall anna\n".repeat(2));
        assert_eq!(timed(Inputs::of(2)), "a b.wav\t0.00\t1.50\tcall anna\n".repeat(2));
        assert_eq!(written(&answered, Form::Timed(Stretches::Words, Inputs::Several)), "");
    }

    #[test]
    fn a_record_tells_limits_and_segments_without_an_answer() {
        let answer = answer();
        let notices = [Notice::Answer(Warning::TextLimit { start: 0.0, end: 30.0, tokens: 9 })];
        let lost =
            Warning::SegmentFailed { start: 30.0, end: 60.0, kind: "nonfinite", reason: "no luck".into() };
        let failed = FailedInput { path: "talk.wav".into(), failure: Failure::Segments(vec![lost]) };
        let answered = Answered {
            path: Path::new("talk.wav"),
            answer: &answer,
            notices: &notices,
            failed: Some(&failed),
        };
        let record: serde_json::Value = serde_json::from_str(&written(&answered, Form::Json)).unwrap();
        assert_eq!(record["text"], "call\nanna");
        assert_eq!(record["warnings"][0]["kind"], "text_limit");
        assert_eq!(record["warnings"][0]["end"], 30.0);
        assert_eq!(record["warnings"][1]["kind"], "segment_failed");
        assert_eq!(record["warnings"][1]["cause"], "nonfinite");
        assert!(record["warnings"][0].get("cause").is_none());
        assert_eq!(record["warnings"][1]["start"], 30.0);
        assert_eq!(record["error"]["kind"], "incomplete");
        assert!(record["error"]["message"].as_str().unwrap().contains("from 30.00 to 60.00 s"), "{record}");
    }
}
