//! Answers a task for each input, one after the other, and goes on after a failure.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use slm_core::{Answer, Model, Request};

use super::job::Job;
<<<<<<< HEAD
use crate::args::{InputArgs, ModelArgs, Stretches};
use crate::colour::{self, Colours};
use crate::console::{Console, Level, Manner};
use crate::input::{self, Feed, Input};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::{self, Answered, FailedInput, Failure, Form, Listing, Outcome, Stop};
use crate::session::Told;
use crate::{model, offset, session};
=======
use crate::args::{InputArgs, ModelArgs};
use crate::console::Console;
use crate::report::{
    self, Answered, Closing, Counts, FailedInput, Failure, Form, Inputs, Notice, Outcome, Output, Outputs,
    Stop,
};
use crate::session::{self, Told};
use crate::{input, model};
>>>>>>> main

/// Does a job with the model that the arguments name.
pub(super) fn answer(model_args: &ModelArgs, job: &Job, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    job.check()?;
    let outputs = Outputs::plan(job.inputs, &job.inputs.files)?;
    // A list that cannot be read is told before a large model is loaded.
    let phrases = job.phrases().map_err(anyhow::Error::from)?;
    // From here on, what was begun is ended in order.
    let _held = interrupt.hold();
    let model = model::open(model_args, interrupt)?;
    let request = job.request(&model, phrases.as_ref())?;
<<<<<<< HEAD
    let manner = Manner::of(&job.inputs.manners, job.inputs.stream);
    let (mut out, mut err) = (manner.colours.stdout(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err, manner };
    let is_whole = answer_all(&model, &request, job.inputs, interrupt, &mut console)?;
=======
    let (mut out, mut err) = (io::stdout().lock(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err };
    let is_whole = answer_all(&model, &request, job.inputs, &outputs, &mut console)?;
>>>>>>> main
    Ok(ExitCode::from(u8::from(!is_whole)))
}

/// Answers all inputs; whether none failed.
pub(super) fn answer_all(
    model: &Model,
    request: &Request,
    inputs: &InputArgs,
<<<<<<< HEAD
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
=======
    outputs: &Outputs,
    console: &mut Console,
) -> io::Result<bool> {
    if let Some(warning) = request.phrases.as_ref().and_then(|list| report::unspellable(list.unspellable())) {
        console.tell(&warning);
    }
    let all = inputs.files.len();
    let mut counts = Counts { skipped: all, ..Counts::default() };
    for (index, path) in inputs.files.iter().enumerate() {
        if counts.failed > 0 && inputs.fail_fast {
            break;
        }
        counts.skipped -= 1;
        if outputs.is_done(index) {
            counts.kept += 1;
        } else if answer_one(model, request, inputs, path, outputs.of(index, path, request), console)? {
            counts.done += 1;
        } else {
            counts.failed += 1;
        }
>>>>>>> main
    }
    if all > 1 || counts.kept > 0 {
        console.tell(&report::summary(counts));
    }
    Ok(counts.failed == 0)
}

<<<<<<< HEAD
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
=======
/// Answers one input, and tells what is odd or failed; whether nothing failed.
fn answer_one(
    model: &Model,
    request: &Request,
    inputs: &InputArgs,
    path: &Path,
    mut output: Output,
    console: &mut Console,
) -> io::Result<bool> {
    let mut line = OpenLine::default();
    // A panic is the failure of this input, not the end of the others.
    let attempt =
        AssertUnwindSafe(|| read_and_answer(model, request, inputs, path, (&mut output, &mut line), console));
    let attempt = panic::catch_unwind(attempt)
        .unwrap_or_else(|payload| Ok(Outcome::failed(Failure::Panic(report::panic_message(&*payload)))));
    let Outcome { answer, notices, failure } = match attempt {
        Ok(outcome) => outcome,
        Err(error) => Outcome::failed(report::of_file(error)?.into()),
    };
    let mut failed = failure.map(|failure| FailedInput { path: path.to_owned(), failure });
    match &mut output {
        Output::Form(form) => {
            let several = Inputs::of(inputs.files.len());
            let answered = answer.as_ref().map(|answer| Answered {
                path,
                answer,
                notices: &notices,
                failed: failed.as_ref(),
            });
            write(answered.as_ref(), failed.as_ref(), *form, (several, &line), console)?;
        }
        Output::Growing(growing) => {
            let closing = Closing { answer: answer.as_ref(), notices: &notices, failed: failed.as_ref() };
            if let Err(error) = growing.end(&closing, console.out) {
                let failure = report::of_file(error)?.into();
                failed.get_or_insert(FailedInput { path: path.to_owned(), failure });
            }
        }
    }

    for notice in &notices {
        console.tell(&report::warning(path, notice));
    }
    if let Some(answer) = &answer {
        tell_more(path, answer, &output, console);
>>>>>>> main
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

/// Writes an answer that is whole, or what stands in its place.
fn write(
    answered: Option<&Answered>,
    failed: Option<&FailedInput>,
    form: Form,
    (several, line): (Inputs, &OpenLine),
    console: &mut Console,
) -> io::Result<()> {
    match (answered, failed) {
        (Some(answered), _) => report::write_answer(console.out, answered, form)?,
        (None, Some(failed)) if form == Form::Json => report::write_failure(console.out, failed)?,
        // What is told next must not stand on the line that was begun; lines and inputs stay in step.
        (None, _) if line.is_open => writeln!(console.out)?,
        (None, _) if several == Inputs::Several && form.is_line_an_input() => writeln!(console.out)?,
        (None, _) => {}
    }
    console.out.flush()
}

/// Tells what an answer in this form does not.
fn tell_more(path: &Path, answer: &Answer, output: &Output, console: &mut Console) {
    if !matches!(output, Output::Form(Form::Json)) {
        let told = [
            report::phrases(path, answer),
            report::respelled(path, answer),
            report::sources(path, &answer.sources),
        ];
        told.into_iter().flatten().for_each(|line| console.tell(&line));
    }
    if matches!(output, Output::Form(Form::NBest)) && answer.segments.len() > 1 {
        let warning = "other texts are written for audio of one segment, 30 s at most; \
                       `--json` has those of each segment";
        console.tell(&report::warning(path, &warning));
    }
}

/// Whether a line was begun that is not ended yet.
#[derive(Default)]
struct OpenLine {
    is_open: bool,
}

<<<<<<< HEAD
=======
/// Reads an input and answers it. What can no longer change is written where it is wanted early.
fn read_and_answer(
    model: &Model,
    request: &Request,
    inputs: &InputArgs,
    path: &Path,
    (output, line): (&mut Output, &mut OpenLine),
    console: &mut Console,
) -> io::Result<Outcome> {
    let audio = match input::read(path) {
        Ok(audio) => audio,
        Err(error) => return Ok(Outcome::failed(error.into())),
    };
    if inputs.strict
        && let Some(warning) = audio.warnings.first()
    {
        return Ok(Outcome::failed(Failure::Notice(Notice::Audio(warning.clone()))));
    }
    let mut tell = |told: Told| -> io::Result<()> {
        match (told, &mut *output) {
            (Told::Text(text), Output::Form(Form::Streamed)) => {
                line.is_open = true;
                write!(console.out, "{}", report::one_line(text))?;
                console.out.flush()
            }
            (Told::Segment(segment), Output::Growing(growing)) => growing.segment(segment, console.out),
            _ => Ok(()),
        }
    };
    let ended = session::run(model, request, &audio.samples, &mut tell)?;
    Ok(Outcome::of(audio.warnings, ended, inputs.strict))
}

>>>>>>> main
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
    fn phrases_replace_nothing_that_was_heard_and_what_they_replace_is_told() {
        let model = harness::model();
        let run = |line: &[&str]| match harness::run(&model, line) {
            Ended::Answered { out, err, .. } => (out, err),
            Ended::Refused(error) => panic!("{error}"),
        };
        let (jam, freya) = (recording("000000-16147b07.wav"), recording("000009-b75a123a.wav"));
        let (out, err) = run(&["transcribe", "--phrase", "jama", &jam]);
        assert_eq!((out.trim_end(), err.as_str()), ("i forgot to buy jam at the market", ""));
        let (out, _) = run(&["transcribe", "--phrase", "vera", &freya]);
        assert_eq!(out.trim_end(), "good morning my name is freya");
        // As the user writes it; a name in letters that the labels lack is told once.
        let line = ["transcribe", "--phrase", "Fréya", "--phrase", "Фрея", &freya, &freya];
        let (out, err) = run(&line);
        assert_eq!(out.matches("good morning my name is Fréya").count(), 2, "{out}");
        let warning = "warning: phrase list: 1 phrase cannot be spelled by the model's labels: Фрея";
        assert_eq!((err.lines().next(), err.matches("warning: ").count()), (Some(warning), 1), "{err}");
        assert_eq!(err.matches("phrases found in the sound: Fréya").count(), 2, "{err}");
        let (out, _) = run(&["transcribe", "--json", "--phrase", "Fréya", &freya]);
        let record: serde_json::Value = serde_json::from_str(&out).unwrap();
        let text = record["text"].as_str().unwrap();
        assert!(text.ends_with("is Fréya"), "{record}");
        if let Some(one) = record["segments"][0]["respelled"].get(0) {
            assert_eq!(one["phrase"], "Fréya", "{record}");
            assert!(one["start"].as_f64() < one["end"].as_f64(), "{record}");
        }
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
