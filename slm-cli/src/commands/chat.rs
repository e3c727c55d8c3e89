//! `slm-cli chat [FILE...]`: a dialog, by recordings or by typing.
//!
//! Every turn has what was said before in its instruction: what the user typed, or what the model heard, and its own
//! replies. Turns that cannot be read are told and left out.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use slm_core::{Answer, Dialog, Model, Request, Segment, Source, Speaker, Task, Warning};

use crate::args::{ChannelChoice, ChatArgs, ColorChoice, Folders, Level, ModelArgs, UsageError};
use crate::console::{Console, Manner};
use crate::input::{self, Input as Recording};
use crate::interrupt::Interrupt;
use crate::report::{self, FailedInput, Failure, Listing, Notice, NoticeRecord, SourceRecord, Stop};
use crate::typed::{LineError, Lines};
use crate::{model, offset, session};

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

pub(super) fn execute(
    model_args: &ModelArgs,
    args: &ChatArgs,
    interrupt: &Interrupt,
) -> Result<ExitCode, Stop> {
    check(args)?;
    // From here on, what was begun is ended in order.
    let _held = interrupt.hold();
    let model = model::open(model_args, interrupt)?;
    try_first(&model, args)?;

    // Standard input holds a recording or typed turns, not both.
    let is_recording = args.files.iter().any(|path| input::is_stdin(path));
    let is_interactive = !is_recording && io::stdin().is_terminal();
    let (mut out, mut err) = (io::stdout().lock(), io::stderr());
    let manner = Manner { level: args.manners.level(), ..Manner::default() };
    let mut console = Console { out: &mut out, err: &mut err, manner };
    let mut chat = Chat::new(&model, args, interrupt);
    if is_interactive && args.files.is_empty() {
        console.remark("type a turn, `/file FILE` for a recording, `/clear` to start anew, `/quit` to end");
    }
    for named in input::expand(&args.files, Folders::Refused) {
        match named {
            _ if interrupt.is_asked() => break,
            Ok(path) => chat.say(&path, &mut console)?,
            Err(error) => {
                let path = error.path().to_owned();
                chat.complain(&FailedInput { path, failure: Failure::Input(error) }, &mut console);
            }
        }
    }
    // With recordings on the command line and no terminal, standard input is not waited for.
    if is_interactive || args.files.is_empty() {
        chat.follow(Lines::new(io::stdin().lock()), &mut console)?;
    }
    Ok(ExitCode::from(u8::from(chat.has_failed)))
}

/// Refuses options that have no meaning for a dialog.
pub(super) fn check(args: &ChatArgs) -> Result<(), UsageError> {
    let refuse = |message: &str, hint: &str| {
        Err(UsageError { message: message.to_owned(), hint: Some(hint.to_owned()) })
    };
    if args.reading.channel == Some(ChannelChoice::Each) {
        return refuse(
            "`--channel each` cannot be followed, as a recording is one turn",
            "name the channel of the speaker",
        );
    }
    if args.manners.color == Some(ColorChoice::Always) {
        return refuse(
            "`--color always` has no effect on `slm-cli chat`",
            "words of transcripts are coloured, by how well the sound supports them",
        );
    }
    Ok(())
}

/// Asks the model about a first turn, before there is one.
pub(super) fn try_first(model: &Model, args: &ChatArgs) -> anyhow::Result<()> {
    let first = args.decode.request(model, Task::Reply, None);
    args.decode.check(&first.decode)?;
    Ok(model.check(&first)?)
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
}

/// A dialog that goes on.
struct Chat<'a> {
    model: &'a Model,
    args: &'a ChatArgs,
    interrupt: &'a Interrupt,
    dialog: Dialog,
    /// Whether a turn was left out.
    has_failed: bool,
}

impl<'a> Chat<'a> {
    fn new(model: &'a Model, args: &'a ChatArgs, interrupt: &'a Interrupt) -> Self {
        Self { model, args, interrupt, dialog: Dialog::default(), has_failed: false }
    }

    /// Follows what is typed, to the last line or `/quit`.
    fn follow(
        &mut self,
        mut lines: impl Iterator<Item = Result<String, LineError>>,
        console: &mut Console,
    ) -> io::Result<()> {
        // Nothing is lost where the program ends while it waits for a line.
        while !self.interrupt.is_asked()
            && let Some(line) = self.interrupt.at_once(|| lines.next())
        {
            match line.map(|line| parse(&line)) {
                Ok(Input::Empty) => {}
                Ok(Input::Typed(text)) => {
                    let mut notices = Vec::new();
                    let turn = self.typed(text, &mut notices);
                    self.tell(None, turn, &notices, console)?;
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
        let mut notices = Vec::new();
        let turn = self.spoken(path, &mut notices);
        self.tell(Some(path), turn, &notices, console)
    }

    /// Writes a reply, or tells why there is none; either way, what is odd about the recording, what was heard, or the
    /// reply.
    fn tell(
        &mut self,
        path: Option<&Path>,
        turn: Result<Turn, Failure>,
        notices: &[Notice],
        console: &mut Console,
    ) -> io::Result<()> {
        let input = path.unwrap_or(Path::new("-"));
        let Turn { user, part, reply } = match turn {
            Ok(turn) => turn,
            Err(failure) => {
                self.warn(input, notices, console);
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
                console.remark(&format!("heard: {user}"));
            }
            writeln!(console.out, "{}", report::one_line(&reply.text))?;
        }
        console.out.flush()?;
        if !self.args.json
            && let Some(sources) = report::sources(input, &reply.sources)
        {
            console.remark(&sources);
        }
        // A stretch that was not heard is more than odd: the dialog lacks it.
        let is_lost = |notice: &Notice| matches!(notice, Notice::Answer(Warning::SegmentFailed { .. }));
        self.has_failed |= notices.iter().any(is_lost);
        self.warn(input, notices, console);
        self.dialog.push(Speaker::User, part.as_ref().unwrap_or(&user));
        self.dialog.push(Speaker::Assistant, &reply.text);
        Ok(())
    }

    /// Tells of a turn that is left out.
    fn complain(&mut self, error: &(dyn Error + 'static), console: &mut Console) {
        self.has_failed = true;
        console.tell(&report::render(error));
    }

    /// Tells what is odd.
    fn warn(&self, input: &Path, notices: &[Notice], console: &mut Console) {
        let is_full = self.args.manners.level() == Level::Verbose;
        let listing = if is_full { Listing::Full } else { Listing::Grouped };
        for warning in report::warnings(input, notices, listing) {
            console.remark(&warning);
        }
    }

    fn typed(&self, user: String, notices: &mut Vec<Notice>) -> Result<Turn, Failure> {
        let reply = self.model.answer_text(&user, &self.next(), &self.interrupt.token())?;
        notices.extend(reply.warnings.iter().cloned().map(Notice::Answer));
        Ok(Turn { user, part: None, reply })
    }

    fn spoken(&self, path: &Path, notices: &mut Vec<Notice>) -> Result<Turn, Failure> {
        let recording = Recording::new(path, &self.args.reading);
        let mut odd = Vec::new();
        let (samples, read) = recording.read(&mut odd);
        notices.extend(odd.into_iter().map(Notice::Audio));
        read?;
        let mut ask = |request: &Request| {
            let mut answer = session::answer(self.model, request, &samples, self.interrupt)?;
            offset::shift(&mut answer, recording.options.start);
            notices.extend(answer.warnings.iter().cloned().map(Notice::Answer));
            Ok::<_, slm_core::Error>(answer)
        };
        // What was heard is history for the turns to come. How replies are chosen is nothing to it.
        let mut transcribe = self.model.request(Task::Transcribe);
        self.args.segments.apply(&mut transcribe);
        let heard = ask(&transcribe)?;
        if heard.no_speech {
            return Err(Failure::NoSpeech);
        }
        let reply = ask(&self.next())?;
        // Half of the room for earlier turns, so that the reply has the other half.
        let words = self.args.history / 2;
        let part = (!reply.sources.is_empty()).then(|| said_within(&heard, &reply.sources, words));
        Ok(Turn { user: heard.text, part, reply })
    }

    /// The request for the turn to come.
    fn next(&self) -> Request {
        let dialog = self.dialog.recent(self.args.history);
        let mut request = self.args.decode.request(self.model, Task::Chat { dialog }, None);
        self.args.segments.apply(&mut request);
        request
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
