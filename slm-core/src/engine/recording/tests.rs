//! Long recordings with tiny models of random weights.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::mpsc::channel;

use burn::prelude::*;

use super::*;
use crate::adapter::LengthReduction;
use crate::engine::cancel::CancelToken;
use crate::engine::event::{Event, Failure};
use crate::engine::queue::SampleQueue;
use crate::engine::request::{Delivery, TokenLimit};
use crate::engine::speech::Stretch;
use crate::engine::speech::tests::{ask, model, parts, sound};
use crate::engine::warning::AudioPart;
use crate::engine::worker::Worker;
use crate::engine::{Answer, Progress};
use crate::prompt::Templates;

const SECOND: usize = SAMPLE_RATE as usize;

/// A model that takes 30 s at once.
fn small() -> SpeechModel {
    let model = model().with_memory(1);
    assert!((model.whole_seconds() - 30.0).abs() < 1e-9);
    model
}

/// What a session would tell of `samples`, its last event apart.
fn answered(model: SpeechModel, request: Request, samples: &[f32]) -> (Result<Answer, Failure>, Vec<Event>) {
    let queue = Arc::new(SampleQueue::default());
    let (sender, receiver) = channel();
    let cache = Arc::new(EncoderCache::new(0));
    let cancel = CancelToken::default();
    let worker = Worker { model, request, cache, queue: Arc::clone(&queue), events: sender, cancel };
    assert!(queue.push(samples));
    queue.finish();
    worker.run();
    drop(worker);
    let mut events: Vec<Event> = receiver.iter().collect();
    let result = match events.pop().unwrap() {
        Event::Finished(answer) => Ok(*answer),
        Event::Failed(failure) => Err(*failure),
        other => panic!("{other:?} is no end"),
    };
    (result, events)
}

#[test]
fn a_question_about_a_long_recording_tells_its_sources() {
    let samples = sound(95 * SECOND);
    let request = Request { delivery: Delivery::Text, ..ask("who called") };
    let (answer, events) = answered(small(), request, &samples);
    let answer = answer.unwrap();
    assert!((answer.seconds - 95.0).abs() < 1e-9 && !answer.no_speech);
    let [segment] = answer.segments.as_slice() else { panic!("{:?}", answer.segments) };
    let (first, last) = (answer.sources.first().unwrap(), answer.sources.last().unwrap());
    assert_eq!((segment.start, segment.end), (first.start, last.end));
    let used: f64 = answer.sources.iter().map(|source| source.end - source.start).sum();
    assert!(used > 0.0 && used <= 30.0, "{:?}", answer.sources);
    assert!(answer.sources.iter().all(|source| source.text.is_some() && source.end <= 95.0));
    let told: Vec<f64> = answer
        .warnings
        .iter()
        .filter_map(|warning| match warning {
            Warning::PartOfAudio { part, seconds_used, seconds } => {
                assert!(*part != AudioPart::End && (seconds - 95.0).abs() < 1e-9);
                Some(*seconds_used)
            }
            Warning::TextLimit { start, end, .. } => {
                assert_eq!((*start, *end), (segment.start, segment.end));
                None
            }
            _ => None,
        })
        .collect();
    assert!(matches!(told[..], [told] if (told - used).abs() < 0.01), "{told:?} {used}");
    // What was heard is told on the way, and no transcript is taken for the answer.
    let done: Vec<f64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Progress(Progress { seconds_done, .. }) => Some(*seconds_done),
            _ => None,
        })
        .collect();
    assert!(done.is_sorted() && done.last() == Some(&95.0), "{done:?}");
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Segment(_))).count(), 1);
}

#[test]
fn audio_that_fits_is_answered_whole() {
    let samples = sound(29 * SECOND);
    let answer = answered(small(), ask("who called"), &samples).0.unwrap();
    assert!(answer.sources.is_empty());
    assert!(!answer.warnings.iter().any(|warning| matches!(warning, Warning::PartOfAudio { .. })));
    assert_eq!((answer.segments[0].start, answer.segments[0].end), (0.0, 29.0));
}

#[test]
fn little_speech_in_a_long_recording_is_all_used() {
    let mut samples = vec![0.0; 90 * SECOND];
    samples[50 * SECOND..52 * SECOND].copy_from_slice(&sound(2 * SECOND));
    let answer = answered(small(), ask("zebra"), &samples).0.unwrap();
    assert!(answer.sources.is_empty());
    let segment = &answer.segments[0];
    assert!((49.5..50.1).contains(&segment.start) && (51.9..52.5).contains(&segment.end), "{segment:?}");
    assert!(!answer.warnings.iter().any(|warning| matches!(warning, Warning::PartOfAudio { .. })));
    let silent = answered(small(), ask("zebra"), &vec![0.0; 90 * SECOND]).0.unwrap();
    assert!(silent.no_speech && silent.warnings == [Warning::NoSpeech]);
}

/// Stretches of sound of these tenths of a second, with a second of silence behind each.
fn stretches(tenths: &[usize]) -> Vec<f32> {
    let parted = tenths.iter().flat_map(|&tenths| [sound(tenths * SECOND / 10), vec![0.0; SECOND]]);
    parted.flatten().collect()
}

#[test]
fn a_segment_that_fails_takes_no_other_along() {
    let mut request = Request::new(Task::Transcribe);
    request.token_limit = TokenLimit::AtMost(6);
    request.segmentation.no_speech_threshold = 2.0;
    let samples = stretches(&[20, 20, 35, 20, 20, 20]);
    let seconds = |answer: &Answer| -> Vec<f64> {
        answer.segments.iter().map(|segment| segment.end - segment.start).collect()
    };
    let all = answered(model(), request.clone(), &samples).0.unwrap();
    let lengths = seconds(&all);
    assert_eq!(lengths.len(), 6, "{lengths:?}");
    let failing = model().failing_at(3.0..10.0);
    assert!((3.0..10.0).contains(&lengths[2]), "{lengths:?}");
    for delivery in [Delivery::Segments, Delivery::Text] {
        let request = Request { delivery, ..request.clone() };
        let (answer, events) = answered(failing.clone(), request, &samples);
        let answer = answer.unwrap();
        let starts = |answer: &Answer| -> Vec<f64> { answer.segments.iter().map(|one| one.start).collect() };
        let mut expected = starts(&all);
        let lost = expected.remove(2);
        assert_eq!(starts(&answer), expected, "{delivery:?}");
        let is_told = |warning: &Warning| matches!(warning, Warning::SegmentFailed { start, .. } if (start - lost).abs() < 1e-9);
        assert_eq!(
            answer.warnings.iter().filter(|warning| is_told(warning)).count(),
            1,
            "{:?}",
            answer.warnings
        );
        let told = events.iter().filter(|event| matches!(event, Event::Warning(warning) if is_told(warning)));
        assert_eq!(told.count(), 1, "{delivery:?}");
    }
    // The same without a session.
    let answer = failing.respond(&[&samples], &request).unwrap().remove(0);
    assert_eq!(answer.segments.len(), 5);
    assert!(answer.warnings.iter().any(|warning| matches!(warning, Warning::SegmentFailed { .. })));
    // Where every one fails, so does the whole.
    let failure = answered(model().failing_at(0.0..100.0), request, &samples).0.unwrap_err();
    assert_eq!(failure.partial.segments.len(), 0);
}

#[test]
fn a_question_goes_on_where_a_segment_cannot_be_heard() {
    let samples = stretches(&[20, 20, 35, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20]);
    let model = small().failing_at(3.0..10.0);
    let answer = answered(model, ask("who called"), &samples).0.unwrap();
    assert!(!answer.sources.is_empty() && answer.segments.len() == 1, "{answer:?}");
    let lost = answer.warnings.iter().filter(|warning| matches!(warning, Warning::SegmentFailed { .. }));
    assert_eq!(lost.count(), 1, "{:?}", answer.warnings);
}

/// A model whose bundle has these tasks.
fn with_tasks(tasks: &[(&str, &str)]) -> SpeechModel {
    let device = Device::flex();
    let mut parts = parts(LengthReduction::CtcAverage, &device);
    let tasks = tasks.iter().map(|(key, text)| ((*key).to_owned(), vec![(*text).to_owned()])).collect();
    parts.templates = Templates::parse(&tasks).unwrap();
    SpeechModel::new(parts, &device).unwrap().with_memory(1)
}

#[test]
fn what_continues_speech_takes_its_end() {
    let model = with_tasks(&[("continue", "{speech} : repeat")]);
    let mut request = Request::new(Task::Continue);
    request.segmentation.no_speech_threshold = 2.0;
    request.decode.max_new_tokens = 5;
    let answer = answered(model, request, &sound(75 * SECOND)).0.unwrap();
    let [source] = answer.sources.as_slice() else { panic!("{:?}", answer.sources) };
    assert!(source.start > 44.0 && source.text.is_none(), "{source:?}");
    assert!((source.end - 75.0).abs() < 1e-9, "{source:?}");
    let part = answer.warnings.iter().find_map(|warning| match warning {
        Warning::PartOfAudio { part, .. } => Some(*part),
        _ => None,
    });
    assert_eq!(part, Some(AudioPart::End));
}

#[test]
fn a_model_that_cannot_write_down_refuses_questions_about_long_recordings() {
    let model = with_tasks(&[("ask", "{speech} : {question}")]);
    let failure = answered(model.clone(), ask("who called"), &sound(31 * SECOND)).0.unwrap_err();
    assert_eq!(failure.error.kind(), "limit");
    assert!(failure.to_string().starts_with("more than 30 s of audio, "), "{failure}");
    assert!(failure.error.hint().is_some_and(|hint| hint.contains("`transcribe`")));
    assert!(answered(model, ask("who called"), &sound(20 * SECOND)).0.is_ok());
}

#[test]
fn what_is_kept_does_not_grow_with_the_recording() {
    let (model, request, cache) = (small(), ask("who called"), EncoderCache::new(0));
    let mut recording = Recording::new(&model, &request, &cache);
    let minute = sound(60 * SECOND);
    let mut cutter = model.cutter(&request);
    let mut most = 0;
    for _ in 0..4 {
        cutter.push(&minute);
        let cuts = std::iter::from_fn(|| cutter.next()).filter_map(|stretch| match stretch {
            Stretch::Speech(cut) => Some(cut),
            Stretch::Quiet(_) => None,
        });
        recording.add(cuts.collect(), &Watch::default()).unwrap();
        if recording.kept.is_none() {
            continue;
        }
        let Some(Kept::Best(best)) = &recording.kept else { panic!("{:?}", recording.kept) };
        most = most.max(best.sample_bytes());
    }
    // No memory to spare: what one answer can rest on is kept, in 16 bits.
    assert!(most > 0 && most <= 30 * SECOND * size_of::<i16>(), "{most}");
    assert!(recording.waiting.is_empty());
}
