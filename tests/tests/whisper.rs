//! Whisper's decoder and its rules against transformers, and whole models as recognisers.
//!
//! `SLM_WHISPER_BASE` names the folder that `scripts/fetch-whisper-base.sh` writes, and `SLM_HUMAN` one that
//! `fixtures/make_whisper_base.py` writes from recordings of people; without them the tests that need them say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use serde::Deserialize;
use slm_core::models::decode::{DecodeConfig, Hooks, StepProcessor, Strategy, search};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::WhisperDecoder;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::models::speech::{AnyWriter, AttentionMap, Suppressed, SuppressedAtBegin, WhisperWriter};
use slm_core::{
    Backend, BackendChoice, CancelToken, Delivery, Error, Model, ModelKind, OpenOptions, Segment, Task,
    Templates, audio,
};
use slm_tests::whole::whisper;
use slm_tests::{HostTensor, backend, checkpoint, fixtures, read_tensors, relative_error};

#[derive(Deserialize)]
struct Golden {
    rules: Rules,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Rules {
    suppress: Vec<u32>,
    suppress_at_begin: Vec<u32>,
    temperature: f64,
    top_k: usize,
}

#[derive(Deserialize)]
struct Case {
    folder: String,
    ids: Vec<Vec<u32>>,
    logits: Vec<Vec<f32>>,
    texts: Vec<Text>,
    /// The probabilities of the first id that is drawn.
    draws: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Text {
    name: String,
    prompt: Vec<u32>,
    beams: usize,
    ids: Vec<Vec<u32>>,
}

fn golden() -> Golden {
    serde_json::from_slice(&fs::read(fixtures().join("whisper.json")).unwrap()).unwrap()
}

/// The model of a folder, and the states of its inputs.
fn model(folder: &str, device: &Device) -> (WhisperDecoder, PaddedBatch) {
    let dir = fixtures().join("parity").join(folder);
    let encoder = SpeechEncoder::load(&checkpoint(&dir), device).unwrap();
    let input = read_tensors(&dir.join("io.safetensors")).remove("input_features").unwrap();
    // [B, M, T] -> [B, T, M]
    let features: Tensor<3> = input.to_device(device);
    let features = PaddedBatch::new(features.swap_dims(1, 2), vec![input.shape[2]; input.shape[0]]);
    (WhisperDecoder::load(&checkpoint(&dir), device).unwrap(), encoder.forward(&features))
}

fn ids_on(rows: &[Vec<u32>], device: &Device) -> Tensor<2, Int> {
    PaddedIds::from_rows(rows, 0, device).ids
}

#[test]
fn logits_are_those_of_transformers_at_once_and_step_by_step() {
    let backend = backend();
    let device = backend.device().unwrap();
    let bound = if backend.is_accelerator() { 1e-3 } else { 1e-4 };
    for case in golden().cases {
        let (decoder, memory) = model(&case.folder, &device);
        let [rows, length] = [case.ids.len(), case.ids[0].len()];
        let shape = vec![rows, length, decoder.config().vocab_size];
        let expected = HostTensor { shape, values: case.logits.concat() };
        let ids = ids_on(&case.ids, &device);
        let error = |found: Tensor<3>| {
            relative_error(&found.try_into_vec_as::<f32>().unwrap(), &expected, |_, _| true)
        };
        let found = error(decoder.decode(&memory, ids.clone()));
        assert!(found < bound, "{}: {found}", case.folder);
        // Of the prompt only the last logits are given.
        let begun = 3;
        let mut drafts = decoder.begin(&memory, ids.clone().narrow(1, 0, begun));
        let steps = (begun..length).map(|t| drafts.state.step(ids.clone().narrow(1, t, 1)));
        let steps: Vec<Tensor<3>> =
            [drafts.first].into_iter().chain(steps).map(|one| one.unsqueeze_dim(1)).collect();
        let all = decoder.decode(&memory, ids.clone()).narrow(1, 0, begun - 1);
        let found = error(Tensor::cat([vec![all], steps].concat(), 1));
        assert!(found < bound, "{}, cached: {found}", case.folder);
    }
}

#[test]
fn rules_choose_as_those_of_transformers_greedily_and_with_beams() {
    let device = backend().device().unwrap();
    let Golden { rules, cases } = golden();
    let suppressed = Suppressed { ids: &rules.suppress };
    let at_begin = SuppressedAtBegin { ids: &rules.suppress_at_begin };
    let all: [&dyn StepProcessor; 2] = [&suppressed, &at_begin];
    let mut checked: BTreeMap<usize, usize> = BTreeMap::new();
    for case in cases {
        let (decoder, memory) = model(&case.folder, &device);
        for text in case.texts {
            let processors = if text.name == "plain" { &all[..0] } else { &all[..] };
            let prompts = vec![text.prompt.clone(); text.ids.len()];
            let mut config = DecodeConfig::default();
            config.max_new_tokens = 18;
            config.strategy = config.strategy.with_beams(text.beams);
            let mut hooks = Hooks { prompts: &prompts, processors, ..Hooks::default() };
            let drafts = decoder.begin(&memory, ids_on(&prompts, &device));
            let found = search(drafts, &config, &mut hooks).unwrap();
            let found: Vec<&[u32]> = found.iter().map(|row| row[0].ids.as_slice()).collect();
            assert_eq!(found, text.ids, "{}, {}, {} beams", case.folder, text.name, text.beams);
            *checked.entry(text.beams).or_default() += 1;
        }
    }
    assert_eq!(checked, BTreeMap::from([(1, 6), (2, 6), (5, 6)]));
}

#[test]
fn ids_are_drawn_as_often_as_they_are_probable_in_transformers() {
    const DRAWS: usize = 64;
    const SEEDS: u64 = 40;
    let device = backend().device().unwrap();
    let Golden { rules, cases } = golden();
    let suppressed = Suppressed { ids: &rules.suppress };
    let at_begin = SuppressedAtBegin { ids: &rules.suppress_at_begin };
    for case in cases {
        let (decoder, memory) = model(&case.folder, &device);
        let prompt = case.texts.iter().find(|text| text.name == "rules").unwrap().prompt.clone();
        let prompts = vec![prompt; case.draws.len()];
        let mut counts: Vec<BTreeMap<u32, usize>> = vec![BTreeMap::new(); case.draws.len()];
        for seed in 0..SEEDS {
            let (temperature, top_k) = (rules.temperature, Some(rules.top_k));
            let mut config = DecodeConfig::default();
            config.strategy = Strategy::Sample { temperature, top_k, top_p: None, seed };
            (config.max_new_tokens, config.num_hypotheses) = (1, DRAWS);
            let processors: [&dyn StepProcessor; 2] = [&suppressed, &at_begin];
            let mut hooks = Hooks { prompts: &prompts, processors: &processors, ..Hooks::default() };
            let drafts = decoder.begin(&memory, ids_on(&prompts, &device));
            for (row, texts) in search(drafts, &config, &mut hooks).unwrap().iter().enumerate() {
                for text in texts {
                    *counts[row].entry(text.ids[0]).or_default() += 1;
                }
            }
        }
        let draws = DRAWS as f64 * SEEDS as f64;
        for (counts, expected) in counts.iter().zip(&case.draws) {
            for (id, &probability) in (0..).zip(expected) {
                let found = counts.get(&id).copied().unwrap_or(0) as f64 / draws;
                // Four deviations of the mean of as many draws.
                let bound = 4.0 * (probability * (1.0 - probability) / draws).sqrt();
                assert!(
                    (found - probability).abs() <= bound,
                    "{}, {id}: {found}, expected {probability}",
                    case.folder
                );
            }
        }
    }
}

#[test]
fn windows_are_encoded_each_by_itself_and_short_ones_as_alone() {
    let device = backend().device().unwrap();
    let dir = fixtures().join("parity/whisper_128");
    let encoder = SpeechEncoder::load(&checkpoint(&dir), &device).unwrap();
    let frame = |t: usize| (0..128).map(move |m| ((t * 131 + m * 17) as f32 * 0.37).sin());
    let row = |frames: std::ops::Range<usize>| frames.flat_map(frame).collect::<Vec<f32>>();
    let states = |rows: &[Vec<f32>]| {
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        encoder.forward(&PaddedBatch::from_rows(&rows, 128, &device))
    };
    let values = |batch: &PaddedBatch, row: usize| {
        let length = batch.lengths()[row];
        let values: Tensor<3> = batch.values().narrow(0, row, 1).narrow(1, 0, length);
        values.try_into_vec_as::<f32>().unwrap()
    };
    // A window has 100 frames: two and a part, beside a part of one.
    let together = states(&[row(0..235), row(300..351)]);
    assert_eq!(together.lengths(), [118, 26]);
    let parts = [row(0..100), row(100..200), row(200..235), row(300..351)];
    let alone: Vec<Vec<f32>> = parts.into_iter().map(|part| values(&states(&[part]), 0)).collect();
    for (found, expected) in
        [(values(&together, 0), alone[..3].concat()), (values(&together, 1), alone[3].clone())]
    {
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
    }
}

fn open(dir: &Path) -> Model {
    Model::open(dir, &OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))).unwrap()
}

/// A second of a tone that swells.
fn tone() -> Vec<f32> {
    (0..16_000).map(|i| (i as f32 * 0.17).sin() * i as f32 / 40_000.0).collect()
}

#[test]
fn a_folder_transcribes_and_translates_into_english() {
    let dir = whisper(&[]);
    let described = Model::describe(dir.path()).unwrap();
    assert_eq!(described.kind, ModelKind::Recogniser);
    let model = open(dir.path());
    let can = model.capabilities();
    assert_eq!(can.tasks, ["transcribe", "translate.english"]);
    assert_eq!((&described.tasks, &can.translation_targets), (&can.tasks, &vec!["english".to_owned()]));
    assert!(can.word_timestamps && !can.phrases);
    let AnyWriter::Whisper(writer) = model.speech_model().writer() else { panic!("no Whisper") };
    let prompt = |language: &str, task| {
        let language = writer.tokens.language(language).unwrap();
        writer.tokens.prompt(language, writer.tokens.task(&task).unwrap())
    };
    assert_eq!(prompt("en", Task::Transcribe), [3, 10, 20, 40]);
    assert_eq!(prompt("German", Task::Translate { to: "english".into() }), [3, 11, 21, 40]);
    let mut request = model.request(Task::Transcribe);
    request.language = Some("de".into());
    request.segmentation.finds_speech = false;
    let answer = model.answer(&tone(), &request).unwrap();
    assert!(!answer.segments[0].tokens.is_empty() && answer.segments[0].tokens.len() <= 20);
    assert_eq!(answer.segments[0].language.as_deref(), Some("de"));
    let aligned = answer.segments[0].alignment.as_ref().unwrap();
    assert!(!aligned.words.is_empty(), "{answer:?}");
    assert!(aligned.words.iter().all(|word| word.start <= word.end && word.end <= 1.0), "{aligned:?}");
    assert!(aligned.words.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9), "{aligned:?}");
    assert!(aligned.words.iter().all(|word| (0.0..=1.0).contains(&word.agreement)), "{aligned:?}");
    assert!((0.0..=1.0).contains(&answer.segments[0].no_speech_prob));
    assert!(
        answer.segments[0].tokens.iter().all(|id| ![3, 40].contains(id)),
        "{:?}",
        answer.segments[0].tokens
    );
}

/// Random weights are sure of nothing, so that each text is drawn again. One that is told as it comes is not.
#[test]
fn doubted_texts_are_drawn_again_and_the_same_each_time() {
    let dir = whisper(&[]);
    let model = open(dir.path());
    let answer = |delivery| {
        let mut request = model.request(Task::Transcribe);
        (request.language, request.delivery) = (Some("en".into()), delivery);
        request.segmentation.finds_speech = false;
        model.answer(&tone(), &request).unwrap().segments.remove(0)
    };
    let trust = |segment: &Segment| match segment.compression_ratio {
        ratio if ratio > 2.4 => 0.0,
        _ => segment.avg_logprob.exp(),
    };
    let (greedy, drawn) = (answer(Delivery::Text), answer(Delivery::Segments));
    assert!(greedy.temperature == 0.0 && trust(&greedy) < (-1.0_f64).exp(), "{greedy:?}");
    assert!(greedy.compression_ratio > 2.4, "{greedy:?}");
    assert!(trust(&drawn) > trust(&greedy), "{greedy:?}, {drawn:?}");
    assert!([0.2, 0.4, 0.6, 0.8, 1.0].contains(&drawn.temperature), "{drawn:?}");
    assert_eq!(drawn, answer(Delivery::Segments));
}

#[test]
fn what_it_cannot_do_is_refused() {
    let dir = whisper(&[]);
    let model = open(dir.path());
    let refused = |change: &dyn Fn(&mut slm_core::Request)| {
        let mut request = model.request(Task::Transcribe);
        change(&mut request);
        model.check(&request).unwrap_err()
    };
    let ask = refused(&|request| request.task = Task::Ask { question: "who".into() });
    assert!(matches!(ask, Error::Unsupported(_)), "{ask}");
    assert!(
        ask.to_string().contains("cannot do `ask`: it is a speech recogniser, which can do transcribe"),
        "{ask}"
    );
    let german = refused(&|request| request.task = Task::Translate { to: "german".into() });
    assert!(german.to_string().contains("cannot do `translate.german`"), "{german}");
    let language = refused(&|request| request.language = Some("french".into()));
    assert!(
        language.to_string().contains("does not know the language `french`; it knows de, en"),
        "{language}"
    );
    let long = refused(&|request| request.segmentation.max_segment = Some(40.0));
    assert!(long.to_string().contains("`max_segment` of the segments is 40"), "{long}");
    let request = model.request(Task::Transcribe);
    assert!(model.answer_text("a text", &request, &CancelToken::default()).is_err());
    let options = OpenOptions::new().backend(BackendChoice::Named(Backend::Flex));
    let told = Model::open(dir.path(), &options.templates(Templates::default()));
    assert!(told.unwrap_err().to_string().contains("templates"));
}

#[test]
fn a_model_of_english_alone_transcribes() {
    let dir = whisper(&[("is_multilingual", false.into())]);
    let model = open(dir.path());
    assert_eq!(model.capabilities().tasks, ["transcribe"]);
    let AnyWriter::Whisper(writer) = model.speech_model().writer() else { panic!("no Whisper") };
    assert_eq!(writer.tokens.prompt(None, writer.tokens.task(&Task::Transcribe).unwrap()), [3, 40]);
    assert_eq!(writer.tokens.language("english").unwrap(), None);
    assert!(writer.tokens.language("de").is_err());
    let mut request = model.request(Task::Transcribe);
    request.segmentation.finds_speech = false;
    assert!(!model.answer(&tone(), &request).unwrap().segments.is_empty());
}

/// whisper-base, where it is.
fn base() -> Option<PathBuf> {
    let dir = std::env::var_os("SLM_WHISPER_BASE").map(PathBuf::from);
    if dir.is_none() {
        eprintln!("skipped: `SLM_WHISPER_BASE` names no folder, see scripts/fetch-whisper-base.sh");
    }
    dir
}

/// What transformers writes for a recording, the tokens that it begins with left out.
#[derive(Deserialize)]
struct Recording {
    file: String,
    transcribe: Vec<u32>,
    translate: Vec<u32>,
    /// The times of the tokens of `transcribe`.
    #[serde(default)]
    times: Vec<f64>,
}

fn recordings(list: &Path) -> Vec<Recording> {
    let recordings: Vec<Recording> = serde_json::from_slice(&fs::read(list).unwrap()).unwrap();
    assert!(!recordings.is_empty());
    recordings
}

/// Compares what whisper-base writes for recordings in `folder`.
fn compare(dir: &Path, folder: &Path, recordings: &[Recording]) {
    let options = OpenOptions::new().backend(BackendChoice::Named(backend()));
    let model = Model::open(dir, &options).unwrap();
    let AnyWriter::Whisper(writer) = model.speech_model().writer() else { panic!("no Whisper") };
    for recording in recordings {
        let samples = audio::read(&folder.join(&recording.file)).unwrap().samples;
        for (task, expected) in [
            (Task::Transcribe, &recording.transcribe),
            (Task::Translate { to: "english".into() }, &recording.translate),
        ] {
            let mut request = model.request(task);
            // The whole recording is one window, as in the reference.
            request.segmentation.finds_speech = false;
            let answer = model.answer(&samples, &request).unwrap();
            let found: Vec<u32> = answer.segments.iter().flat_map(|segment| segment.tokens.clone()).collect();
            let text = writer.tokenizer.decode(expected).unwrap();
            assert_eq!(&found, expected, "{}: `{}`, expected `{text}`", recording.file, answer.text);
        }
        if !recording.times.is_empty() {
            compare_times(&model, writer, &samples, recording);
        }
    }
}

/// The reference leaves the token before the first one out of its path.
fn compare_times(model: &Model, writer: &WhisperWriter, samples: &[f32], recording: &Recording) {
    let heard = model.speech_model().encode(&[samples]).unwrap();
    let memory = PaddedBatch::from_rows(&[&heard[0].states], heard[0].width, model.speech_model().device());
    let tokens = &writer.tokens;
    let prompt = tokens.prompt(tokens.language("en").unwrap(), tokens.task(&Task::Transcribe).unwrap());
    let ids = [prompt.as_slice(), &recording.transcribe].concat();
    let trace = writer.decoder.trace(&memory, &ids, &writer.tokens.alignment_heads, &[]).unwrap();
    let map = AttentionMap { weights: &trace.attention, dims: trace.dims };
    // As the reference counts them: a state for every two whole or begun frames of 10 ms.
    let states = samples.len().div_ceil(160) / 2;
    let width = writer.decoder.config().median_filter_width;
    let found = map.times(prompt.len()..ids.len(), states, width);
    assert_eq!(found.len(), recording.times.len(), "{}", recording.file);
    // Ties apart: nearly all are the same, and none is far off.
    let gaps: Vec<f64> = found.iter().zip(&recording.times).map(|(a, b)| (a - b).abs()).collect();
    let same = gaps.iter().filter(|gap| **gap < 0.011).count();
    assert!(same * 20 >= gaps.len() * 19, "{}: {found:?}, expected {:?}", recording.file, recording.times);
    assert!(
        gaps.iter().all(|gap| *gap < 0.1),
        "{}: {found:?}, expected {:?}",
        recording.file,
        recording.times
    );
}

#[test]
fn whisper_base_writes_what_transformers_writes() {
    let Some(dir) = base() else { return };
    compare(&dir, Path::new(env!("CARGO_MANIFEST_DIR")), &recordings(&fixtures().join("whisper_base.json")));
}

#[test]
fn whisper_base_writes_of_people_what_transformers_writes() {
    let Some(dir) = base() else { return };
    let Some(folder) = std::env::var_os("SLM_HUMAN").map(PathBuf::from) else {
        eprintln!("skipped: `SLM_HUMAN` names no folder, see fixtures/make_whisper_base.py");
        return;
    };
    compare(&dir, &folder, &recordings(&folder.join("whisper_base.json")));
}
