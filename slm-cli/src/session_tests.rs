//! Recordings that are read while they are answered, by the reference model.

use std::path::Path;

use slm_core::Task;

use super::*;
use crate::args::ReadingArgs;
use crate::commands::harness;
use crate::input::Input;

fn feed(path: &str, reading: &ReadingArgs) -> Feed {
    Feed::of(&Input::new(Path::new(path), reading))
}

#[test]
fn a_file_that_is_read_meanwhile_has_the_same_answer() {
    let model = harness::model();
    let file = harness::recording("000000-16147b07.wav");
    let request = model.request(Task::Transcribe);
    let (mut told, mut segments) = (String::new(), Vec::new());
    let (mut expected, mut done) = (0.0, 0.0);
    let ended =
        run(&model, &request, feed(&file, &ReadingArgs::default()), &Interrupt::default(), &mut |what| {
            match what {
                Told::Expected(seconds) => expected = seconds,
                Told::Done(seconds) => done = seconds,
                Told::Text(text) => told.push_str(text),
                Told::Segment(segment) => segments.push(segment.clone()),
            }
            Ok(())
        })
        .unwrap();
    assert!(ended.error.is_none() && ended.unread.is_none() && ended.odd.is_empty());
    let whole = slm_core::audio::read(Path::new(&file)).unwrap();
    let at_once = model.answer(&whole.samples, &request).unwrap();
    assert_eq!((&ended.answer.text, &told), (&at_once.text, &at_once.text));
    assert_eq!(segments, ended.answer.segments);
    assert!((expected - whole.seconds()).abs() < 0.01 && done > 0.0, "{expected} {done}");
}

#[test]
fn a_program_that_is_to_end_stops_at_once() {
    let model = harness::model();
    let file = harness::recording("000000-16147b07.wav");
    let interrupt = Interrupt::default();
    interrupt.ask();
    let request = model.request(Task::Transcribe);
    let mut tell = |_: Told| Ok(());
    let ended = run(&model, &request, feed(&file, &ReadingArgs::default()), &interrupt, &mut tell).unwrap();
    assert!(matches!(ended.error, Some(Error::Cancelled)), "{:?}", ended.error);
}

#[test]
fn what_cannot_be_read_at_all_is_not_answered() {
    let model = harness::model();
    let request = model.request(Task::Transcribe);
    let mut tell = |_: Told| Ok(());
    let missing = feed("missing.wav", &ReadingArgs::default());
    let ended = run(&model, &request, missing, &Interrupt::default(), &mut tell).unwrap();
    assert!(ended.unread.is_some() && ended.error.is_none() && ended.answer.segments.is_empty());
}
