//! Answers a task for each input, one after the other, and goes on after a failure.

mod one;
mod plan;
mod write;

use std::io;
use std::process::ExitCode;

use slm_core::{Model, Request};

pub(super) use plan::Plan;

use super::job::Job;
use crate::args::{InputArgs, ModelArgs};
use crate::console::{Console, Level, Manner};
use crate::interrupt::Interrupt;
use crate::model;
use crate::preparation::{self, DelayedNote};
use crate::progress::Progress;
use crate::report::{self, Counts, Stop};
use one::Work;

/// Does a job with the model that the arguments name.
pub(super) fn answer(model_args: &ModelArgs, job: &Job, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    job.check()?;
    let plan = Plan::of(job.inputs)?;
    // A list that cannot be read is told before a large model is loaded.
    let phrases = job.phrases().map_err(anyhow::Error::from)?;
    // From here on, what was begun is ended in order.
    let _held = interrupt.hold();
    let manner = Manner::of(&job.inputs.manners, plan.outputs.is_live());
    let (mut out, mut err) = (manner.colours.stdout(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err, manner };
    if plan.is_all_done() {
        // Nothing is left for a model.
        console.remark(&report::summary(Counts { kept: plan.inputs.len(), ..Counts::default() }));
        return Ok(ExitCode::SUCCESS);
    }
    let model = model::open(model_args, interrupt)?;
    let mut request = job.request(&model, phrases.as_ref())?;
    // What phrases were found is told of the segments at the end.
    if request.phrases.is_none() {
        request.keep = plan.outputs.keep(console.manner.colours);
    }
    let is_whole = answer_all(&model, &request, job.inputs, plan, interrupt, &mut console)?;
    Ok(ExitCode::from(u8::from(!is_whole)))
}

/// Answers all inputs; whether none failed.
pub(super) fn answer_all(
    model: &Model,
    request: &Request,
    inputs: &InputArgs,
    plan: Plan,
    interrupt: &Interrupt,
    console: &mut Console,
) -> io::Result<bool> {
    if let Some(warning) = request.phrases.as_ref().and_then(|list| report::unspellable(list.unspellable())) {
        console.remark(&warning);
    }
    let all = plan.inputs.len();
    let note = preparation::note(model.backend().used).filter(|_| console.manner.level != Level::Quiet);
    let mut work = Work {
        model,
        request,
        inputs,
        interrupt,
        progress: Progress::new(console.manner.bar),
        preparing: note.map(|text| DelayedNote::after(preparation::PATIENCE, text, report::to_stderr)),
    };
    let mut counts = Counts { skipped: all, ..Counts::default() };
    let is_done: Vec<bool> = (0..all).map(|index| plan.is_done(index)).collect();
    for ((index, input), is_done) in plan.inputs.into_iter().enumerate().zip(is_done) {
        if (counts.failed > 0 && inputs.fail_fast) || interrupt.is_asked() {
            break;
        }
        counts.skipped -= 1;
        if is_done {
            counts.kept += 1;
            continue;
        }
        let output = plan.outputs.of(index, plan::name(&input), request);
        if work.answer_one(input, output, (index + 1, all), console)? {
            counts.done += 1;
        } else {
            counts.failed += 1;
        }
    }
    let was_tried = counts.done + counts.failed > 0;
    if was_tried && (all > 1 || console.manner.level == Level::Verbose) {
        console.remark(&work.progress.summary());
    }
    if all > 1 || counts.kept > 0 {
        console.remark(&report::summary(counts));
    }
    Ok(counts.failed == 0)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use std::process::ExitCode;

    use clap::Parser;

    use crate::args::{Cli, Command};
    use crate::commands::harness::{self, Ended, recording};
    use crate::commands::transcribe;
    use crate::interrupt::Interrupt;

    #[test]
    fn what_is_done_needs_no_model() {
        let dir = tempfile::tempdir().unwrap();
        let (file, folder) = (recording("000000-16147b07.wav"), dir.path().to_str().unwrap());
        let line = ["slm-cli", "--bundle", "no/such/folder", "transcribe", "--format", "srt,json"];
        let line = [&line[..], &["--output-dir", folder, "--resume", &file]].concat();
        let answered = || {
            let cli = Cli::parse_from(&line);
            let Command::Transcribe(args) = &cli.command else { panic!("expected transcribe") };
            super::answer(&cli.model, &transcribe::job(args).unwrap(), &Interrupt::default()).ok()
        };
        std::fs::write(dir.path().join("000000-16147b07.srt"), "").unwrap();
        assert_eq!(answered(), None);
        std::fs::write(dir.path().join("000000-16147b07.json"), "").unwrap();
        assert_eq!(answered(), Some(ExitCode::SUCCESS));
    }

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
    fn times_of_a_part_are_those_of_the_whole_also_where_they_come_early() {
        let (model, file) = (harness::model(), recording("000000-16147b07.wav"));
        let records = |form: &[&str]| -> Vec<serde_json::Value> {
            let line = [&["transcribe", "--start", "0.5"][..], form, &[&file]].concat();
            let Ended::Answered { out, .. } = harness::run(&model, &line) else { panic!("it was refused") };
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let (early, whole) = (records(&["--format", "jsonl"]), records(&["--json"]));
        let segment = &whole[0]["segments"][0];
        assert!(segment["start"].as_f64().unwrap() >= 0.5, "{segment}");
        assert_eq!(
            (&early[0]["kind"], &early[0]["start"], &early[0]["end"], &early[0]["words"][0]["start"]),
            (&"segment".into(), &segment["start"], &segment["end"], &segment["words"][0]["start"]),
        );
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
