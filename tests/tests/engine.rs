//! The engine with the reference model: threads, cancelling, what is kept.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slm_core::{
    AudioPart, Backend, BackendChoice, CancelToken, ComputeType, Delivery, Error, Event, Keep, MemoryBudget,
    Model, OpenOptions, Task, Warning, audio,
};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn options() -> OpenOptions {
    OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))
}

fn model() -> Model {
    Model::open(root().join("weights/slm-tiny"), &options()).unwrap()
}

/// The committed recordings, in the order of their names.
fn sounds(count: usize) -> Vec<Vec<f32>> {
    let dir = root().join("tests/audio/test/wav");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= count);
    paths.iter().take(count).map(|path| audio::read(path).unwrap().samples).collect()
}

#[test]
fn eight_threads_get_the_texts_that_each_gets_alone() {
    let model = model();
    let sounds = sounds(4);
    let tasks = [Task::Transcribe, Task::Translate { to: "german".into() }];
    let work: Vec<(&Vec<f32>, &Task)> =
        tasks.iter().flat_map(|task| sounds.iter().map(move |sound| (sound, task))).collect();
    assert_eq!(work.len(), 8);
    // Nothing that one thread encoded helps another.
    let alone: Vec<String> = work
        .iter()
        .map(|(sound, task)| model.answer(sound, &model.request((*task).clone())).unwrap().text)
        .collect();
    assert!(alone.iter().all(|text| !text.is_empty()), "{alone:?}");
    let shared = Model::open(root().join("weights/slm-tiny"), &options().cache_bytes(0)).unwrap();
    let together: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = work
            .iter()
            .map(|(sound, task)| {
                let model = shared.clone();
                scope.spawn(move || model.answer(sound, &model.request((*task).clone())).unwrap().text)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(together, alone);
}

#[test]
fn samples_in_pieces_give_the_same_text_and_its_pieces_add_up() {
    let model = model();
    let sound = sounds(1).remove(0);
    let whole = model.answer(&sound, &model.request(Task::Transcribe)).unwrap();
    for delivery in [Delivery::Segments, Delivery::Text] {
        let mut request = model.request(Task::Transcribe);
        request.delivery = delivery;
        let mut session = model.session(request).unwrap();
        for piece in sound.chunks(1_600) {
            session.push(piece).unwrap();
        }
        session.finish();
        let (mut text, mut segments, mut answer) = (String::new(), 0, None);
        for event in session.events() {
            match event {
                Event::Text(piece) => text.push_str(&piece),
                Event::Segment(segment) => {
                    segments += 1;
                    assert!(!segment.alignment.unwrap().words.is_empty());
                }
                Event::Finished(finished) => answer = Some(finished),
                Event::Failed(failure) => panic!("{failure}"),
                _ => {}
            }
        }
        let answer = answer.unwrap();
        assert_eq!((text.trim(), segments), (answer.text.as_str(), 1), "{delivery:?}");
        assert_eq!(answer.text, whole.text, "{delivery:?}");
    }
}

#[test]
fn an_answer_that_keeps_the_text_alone_is_the_same_without_segments() {
    let model = model();
    // Two utterances with a pause.
    let sound = sounds(2).join(vec![0.0; 16_000].as_slice());
    let mut request = model.request(Task::Transcribe);
    let whole = model.answer(&sound, &request).unwrap();
    assert!(whole.segments.len() > 1 && whole.agreement().is_some(), "{whole:?}");
    request.keep = Keep::Text;
    let text = model.answer(&sound, &request).unwrap();
    assert_eq!((&text.text, text.agreement()), (&whole.text, whole.agreement()));
    assert_eq!((text.quiet.as_slice(), &text.ctc_text), (whole.quiet.as_slice(), &whole.ctc_text));
    assert!(text.segments.is_empty() && text.has_segments() && !text.no_speech);
}

#[test]
fn a_recording_is_encoded_once_for_a_transcript_and_three_questions() {
    let model = model();
    let sound = sounds(1).remove(0);
    model.answer(&sound, &model.request(Task::Transcribe)).unwrap();
    assert_eq!(model.encoder_cache_hits(), 0);
    for question in ["who is mentioned", "what is the name", "when"] {
        let request = model.request(Task::Ask { question: question.into() });
        model.answer(&sound, &request).unwrap();
    }
    assert_eq!(model.encoder_cache_hits(), 3);
}

#[test]
fn so_is_one_of_several_segments() {
    let model = model();
    let sound = sounds(2).join(vec![0.0; 16_000].as_slice());
    let seconds = sound.len() as f64 / f64::from(audio::SAMPLE_RATE);
    assert!(seconds < model.limits().whole_audio_seconds, "{seconds} s");
    let transcript = model.answer(&sound, &model.request(Task::Transcribe)).unwrap();
    assert_eq!((transcript.segments.len(), model.encoder_cache_hits()), (2, 0));
    for (asked, question) in (1..).zip(["who is mentioned", "what is the name", "when"]) {
        let request = model.request(Task::Ask { question: question.into() });
        let answer = model.answer(&sound, &request).unwrap();
        assert_eq!((answer.segments.len(), model.encoder_cache_hits()), (1, 2 * asked));
    }
}

#[test]
fn loading_can_be_cancelled() {
    let token = CancelToken::default();
    token.cancel();
    let result = Model::open(root().join("weights/slm-tiny"), &options().cancel(token));
    assert!(matches!(result.unwrap_err(), Error::Cancelled));
    // In the midst of the weights: after their first tensor.
    let token = CancelToken::default();
    let (cancel, loaded) = (token.clone(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&loaded);
    let options = options().cancel(token).progress(move |progress| {
        told.fetch_or(progress.done == progress.total, Ordering::Relaxed);
        cancel.cancel();
    });
    assert!(matches!(Model::open(root().join("weights/slm-tiny"), &options).unwrap_err(), Error::Cancelled));
    assert!(!loaded.load(Ordering::Relaxed));
}

#[test]
fn a_cancel_keeps_what_was_finished() {
    let model = model();
    let joined: Vec<f32> = sounds(4).into_iter().flatten().collect();
    // Far more than is answered before the cancel.
    let long: Vec<f32> = joined.iter().copied().cycle().take(100 * 16_000).collect();
    let mut request = model.request(Task::Transcribe);
    request.delivery = Delivery::Text;
    let mut session = model.session(request).unwrap();
    session.push(&long).unwrap();
    session.finish();
    let canceller = session.canceller();
    let (mut segments, mut asked, mut failure) = (0, None, None);
    for event in session.events() {
        match event {
            Event::Segment(_) => {
                segments += 1;
                asked.get_or_insert_with(Instant::now);
                canceller.cancel();
            }
            Event::Failed(failed) => failure = Some(failed),
            Event::Finished(answer) => panic!("not cancelled: {answer:?}"),
            _ => {}
        }
    }
    let failure = failure.unwrap();
    assert!(matches!(failure.error, Error::Cancelled), "{failure:?}");
    assert_eq!(failure.partial.segments.len(), segments);
    assert!(segments >= 1 && !failure.partial.text.is_empty());
    // Far beyond what it takes, for machines that are busy; the figures are in docs/benchmarks.md.
    assert!(asked.unwrap().elapsed() < Duration::from_secs(20));
    assert!(session.push(&[0.0]).is_err());
}

#[test]
fn memory_and_training_bound_what_goes_at_once() {
    let open = |bytes: u64| {
        let options = options().memory(MemoryBudget::Bytes(bytes));
        Model::open(root().join("weights/slm-tiny"), &options)
    };
    let error = open(1_000).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory(_)), "{error:?}");
    let (small, large) = (frugal().limits(), open(2 << 30).unwrap().limits());
    // On a processor more rows gain nothing.
    assert!((1..=4).contains(&small.batch) && small.batch <= large.batch, "{small:?} {large:?}");
    // What the model was trained for bounds a question before memory does.
    assert!(large.segment_seconds < 5.0 && small.whole_audio_seconds < 10.0, "{small:?} {large:?}");
}

/// The reference model with the least memory that it opens with: 30 s go through it at once.
fn frugal() -> Model {
    let bundle = root().join("weights/slm-tiny");
    let bytes = Model::describe(&bundle).unwrap().memory_estimate(ComputeType::F32).working;
    Model::open(bundle, &options().memory(MemoryBudget::Bytes(bytes))).unwrap()
}

#[test]
fn a_question_about_two_minutes_is_answered_by_the_utterance_that_holds_the_name() {
    let rate = audio::SAMPLE_RATE as usize;
    let sounds = sounds(12);
    // `reschedule the rehearsal with martin to monday` among all others, each of these twice.
    let others: Vec<usize> = (0..11).chain(0..11).collect();
    let order = [&others[..14], &[11], &others[14..]].concat();
    let mut recording = Vec::new();
    let mut place = 0.0..0.0;
    for index in order {
        let start = recording.len() as f64 / rate as f64;
        recording.extend_from_slice(&sounds[index]);
        if index == 11 {
            place = start..recording.len() as f64 / rate as f64;
        }
        recording.resize(recording.len() + 3 * rate, 0.0);
    }
    let seconds = recording.len() as f64 / rate as f64;
    assert!(seconds > 110.0);
    let model = frugal();
    assert!(model.limits().whole_audio_seconds < 60.0, "{:?}", model.limits());

    let question = "which day is the rehearsal with martin moved to";
    let request = model.request(Task::Ask { question: question.into() });
    let answer = model.answer(&recording, &request).unwrap();
    let holds = |start: f64, end: f64| start < place.end - 0.5 && end > place.start + 0.5;
    assert!(answer.sources.iter().any(|one| holds(one.start, one.end)), "{place:?} {answer:?}");
    let used: f64 = answer.sources.iter().map(|one| one.end - one.start).sum();
    assert!(used <= model.limits().whole_audio_seconds, "{:?}", answer.sources);
    let is_told = |warning: &Warning| {
        matches!(warning, Warning::PartOfAudio { part: AudioPart::Matching, seconds_used, .. }
            if (seconds_used - used).abs() < 0.1)
    };
    assert!(answer.warnings.iter().any(is_told), "{:?}", answer.warnings);
    assert!(answer.segments.len() == 1 && !answer.text.is_empty(), "{answer:?}");

    // What follows speech depends on its end.
    let answer = model.answer(&recording, &model.request(Task::Reply)).unwrap();
    assert!(answer.sources[0].start > seconds / 2.0 && answer.sources.last().unwrap().end > seconds - 6.0);
    let is_end = |warning: &Warning| matches!(warning, Warning::PartOfAudio { part: AudioPart::End, .. });
    assert!(answer.warnings.iter().any(is_end), "{:?}", answer.warnings);
}

#[test]
fn requests_that_no_input_can_meet_are_refused_first() {
    let model = model();
    let request = model.request(Task::Translate { to: "klingon".into() });
    assert!(matches!(model.session(request).unwrap_err(), Error::Unsupported(_)));
    let request = model.request(Task::Instruction("word ".repeat(600)));
    assert!(matches!(model.session(request).unwrap_err(), Error::Limit(_)));
    let error = model.answer(&[0.0, f32::NAN], &model.request(Task::Transcribe)).unwrap_err().error;
    assert!(matches!(error, Error::BadInput(_)), "{error:?}");
}

#[test]
fn capabilities_say_what_the_bundle_can_do() {
    let model = model();
    let can = model.capabilities();
    assert_eq!(can.translation_targets, ["french", "german", "spanish"]);
    assert!(can.word_timestamps && can.streaming && can.phrases);
    assert_eq!(can.sample_rate, audio::SAMPLE_RATE);
    let silence = model.answer(&vec![0.0; 16_000], &model.request(Task::Transcribe)).unwrap();
    assert!(silence.no_speech && silence.text.is_empty());
}
