//! `slm-cli chat [FILE...]`: a dialog, by recordings or by typing.
//!
//! Every turn has what was said before in its instruction: what the user typed, or what the model heard, and its own
//! replies. Turns that cannot be read are told and left out.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use slm_core::task::Speaker;
use slm_core::task::{Dialog, Request, SpeechModel, Task};

use super::answer::read;
use crate::args::{ChatArgs, ModelArgs};
use crate::model;
use crate::report::{self, FailedInput, Failure, Stop};

/// What ends a turn of the user.
enum Input {
    Typed(String),
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
}

pub(super) fn execute(model_args: &ModelArgs, args: &ChatArgs) -> Result<ExitCode, Stop> {
    let model = model::load(model_args)?;
    let mut request = model.request(Task::Reply);
    request.decode = args.decode.apply(request.decode);
    request.stop.clone_from(&args.decode.stop);
    model.check(&request).map_err(anyhow::Error::from)?;

    let interactive = io::stdin().is_terminal();
    if interactive && args.files.is_empty() {
        report::to_stderr(
            "type a turn, `/file FILE` for a recording, `/clear` to start anew, `/quit` to end",
        );
    }
    let mut chat = Chat { model: &model, request, words: args.history, dialog: Dialog::default() };
    let mut out = io::stdout().lock();
    let mut failed = false;
    let spoken = args.files.iter().cloned().map(|path| Ok(Input::Spoken(path)));
    // With recordings on the command line and no terminal, standard input is not waited for.
    let reads_on = interactive || args.files.is_empty();
    let typed = io::stdin().lock().lines().take_while(|_| reads_on).map(|line| line.map(|line| parse(&line)));
    for input in spoken.chain(typed) {
        let (path, turn) = match input? {
            Input::Typed(text) if text.trim().is_empty() => continue,
            Input::Typed(text) => (None, chat.typed(&text)),
            Input::Spoken(path) => {
                let turn = chat.spoken(&path);
                (Some(path), turn)
            }
            Input::Clear => {
                chat.dialog = Dialog::default();
                continue;
            }
            Input::Quit => break,
            Input::Unknown(text) => {
                report::to_stderr(&format!(
                    "error: unknown command `{text}`; there are /file, /clear and /quit"
                ));
                failed = true;
                continue;
            }
        };
        match turn {
            Ok(Turn { user, assistant }) => {
                if args.json {
                    let path = path.map(|path| path.display().to_string());
                    let record = TurnRecord { path, user: &user, assistant: &assistant };
                    writeln!(out, "{}", serde_json::to_string(&record).map_err(io::Error::from)?)?;
                } else {
                    if path.is_some() {
                        report::to_stderr(&format!("heard: {user}"));
                    }
                    writeln!(out, "{assistant}")?;
                }
                out.flush()?;
            }
            Err(failure) => {
                let path = path.unwrap_or_else(|| "-".into());
                report::to_stderr(&report::render(&FailedInput { path, failure }));
                failed = true;
            }
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// What a line asks for.
fn parse(line: &str) -> Input {
    let line = line.trim();
    match line.split_once(char::is_whitespace) {
        Some(("/file", path)) => Input::Spoken(path.trim().into()),
        None if line == "/clear" => Input::Clear,
        None if line == "/quit" => Input::Quit,
        _ if line.starts_with('/') => Input::Unknown(line.into()),
        _ => Input::Typed(line.into()),
    }
}

/// What was said in a turn, and the reply.
struct Turn {
    user: String,
    assistant: String,
}

/// A dialog that goes on.
struct Chat<'a> {
    model: &'a SpeechModel,
    request: Request,
    /// Words of earlier turns at most.
    words: usize,
    dialog: Dialog,
}

impl Chat<'_> {
    fn typed(&mut self, text: &str) -> Result<Turn, Failure> {
        let request = self.next();
        let response = self.model.respond_to_text(&[text], &request)?.into_iter().next().unwrap_or_default();
        Ok(self.add(text.to_owned(), response.text))
    }

    fn spoken(&mut self, path: &Path) -> Result<Turn, Failure> {
        let samples = read(path)?.samples;
        let request = self.next();
        let respond = |request: &Request| -> Result<_, Failure> {
            Ok(self.model.respond(&[&samples], request)?.into_iter().next().unwrap_or_default())
        };
        // What was heard is history for the turns to come.
        let heard = respond(&Request { task: Task::Transcribe, ..request.clone() })?;
        if heard.no_speech {
            return Err(Failure::Warning(slm_core::audio::AudioWarning::NoSpeech));
        }
        let response = respond(&request)?;
        Ok(self.add(heard.text, response.text))
    }

    /// The request for the turn to come.
    fn next(&self) -> Request {
        let dialog = self.dialog.recent(self.words);
        Request { task: Task::Chat { dialog }, ..self.request.clone() }
    }

    fn add(&mut self, user: String, assistant: String) -> Turn {
        self.dialog.push(Speaker::User, &user);
        self.dialog.push(Speaker::Assistant, &assistant);
        Turn { user, assistant }
    }
}
