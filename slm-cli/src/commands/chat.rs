//! `slm-cli chat [FILE...]`: a dialog, by recordings or by typing.
//!
//! Every turn has what was said before in its instruction: what the user typed, or what the model heard, and its own
//! replies. Turns that cannot be read are told and left out.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use slm_core::{Answer, CancelToken, Dialog, Model, Request, Segment, Source, Speaker, Task, Warning};

use crate::args::{ChatArgs, ModelArgs};
use crate::console::Console;
use crate::report::{self, FailedInput, Failure, Notice, NoticeRecord, SourceRecord, Stop, UsageError};
use crate::typed::{LineError, Lines};
use crate::{input, model};

/// What a line asks for.
#[derive(Debug, PartialEq)]
enum Input {
    /// Nothing.
    Empty,
    /// A turn in these words.
    Typed(String),
    /// A turn in this recording.
    Spoken(PathBuf),
    /// Forget what was said.
    Clear,
    Quit,
    /// No command, with what was typed.
    Unknown(String),
}

/// A JSON record of a turn.
#[derive(Serialize)]
struct TurnRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    user: &'a str,
    assistant: &'a str,
    /// The stretches of a long recording that the reply rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceRecord<'a>>,
    /// Whether the reply ran into its limit; only where it did.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<NoticeRecord>,
}

pub(super) fn execute(model_args: &ModelArgs, args: &ChatArgs) -> Result<ExitCode, Stop> {
    let model = model::open(model_args)?;
    let first = args.decode.request(&model, Task::Reply, None);
    args.decode.check(&first.decode)?;
    model.check(&first)?;

    // Standard input holds a recording or typed turns, not both.
    let is_recording = args.files.iter().any(|path| input::is_stdin(path));
    let is_interactive = !is_recording && io::stdin().is_terminal();
    let (mut out, mut err) = (io::stdout().lock(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err };
    let mut chat = Chat::new(&model, args);
    if is_interactive && args.files.is_empty() {
        console.tell("type a turn, `/file FILE` for a recording, `/clear` to start anew, `/quit` to end");
    }
    for path in &args.files {
        chat.say(path, &mut console)?;
    }
    // With recordings on the command line and no terminal, standard input is not waited for.
    if is_interactive || args.files.is_empty() {
        chat.follow(Lines::new(io::stdin().lock()), &mut console)?;
    }
    Ok(ExitCode::from(u8::from(chat.has_failed)))
}

/// What a line asks for.
fn parse(line: &str) -> Input {
    let line = line.trim();
    match line.split_once(char::is_whitespace) {
        Some(("/file", path)) => Input::Spoken(path.trim().into()),
        None if line.is_empty() => Input::Empty,
        None if line == "/clear" => Input::Clear,
        None if line == "/quit" => Input::Quit,
        _ if line.starts_with('/') => Input::Unknown(line.into()),
        _ => Input::Typed(line.into()),
    }
}

/// What was said in a turn, and the reply.
struct Turn {
    user: String,
    /// What of it later turns are told, where the reply rests on a part of a long recording.
    part: Option<String>,
    reply: Answer,
    /// What is odd about the recording, what was heard, or the reply.
    notices: Vec<Notice>,
}

/// A dialog that goes on.
struct Chat<'a> {
    model: &'a Model,
    args: &'a ChatArgs,
    dialog: Dialog,
    /// Whether a turn was left out.
    has_failed: bool,
}

impl<'a> Chat<'a> {
    fn new(model: &'a Model, args: &'a ChatArgs) -> Self {
        Self { model, args, dialog: Dialog::default(), has_failed: false }
    }

    /// Follows what is typed, to the last line or `/quit`.
    fn follow(
        &mut self,
        lines: impl Iterator<Item = Result<String, LineError>>,
        console: &mut Console,
    ) -> io::Result<()> {
        for line in lines {
            match line.map(|line| parse(&line)) {
                Ok(Input::Empty) => {}
                Ok(Input::Typed(text)) => {
                    let turn = self.typed(text);
                    self.tell(None, turn, console)?;
                }
                Ok(Input::Spoken(path)) if input::is_stdin(&path) => {
                    let error = UsageError {
                        message: "`/file -` cannot be followed, as turns are typed on standard input".into(),
                        hint: Some("`slm-cli chat -` takes a recording from there".into()),
                    };
                    self.complain(&error, console);
                }
                Ok(Input::Spoken(path)) => self.say(&path, console)?,
                Ok(Input::Clear) => self.dialog = Dialog::default(),
                Ok(Input::Quit) => break,
                Ok(Input::Unknown(text)) => {
                    let message = format!("unknown command `{text}`; there are /file, /clear and /quit");
                    self.complain(&UsageError { message, hint: None }, console);
                }
                Err(error) => self.complain(&error, console),
            }
        }
        Ok(())
    }

    /// Takes a recording for a turn.
    fn say(&mut self, path: &Path, console: &mut Console) -> io::Result<()> {
        let turn = self.spoken(path);
        self.tell(Some(path), turn, console)
    }

    /// Writes a reply, or tells why there is none.
    fn tell(
        &mut self,
        path: Option<&Path>,
        turn: Result<Turn, Failure>,
        console: &mut Console,
    ) -> io::Result<()> {
        let input = path.unwrap_or(Path::new("-"));
        let Turn { user, part, reply, notices } = match turn {
            Ok(turn) => turn,
            Err(failure) => {
                self.complain(&FailedInput { path: input.to_owned(), failure }, console);
                return Ok(());
            }
        };
        if self.args.json {
            let record = TurnRecord {
                path: path.map(report::path_text),
                user: &user,
                assistant: &reply.text,
                sources: reply.sources.iter().map(SourceRecord::of).collect(),
                truncated: reply.truncated,
                warnings: notices.iter().map(NoticeRecord::of).collect(),
            };
            report::write_json(console.out, &record)?;
        } else {
            if path.is_some() {
                console.tell(&format!("heard: {user}"));
            }
            writeln!(console.out, "{}", report::one_line(&reply.text))?;
        }
        console.out.flush()?;
        if !self.args.json
            && let Some(sources) = report::sources(input, &reply.sources)
        {
            console.tell(&sources);
        }
        for notice in &notices {
            // A stretch that was not heard is more than odd: the dialog lacks it.
            self.has_failed |= matches!(notice, Notice::Answer(Warning::SegmentFailed { .. }));
            console.tell(&report::warning(input, notice));
        }
        self.dialog.push(Speaker::User, part.as_ref().unwrap_or(&user));
        self.dialog.push(Speaker::Assistant, &reply.text);
        Ok(())
    }

    /// Tells of a turn that is left out.
    fn complain(&mut self, error: &(dyn Error + 'static), console: &mut Console) {
        self.has_failed = true;
        console.tell(&report::render(error));
    }

    fn typed(&self, user: String) -> Result<Turn, Failure> {
        let reply = self.model.answer_text(&user, &self.next(), &CancelToken::default())?;
        let notices = reply.warnings.iter().cloned().map(Notice::Answer).collect();
        Ok(Turn { user, part: None, reply, notices })
    }

    fn spoken(&self, path: &Path) -> Result<Turn, Failure> {
        let audio = input::read(path)?;
        // What was heard is history for the turns to come. How replies are chosen is nothing to it.
        let transcribe = self.model.request(Task::Transcribe);
        let heard = self.model.answer(&audio.samples, &transcribe).map_err(|failure| failure.error)?;
        if heard.no_speech {
            return Err(Failure::NoSpeech);
        }
        let reply = self.model.answer(&audio.samples, &self.next()).map_err(|failure| failure.error)?;
        let answers = heard.warnings.iter().chain(&reply.warnings).cloned().map(Notice::Answer);
        let notices = audio.warnings.into_iter().map(Notice::Audio).chain(answers).collect();
        // Half of the room for earlier turns, so that the reply has the other half.
        let words = self.args.history / 2;
        let part = (!reply.sources.is_empty()).then(|| said_within(&heard, &reply.sources, words));
        Ok(Turn { user: heard.text, part, reply, notices })
    }

    /// The request for the turn to come.
    fn next(&self) -> Request {
        let dialog = self.dialog.recent(self.args.history);
        self.args.decode.request(self.model, Task::Chat { dialog }, None)
    }
}

/// The last `words` words that were heard in these stretches: in the segments whose middle lies in one of them.
fn said_within(heard: &Answer, stretches: &[Source], words: usize) -> String {
    let lies_within = |segment: &&Segment| {
        let middle = f64::midpoint(segment.start, segment.end);
        stretches.iter().any(|stretch| (stretch.start..stretch.end).contains(&middle))
    };
    let said: Vec<&str> = heard
        .segments
        .iter()
        .filter(lies_within)
        .flat_map(|segment| segment.text.split_whitespace())
        .collect();
    said[said.len().saturating_sub(words)..].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_turns_or_commands() {
        for (line, expected) in [
            ("  good morning \r\n", Input::Typed("good morning".into())),
            ("/file  a b.wav\n", Input::Spoken("a b.wav".into())),
            ("/file -", Input::Spoken("-".into())),
            (" \n", Input::Empty),
            ("/clear\n", Input::Clear),
            ("/quit", Input::Quit),
            ("/file\n", Input::Unknown("/file".into())),
            ("/dance with me\n", Input::Unknown("/dance with me".into())),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
    }
}
