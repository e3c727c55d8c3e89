//! Speech encoders with a CTC head as models that transcribe.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use burn::prelude::*;
use slm_core::models::ctc::edit::{Edit, edits};
use slm_core::{
    Answer, Backend, BackendChoice, CancelToken, Delivery, Error, Model, ModelKind, OpenOptions, PhraseList,
    Request, Strategy, Task, Templates, TokenLimit, Warning, audio,
};

/// The word errors of the reference model's CTC head on known voices (`weights/README.md`), and half a point.
const MAX_WER: f64 = 0.031 + 0.005;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn options() -> OpenOptions {
    OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))
}

/// The encoder of the reference model, alone.
fn model() -> Model {
    Model::open(root().join("weights/slm-tiny/encoder"), &options()).unwrap()
}

/// The committed recordings of known voices with what is said in them.
fn spoken() -> Vec<(Vec<f32>, String)> {
    let dir = root().join("tests/audio/test");
    let manifest = fs::read_to_string(dir.join("manifest.jsonl")).unwrap();
    let spoken: Vec<(Vec<f32>, String)> = manifest
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let path = dir.join(line["audio_filepath"].as_str().unwrap());
            (audio::read(&path).unwrap().samples, line["text"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(spoken.len(), 12);
    spoken
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn errors(found: &str, expected: &str) -> usize {
    let steps = edits(&words(expected), &words(found));
    steps.iter().filter(|step| !matches!(step, Edit::Same(..))).count()
}

/// Word errors over words of all texts.
fn word_error_rate(pairs: &[(String, String)]) -> f64 {
    let wrong: usize = pairs.iter().map(|(found, expected)| errors(found, expected)).sum();
    wrong as f64 / pairs.iter().map(|(_, expected)| words(expected).len()).sum::<usize>() as f64
}

/// A request to write down, changed by `change`.
fn transcribe(model: &Model, change: impl FnOnce(&mut Request)) -> Request {
    let mut request = model.request(Task::Transcribe);
    change(&mut request);
    request
}

fn answer(model: &Model, samples: &[f32], request: &Request) -> Answer {
    model.answer(samples, request).unwrap()
}

#[test]
fn the_reference_encoder_alone_writes_down_what_is_said() {
    let model = model();
    let beams = transcribe(&model, |request| {
        request.decode.strategy = request.decode.strategy.with_beams(8);
    });
    for request in [model.request(Task::Transcribe), beams] {
        let pairs: Vec<(String, String)> = spoken()
            .into_iter()
            .map(|(samples, text)| (answer(&model, &samples, &request).text, text))
            .collect();
        let rate = word_error_rate(&pairs);
        assert!(rate <= MAX_WER, "{rate:.4}: {pairs:#?}");
    }
}

#[test]
fn it_says_what_it_can_do() {
    let model = model();
    let can = model.capabilities();
    assert_eq!(can.tasks, ["transcribe"]);
    assert!(can.translation_targets.is_empty());
    assert!(can.word_timestamps && can.phrases && can.streaming);
    let described = Model::describe(root().join("weights/slm-tiny/encoder")).unwrap();
    assert_eq!((described.kind, &described.tasks), (ModelKind::CtcModel, &can.tasks));
    assert_eq!(described.parts.len(), 1);
    assert!(described.parts[0].missing.is_empty());
    assert!(described.verify(&Device::flex()).unwrap().is_some());
}

#[test]
fn what_it_cannot_do_is_refused_first() {
    let model = model();
    let dialog = slm_core::Dialog::default();
    for task in [
        Task::Ask { question: "who is it".into() },
        Task::Translate { to: "german".into() },
        Task::Chat { dialog },
        Task::Continue,
        Task::Field { field: "name".into() },
        Task::Instruction("sum up".into()),
        Task::Spell { phrases: vec!["anna".into()] },
    ] {
        let key = task.key();
        let error = model.session(model.request(task)).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("cannot do `{key}`")) && text.contains("`transcribe`"), "{text}");
        assert!(error.hint().is_some_and(|hint| hint.contains("language model")));
    }
    let request = model.request(Task::Transcribe);
    let error = model.answer_text("call anna", &request, &CancelToken::default()).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
    // Settings that change nothing about labels.
    let mut penalised = request.clone();
    penalised.decode.repetition_penalty = Some(1.2);
    let mut drawn = request.clone();
    drawn.decode.strategy = Strategy::Sample { temperature: 1.0, top_k: None, top_p: None, seed: 0 };
    let mut short = request.clone();
    short.decode.strategy = Strategy::Beam { size: 4, length_penalty: 0.5 };
    for (request, name) in [(penalised, "repetition_penalty"), (drawn, "sampling"), (short, "length_penalty")]
    {
        let error = model.check(&request).unwrap_err();
        assert!(matches!(error, Error::BadInput(_)) && error.to_string().contains(name), "{error}");
    }
    let templates = Templates::parse(&[("ask".to_owned(), vec!["{speech} {question}".to_owned()])].into());
    let options = options().templates(templates.unwrap());
    let error = Model::open(root().join("weights/slm-tiny/encoder"), &options).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)) && error.to_string().contains("templates"), "{error}");
}

#[test]
fn words_have_times_and_the_probability_of_their_labels() {
    let model = model();
    for (samples, text) in spoken().iter().take(4) {
        let answer = answer(&model, samples, &model.request(Task::Transcribe));
        let [segment] = answer.segments.as_slice() else { panic!("{text}: {answer:?}") };
        let aligned = segment.alignment.as_ref().unwrap();
        let written: Vec<&str> = aligned.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(written.join(" "), answer.text);
        let mut before = 0.0;
        for word in &aligned.words {
            assert!(
                word.start < word.end && word.end > before && word.end <= answer.seconds + 0.1,
                "{word:?}"
            );
            before = word.end;
            assert!(word.agreement > 0.0 && word.agreement <= 1.0, "{word:?}");
        }
        // Of clear speech the head is sure, and never entirely: it is no comparison with itself.
        let value = aligned.agreement.value();
        assert!(value > 0.2 && value < 0.99999, "{value}");
        assert!(!segment.tokens.is_empty() && segment.score < 0.0 && segment.avg_logprob < 0.0);
        assert!(segment.is_supported && aligned.skipped.is_empty(), "{segment:?}");
    }
}

#[test]
fn noise_that_hides_words_makes_them_less_sure() {
    let model = model();
    let (samples, text) = &spoken()[0];
    let mean = |samples: &[f32]| {
        let answer = answer(&model, samples, &model.request(Task::Transcribe));
        let words = answer.segments.iter().filter_map(|segment| segment.alignment.as_ref());
        let sure: Vec<f64> = words.flat_map(|aligned| &aligned.words).map(|word| word.agreement).collect();
        sure.iter().sum::<f64>() / sure.len().max(1) as f64
    };
    let mut state = 1_u32;
    let noisy: Vec<f32> = samples
        .iter()
        .map(|sample| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sample + 0.03 * (state as f32 / 2_147_483_648.0 - 1.0)
        })
        .collect();
    assert!(mean(&noisy) < mean(samples), "{text}");
}

#[test]
fn a_long_recording_is_cut_and_its_words_are_told_once() {
    let model = model();
    let (mut samples, mut text) = (Vec::new(), Vec::new());
    for (one, words) in spoken() {
        samples.extend(one);
        samples.extend(vec![0.0; 16_000]);
        text.push(words);
    }
    let answer = answer(&model, &samples, &model.request(Task::Transcribe));
    assert!(answer.segments.len() >= 6, "{}", answer.segments.len());
    let rate = word_error_rate(&[(answer.text.clone(), text.join(" "))]);
    assert!(rate <= MAX_WER + 0.02, "{rate:.4}: {}", answer.text);
    let starts: Vec<f64> = answer.segments.iter().map(|segment| segment.start).collect();
    assert!(starts.is_sorted() && answer.warnings.is_empty(), "{:?}", answer.warnings);
    // Piece by piece it is the same text.
    let streamed = transcribe(&model, |request| request.delivery = Delivery::Text);
    assert_eq!(model.answer(&samples, &streamed).unwrap().text, answer.text);
}

#[test]
fn limits_stops_and_several_texts_are_followed() {
    let model = model();
    let (samples, _) = &spoken()[0];
    let plain = model.request(Task::Transcribe);
    let whole = answer(&model, samples, &plain);
    let limited = transcribe(&model, |request| request.token_limit = TokenLimit::AtMost(3));
    let limited = answer(&model, samples, &limited);
    assert!(limited.truncated && whole.text.starts_with(&limited.text), "{limited:?}");
    assert!(matches!(limited.warnings[..], [Warning::TextLimit { tokens: 3, .. }]));
    let second = words(&whole.text)[1].clone();
    let stopped = transcribe(&model, |request| request.stop = vec![format!(" {second}")]);
    let stopped = answer(&model, samples, &stopped);
    assert_eq!(stopped.text, words(&whole.text)[0]);
    assert_eq!(stopped.segments[0].alignment.as_ref().unwrap().words.len(), 1);
    let several = transcribe(&model, |request| {
        request.decode.strategy = request.decode.strategy.with_beams(6);
        request.decode.num_hypotheses = 3;
    });
    let several = answer(&model, samples, &several);
    assert_eq!(several.alternatives.len(), 2);
    assert!(several.alternatives.iter().all(|one| one.text != several.text && one.score <= several.score));
}

#[test]
fn phrases_that_were_not_said_change_nothing() {
    let model = model();
    let plain = model.request(Task::Transcribe);
    let list = PhraseList::new(["Bartholomew", "Kuala Lumpur", "xylophone", "Quentin"]).unwrap();
    let phrases = transcribe(&model, |request| request.phrases = Some(model.phrases(&list).unwrap()));
    for (samples, _) in spoken() {
        assert_eq!(answer(&model, &samples, &phrases).text, answer(&model, &samples, &plain).text);
    }
}
