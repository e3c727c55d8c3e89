//! Answers a task for each input, one after the other, and goes on after a failure.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use slm_core::{Answer, Model, Request};

use super::job::Job;
use crate::args::{InputArgs, ModelArgs, Stretches};
use crate::colour::{self, Colours};
use crate::console::{Console, Level, Manner};
use crate::input::{self, Feed, Input};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::{self, Answered, FailedInput, Failure, Form, Listing, Outcome, Stop};
use crate::session::Told;
use crate::{model, offset, session};

/// Does a job with the model that the arguments name.
pub(super) fn answer(model_args: &ModelArgs, job: &Job, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    job.check()?;
    // A list that cannot be read is told before a large model is loaded.
    let phrases = job.phrases().map_err(anyhow::Error::from)?;
    // From here on, what was begun is ended in order.
    let _held = interrupt.hold();
    let model = model::open(model_args, interrupt)?;
    let request = job.request(&model, phrases.as_ref())?;
    let manner = Manner::of(&job.inputs.manners, job.inputs.stream);
    let (mut out, mut err) = (manner.colours.stdout(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err, manner };
    let is_whole = answer_all(&model, &request, job.inputs, interrupt, &mut console)?;
    Ok(ExitCode::from(u8::from(!is_whole)))
}

/// Answers all inputs; whether none failed.
pub(super) fn answer_all(
    model: &Model,
    request: &Request,
    inputs: &InputArgs,
    interrupt: &Interrupt,
    console: &mut Console,
) -> io::Result<bool> {
    let named = input::expand(&inputs.files, inputs.folders());
    let all = named.len();
    let mut work = Work { model, request, inputs, interrupt, progress: Progress::new(console.manner.bar) };
    let (mut begun, mut done, mut failed) = (0, 0, 0);
    'files: for named in named {
        begun += 1;
        for input in parts(named, inputs) {
            if work.answer_one(input, (begun, all), console)? {
                done += 1;
            } else {
                failed += 1;
            }
            if (failed > 0 && inputs.fail_fast) || interrupt.is_asked() {
                break 'files;
            }
        }
    }
    if all > 1 || console.manner.level == Level::Verbose {
        console.remark(&work.progress.summary());
    }
    if all > 1 || done + failed > 1 {
        console.remark(&report::summary(done, failed, all - begun));
    }
    Ok(failed == 0)
}

/// What of a file is answered by itself: all of it, or each channel.
fn parts(named: Result<PathBuf, input::InputError>, inputs: &InputArgs) -> Vec<Result<Input, FailedInput>> {
    let path = match named {
        Ok(path) => path,
        Err(error) => {
            let path = error.path().to_owned();
            return vec![Err(FailedInput { path, failure: Failure::Input(error) })];
        }
    };
    match Input::at(&path, &inputs.reading) {
        Ok(parts) => parts.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(FailedInput { path, failure: error.into() })],
    }
}

/// The work on all inputs.
struct Work<'a> {
    model: &'a Model,
    request: &'a Request,
    inputs: &'a InputArgs,
    interrupt: &'a Interrupt,
    progress: Progress,
}

impl Work<'_> {
    /// Answers one input, and tells what is odd or failed; whether nothing failed.
    fn answer_one(
        &mut self,
        input: Result<Input, FailedInput>,
        (index, count): (usize, usize),
        console: &mut Console,
    ) -> io::Result<bool> {
        let mut line = OpenLine::default();
        let (name, outcome) = match input {
            Ok(input) => {
                self.progress.begin(&input.name, index, count);
                // A panic is the failure of this input, not the end of the others.
                let attempt = AssertUnwindSafe(|| self.read_and_answer(&input, &mut line, console));
                let outcome = panic::catch_unwind(attempt).unwrap_or_else(|payload| {
                    Ok(Outcome::failed(Failure::Panic(report::panic_message(&*payload))))
                })?;
                (input.name, outcome)
            }
            Err(failed) => (failed.path, Outcome::failed(failed.failure)),
        };
        let Outcome { answer, notices, failure } = outcome;
        self.progress.end(answer.as_ref().map_or(0.0, |answer| answer.seconds));
        let path = name.as_path();
        let failed = failure.map(|failure| FailedInput { path: name.clone(), failure });
        let form = Form::of(self.inputs);
        match (&answer, &failed) {
            (Some(answer), _) if write_coloured(answer, form, console)? => {}
            (Some(answer), failed) => {
                let answered = Answered { path, answer, notices: &notices, failed: failed.as_ref() };
                report::write_answer(console.out, &answered, form)?;
            }
            (None, Some(failed)) if form == Form::Json => report::write_failure(console.out, failed)?,
            // What is told next must not stand on the line that was begun.
            (None, _) if line.is_open => writeln!(console.out)?,
            (None, _) => {}
        }
        console.out.flush()?;

        let listing = if console.manner.level == Level::Verbose { Listing::Full } else { Listing::Grouped };
        for warning in report::warnings(path, &notices, listing) {
            console.remark(&warning);
        }
        if let Some(answer) = &answer {
            if form != Form::Json
                && let Some(found) = report::phrases(path, answer)
            {
                console.remark(&found);
            }
            if form == Form::NBest && answer.segments.len() > 1 {
                let warning = "other texts are written for audio of one segment, 30 s at most; \
                               `--json` has those of each segment";
                console.remark(&report::warning(path, &warning));
            }
        }
        if let Some(failed) = &failed {
            console.tell(&report::render(failed));
        }
        Ok(failed.is_none())
    }

    /// Reads an input and answers it meanwhile. Text that comes early is written where it is to be streamed.
    fn read_and_answer(
        &mut self,
        input: &Input,
        line: &mut OpenLine,
        console: &mut Console,
    ) -> io::Result<Outcome> {
        let (is_streamed, progress) = (self.inputs.stream, &mut self.progress);
        let mut tell = |told: Told| -> io::Result<()> {
            match told {
                Told::Expected(seconds) => progress.expect(seconds),
                Told::Done(seconds) => progress.reach(seconds),
                Told::Text(text) if is_streamed => {
                    line.is_open = true;
                    write!(console.out, "{}", report::one_line(text))?;
                    console.out.flush()?;
                }
                Told::Text(_) => {}
            }
            Ok(())
        };
        let feed = Feed::of(input);
        let mut ended = session::run(self.model, self.request, feed, self.interrupt, &mut tell)?;
        offset::shift(&mut ended.answer, input.options.start);
        Ok(Outcome::of(ended, self.inputs.strict))
    }
}

/// Writes an answer with its words in colours, where that is wanted and it has a form for reading; whether it did.
fn write_coloured(answer: &Answer, form: Form, console: &mut Console) -> io::Result<bool> {
    match form {
        _ if console.manner.colours == Colours::Plain => return Ok(false),
        Form::Text => writeln!(console.out, "{}", colour::text(answer))?,
        Form::Timed(Stretches::Words) => {
            let aligned = answer.segments.iter().filter_map(|segment| segment.alignment.as_ref());
            for word in aligned.flat_map(|aligned| &aligned.words) {
                let text = colour::word(&word.text, word.agreement);
                writeln!(console.out, "{:.2}\t{:.2}\t{text}", word.start, word.end)?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Whether a line was begun that is not ended yet.
#[derive(Default)]
struct OpenLine {
    is_open: bool,
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use crate::commands::harness::{self, Ended, recording};

    #[test]
    fn a_line_that_was_begun_is_ended_before_the_next_input() {
        let (first, second) = (recording("000000-16147b07.wav"), recording("000002-0e9c3d67.wav"));
        // Texts that were cut are failures under `--strict`, but their beginnings are written already.
        let line = ["transcribe", "--stream", "--strict", "--max-new-tokens", "3", &first, &second];
        let Ended::Answered { out, err, is_whole } = harness::run(&harness::model(), &line) else {
            panic!("it was refused");
        };
        assert!(!is_whole);
        assert_eq!(out.lines().count(), 2, "{out}");
        assert!(out.ends_with('\n') && out.lines().all(|line| !line.is_empty()), "{out}");
        assert_eq!(err.matches("error: cannot answer `").count(), 2, "{err}");
        assert_eq!(err.matches("the text was cut at 3 tokens").count(), 2, "{err}");
    }

    #[test]
    fn a_text_that_ran_into_its_limit_is_told_in_every_form() {
        let model = harness::model();
        let file = recording("000000-16147b07.wav");
        let file = file.as_str();
        for form in [
            &["--stream"][..],
            &["--timestamps", "segments"],
            &["--timestamps", "words"],
            &["--n-best", "2"],
            &["--json"],
            &[],
        ] {
            let line = [&["transcribe", "--max-new-tokens", "3"][..], form, &[file]].concat();
            let Ended::Answered { out, err, is_whole } = harness::run(&model, &line) else {
                panic!("{form:?} was refused");
            };
            assert!(is_whole && !out.is_empty(), "{form:?}: {err}");
            let warning = err.lines().next().unwrap_or_default();
            assert!(warning.starts_with("warning: `"), "{form:?}: {err}");
            assert!(warning.ends_with("s the text was cut at 3 tokens"), "{form:?}: {err}");
            if form == ["--json"] {
                let record: serde_json::Value = serde_json::from_str(&out).unwrap();
                assert!(
                    record["truncated"] == true && record["segments"][0]["truncated"] == true,
                    "{record}"
                );
                assert_eq!(record["warnings"][0]["kind"], "text_limit", "{record}");
            }
        }
        // A text that ends by itself is not told.
        let Ended::Answered { err, .. } = harness::run(&model, &["transcribe", file]) else {
            panic!("it was refused");
        };
        assert_eq!(err, "");
    }
}
