//! Answers one input.

use std::io;
use std::panic::{self, AssertUnwindSafe};

use slm_core::{Model, Request};

use super::write::{self, OpenLine};
use crate::args::{InputArgs, Level};
use crate::console::Console;
use crate::input::{Feed, Input};
use crate::interrupt::Interrupt;
use crate::offset;
use crate::preparation::DelayedNote;
use crate::progress::Progress;
use crate::report::{self, Answered, Closing, FailedInput, Failure, Form, Inputs, Listing, Outcome, Output};
use crate::session::{self, Told};

/// The work on all inputs.
pub(super) struct Work<'a> {
    pub(super) model: &'a Model,
    pub(super) request: &'a Request,
    pub(super) inputs: &'a InputArgs,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: Progress,
    /// What is told where the first answer takes long; it goes with that answer.
    pub(super) preparing: Option<DelayedNote>,
}

impl Work<'_> {
    /// Answers the `index`th of `count` inputs, and tells what is odd or failed; whether nothing failed.
    pub(super) fn answer_one(
        &mut self,
        input: Result<Input, FailedInput>,
        mut output: Output,
        (index, count): (usize, usize),
        console: &mut Console,
    ) -> io::Result<bool> {
        let mut line = OpenLine::default();
        let (name, outcome) = match input {
            Ok(input) => {
                self.progress.begin(&input.name, index, count);
                let outcome = self.attempt(&input, (&mut output, &mut line), console)?;
                (input.name, outcome)
            }
            Err(failed) => (failed.path, Outcome::failed(failed.failure)),
        };
        self.preparing = None;
        let Outcome { answer, notices, failure } = outcome;
        self.progress.end(answer.as_ref().map_or(0.0, |answer| answer.seconds));
        let path = name.as_path();
        let mut failed = failure.map(|failure| FailedInput { path: name.clone(), failure });
        match &mut output {
            Output::Form(form) => {
                let answered = answer.as_ref().map(|answer| Answered {
                    path,
                    answer,
                    notices: &notices,
                    failed: failed.as_ref(),
                });
                let place = (Inputs::of(count), &line);
                write::answer(answered.as_ref(), failed.as_ref(), *form, place, console)?;
            }
            Output::Growing(growing) => {
                let closing = Closing { answer: answer.as_ref(), notices: &notices, failed: failed.as_ref() };
                if let Err(error) = growing.end(&closing, console.out) {
                    let failure = report::of_file(error)?.into();
                    failed.get_or_insert(FailedInput { path: name.clone(), failure });
                }
            }
        }

        let listing = if console.manner.level == Level::Verbose { Listing::Full } else { Listing::Grouped };
        for warning in report::warnings(path, &notices, listing) {
            console.remark(&warning);
        }
        if let Some(answer) = &answer {
            write::tell_more(path, answer, &output, console);
        }
        if let Some(failed) = &failed {
            console.tell(&report::render(failed));
        }
        Ok(failed.is_none())
    }

    /// What becomes of an input. A panic is its failure, not the end of the others; so is a file that cannot be written.
    fn attempt(
        &mut self,
        input: &Input,
        (output, line): (&mut Output, &mut OpenLine),
        console: &mut Console,
    ) -> io::Result<Outcome> {
        let attempt = AssertUnwindSafe(|| self.read_and_answer(input, (output, line), console));
        let attempt = panic::catch_unwind(attempt)
            .unwrap_or_else(|payload| Ok(Outcome::failed(Failure::Panic(report::panic_message(&*payload)))));
        match attempt {
            Ok(outcome) => Ok(outcome),
            Err(error) => Ok(Outcome::failed(report::of_file(error)?.into())),
        }
    }

    /// Reads an input and answers it meanwhile. What can no longer change is written where it is wanted early.
    fn read_and_answer(
        &mut self,
        input: &Input,
        (output, line): (&mut Output, &mut OpenLine),
        console: &mut Console,
    ) -> io::Result<Outcome> {
        let (start, progress, preparing) = (input.options.start, &mut self.progress, &mut self.preparing);
        let mut tell = |told: Told| -> io::Result<()> {
            if !matches!(told, Told::Expected(_)) {
                *preparing = None;
            }
            match (told, &mut *output) {
                (Told::Expected(seconds), _) => progress.expect(seconds),
                (Told::Done(seconds), _) => progress.reach(seconds),
                (Told::Text(text), Output::Form(Form::Streamed)) => {
                    line.is_open = true;
                    write!(console.out, "{}", report::one_line(text))?;
                    console.out.flush()?;
                }
                (Told::Segment(segment), Output::Growing(growing)) => {
                    growing.segment(&offset::shifted(segment, start), console.out)?;
                }
                (Told::Text(_), _) | (Told::Segment(_), Output::Form(_)) => {}
            }
            Ok(())
        };
        let feed = Feed::of(input);
        let mut ended = session::run(self.model, self.request, feed, self.interrupt, &mut tell)?;
        offset::shift(&mut ended.answer, start);
        Ok(Outcome::of(ended, self.inputs.strict))
    }
}
