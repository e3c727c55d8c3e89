//! Bundles over decoder-only language models: an adapter is trained in front of one, and the bundle answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers outside of test functions")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;
use std::path::Path;

use burn::prelude::*;
use serde_json::{Value, json};
use slm_core::models::adapter::LengthReduction;
use slm_core::models::checkpoint::{Bundle, MANIFEST_NAME, PromptSettings};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::PaddedBatch;
use slm_core::models::prompt::{Instruction, PLAIN_CHAT_TEMPLATE, PromptForm, embed_prompts};
use slm_core::models::speech::SpeechModel;
use slm_core::{
    Backend, BackendChoice, CancelToken, Delivery, Dialog, Event, Model, OpenOptions, Request, Speaker,
    Strategy, Task, TokenLimit,
};
use slm_tests::{checkpoint, fixtures};
use slm_train::steps::adapter::{self, AdapterJob, AdapterStage, Frozen, PartsPlace};
use slm_train::training::Job;

use common::{Fixture, finished, loop_config, losses};

/// Copies these files of a folder of fixtures.
fn copied(from: &Path, names: &[&str], to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// The tiny Whisper, of which the encoder is taken, with windows that end where the sound ends.
fn whisper(to: &Path) {
    copied(&fixtures().join("parity/whisper_80"), &["config.json", "model.safetensors"], to);
    let name = "preprocessor_config.json";
    let text = fs::read_to_string(fixtures().join("parity/whisper_80").join(name)).unwrap();
    let mut settings: Value = serde_json::from_str(&text).unwrap();
    settings["padding"] = json!("do_not_pad");
    fs::write(to.join(name), settings.to_string()).unwrap();
}

/// A stage between the two, whose shape is left open.
fn stage(fixture: &Fixture, encoder: &Path, llm: &Path, steps: u64) -> AdapterStage {
    let mut stage = fixture.adapter(&loop_config(steps));
    (stage.encoder, stage.llm, stage.model) = (encoder.to_owned(), llm.to_owned(), None);
    stage.batch_tokens = 300;
    stage
}

fn options() -> OpenOptions {
    OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))
}

/// Shorter than the longest segment of a model that has heard half a second.
fn tone() -> Vec<f32> {
    (0..12_000).map(|i| (i as f32 * 0.2).sin() * 0.3).collect()
}

/// A request whose sound counts as speech and whose answer is short.
fn short(model: &Model, task: Task) -> Request {
    let mut request = model.request(task);
    request.segmentation.finds_speech = false;
    request.token_limit = TokenLimit::AtMost(8);
    request
}

#[test]
fn an_adapter_between_whisper_and_a_gguf_file_learns_and_answers() {
    let fixture = Fixture::new();
    let encoder = fixture.path("whisper");
    whisper(&encoder);
    let llm = fixture.path("models").join("tiny.Q8.gguf");
    fs::create_dir_all(llm.parent().unwrap()).unwrap();
    fs::copy(fixtures().join("gguf/qwen3/model.gguf"), &llm).unwrap();
    // What lies beside the file is none of its business.
    fs::write(llm.with_file_name("other.gguf"), "x").unwrap();

    let (run, out) = (fixture.path("run"), fixture.path("bundle"));
    let device = Device::flex();
    finished(adapter::train(stage(&fixture, &encoder, &llm, 30), &run, &out, &device).unwrap());
    let log = losses(&run);
    let mean = |part: &[(u64, f64)]| part.iter().map(|(_, loss)| loss).sum::<f64>() / part.len() as f64;
    // The language model is random, and cannot be told much more than how frequent letters are.
    let (first, last) = (mean(&log[..2]), mean(&log[25..]));
    assert!(last < 0.95 * first, "loss {first} at first, {last} at last");

    // One file is the part, and its hash is told.
    let bundle = Bundle::open(&out).unwrap();
    let manifest = bundle.manifest();
    assert_eq!(manifest.parts.llm.files.keys().collect::<Vec<_>>(), ["tiny.Q8.gguf"]);
    assert!(manifest.prompt.is_empty(), "the file has a chat template");
    assert_eq!(fs::read_dir(out.join("llm")).unwrap().count(), 1);

    let model = Model::open(&out, &options()).unwrap();
    let mut dialog = Dialog::default();
    dialog.push(Speaker::User, "hi there");
    dialog.push(Speaker::Assistant, "hello");
    let tasks = [
        Task::Transcribe,
        Task::Translate { to: "german".into() },
        Task::Ask { question: "who is it".into() },
        Task::Chat { dialog: dialog.clone() },
        Task::Reply,
        Task::Instruction("say it again".into()),
    ];
    for task in tasks {
        let mut request = short(&model, task);
        let greedy = model.answer(&tone(), &request).unwrap();
        assert_eq!(greedy.segments.len(), 1);
        assert!(!greedy.text.contains("assistant") && !greedy.text.contains("repeat"), "{}", greedy.text);
        let read = model.answer_text("the quick brown fox", &request, &CancelToken::default()).unwrap();
        assert!(!read.no_speech);
        // Told as it comes it is the same text, and a text at which it stops is not part of it.
        request.delivery = Delivery::Text;
        assert_eq!(streamed(&model, &request), greedy.text);
        if let Some(stop) = greedy.text.chars().last().filter(|_| greedy.text.chars().count() > 1) {
            let stop = stop.to_string();
            let mut stopped = request.clone();
            stopped.stop = vec![stop.clone()];
            let expected = greedy.text.split(&stop).next().unwrap().trim();
            assert_eq!(model.answer(&tone(), &stopped).unwrap().text, expected);
            assert_eq!(streamed(&model, &stopped).trim(), expected);
        }
        request.delivery = Delivery::Segments;
        request.decode.strategy = Strategy::Beam { size: 3, length_penalty: 1.0 };
        request.decode.num_hypotheses = 2;
        let beams = model.answer(&tone(), &request).unwrap();
        assert_eq!(beams.segments[0].alternatives.len(), 1);
    }
    // Work on a batch grows with its rows, and the rows say what they say alone.
    let inner = SpeechModel::load(&bundle, &device).unwrap();
    assert!(inner.working_bytes(2, 2.0) > inner.working_bytes(1, 2.0));
    let mut request = inner.request(Task::Transcribe);
    request.segmentation.finds_speech = false;
    request.token_limit = TokenLimit::AtMost(8);
    let (one, two) = (tone(), tone()[..9_000].to_vec());
    let both = inner.respond(&[&one, &two], &request).unwrap();
    let alone = inner.respond(&[&two], &request).unwrap();
    assert_eq!(both[1].text, alone[0].text);
    assert!((both[1].score - alone[0].score).abs() < 1e-3);
}

/// The text of an answer that is told piece by piece.
fn streamed(model: &Model, request: &Request) -> String {
    let mut session = model.session(request.clone()).unwrap();
    session.push(&tone()).unwrap();
    session.finish();
    let mut text = String::new();
    for event in session.events() {
        match event {
            Event::Text(added) => text.push_str(&added),
            Event::Failed(error) => panic!("{error:?}"),
            _ => {}
        }
    }
    text.trim().to_owned()
}

#[test]
fn a_folder_without_a_chat_template_gets_a_plain_one_that_the_manifest_says() {
    let fixture = Fixture::new();
    let encoder = fixture.path("whisper");
    whisper(&encoder);
    let llm = fixture.path("base");
    let names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"];
    copied(&fixtures().join("conversation"), &names, &llm);
    let out = fixture.path("bundle");
    let stage = AdapterStage { parts: PartsPlace::Link, ..stage(&fixture, &encoder, &llm, 2) };
    finished(adapter::train(stage, &fixture.path("run"), &out, &Device::flex()).unwrap());
    let path = out.join(MANIFEST_NAME);
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(manifest["prompt"], json!({ "chat_template": PLAIN_CHAT_TEMPLATE }));
    let model = Model::open(&out, &options()).unwrap();
    model.answer(&tone(), &short(&model, Task::Transcribe)).unwrap();

    manifest.as_object_mut().unwrap().remove("prompt");
    fs::write(&path, manifest.to_string()).unwrap();
    let error = Model::open(&out, &options()).unwrap_err();
    assert!(error.to_string().contains("has no chat template (`chat_template.jinja`)"), "{error}");
    assert!(error.hint().unwrap().contains("`prompt.chat_template`"));
    manifest["prompt"] = json!({ "chat_template": "{% for %}" });
    fs::write(&path, manifest.to_string()).unwrap();
    let error = Model::open(&out, &options()).unwrap_err().to_string();
    assert!(error.contains("slm.json`: line 1"), "{error}");
}

/// `ln(sum(exp(x)))`.
fn log_sum_exp(logits: &[f32]) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|value| f64::from(value - largest).exp()).sum();
    f64::from(largest) + sum.ln()
}

/// The loss of a row alone, without padding, in f64: of all its positions those count that have a label.
fn naive(llm: &LanguageModel, row: &PaddedBatch, labels: &[Option<u32>]) -> f64 {
    let LanguageModel::Causal(causal) = llm else { panic!("another family") };
    let logits = causal.logits(causal.states(row).values());
    let [_, time, width] = logits.dims();
    assert_eq!(labels.len(), time);
    let logits = logits.try_into_vec_as::<f32>().unwrap();
    // The logits of a position are of the next one.
    let of = |(t, label): (usize, &Option<u32>)| {
        let logits = &logits[(t - 1) * width..t * width];
        label.map_or(0.0, |id| log_sum_exp(logits) - f64::from(logits[id as usize]))
    };
    labels.iter().enumerate().skip(1).map(of).sum()
}

/// A task whose instruction has a field of the row.
const TASKS: &str = r#"
[[task]]
name = "transcribe"
target = "text"
phrasings = ["repeat {text_de} in other words"]
"#;

#[test]
fn the_loss_of_a_batch_is_that_of_the_answers_of_its_rows_alone() {
    let fixture = Fixture::new();
    let (encoder, llm) = (fixture.path("whisper"), fixtures().join("conversation"));
    whisper(&encoder);
    let device = Device::flex();
    let mut stage = stage(&fixture, &encoder, &llm, 1);
    stage.tasks = fixture.tasks("tasks.toml", TASKS);
    let job = AdapterJob::new(stage.clone(), Frozen::load(&encoder, &llm, &device).unwrap()).unwrap();
    let batches = job.batches(0);
    assert!(batches.iter().any(|batch| batch.len() > 1), "{batches:?}");
    let trained = job.init(&device).unwrap();
    let found = job.evaluate(&trained).unwrap()["loss_transcribe"];
    let adapter = trained.adapter;

    let files = checkpoint(&llm);
    let parts = Frozen::load(&encoder, &llm, &device).unwrap();
    let form = PromptForm::of(
        parts.llm.sizes(),
        &files,
        &parts.tokenizer,
        &PromptSettings::default(),
        Path::new("settings"),
    )
    .unwrap();
    let LengthReduction::Stack { count } = adapter.config().shape.reduction else { panic!("another shape") };
    let reduction = LengthReduction::Stack { count };
    let (mut sum, mut tokens, mut with_prompt) = (0.0, 0, 0.0);
    for row in stage.dev_manifest.read(&|_| ()).unwrap().utterances {
        let after = format!("repeat {} in other words", row.german.unwrap());
        let prompt = form.spoken(&Instruction { before: String::new(), after }.into()).unwrap();
        let sound = slm_core::audio::read(&row.audio_filepath).unwrap();
        let speech = states(&parts, &sound.samples);
        let reduced = reduction.apply(&speech, &[]);
        let speech = adapter.forward(&PaddedBatch::from_rows(&[&reduced.rows], reduced.width, &device));
        let read = embed_prompts(&parts.llm, std::slice::from_ref(&prompt), &[speech], &device);
        let mut answer = parts.tokenizer.encode(&row.text).unwrap();
        answer.push(form.end());
        let ids = slm_core::models::nn::PaddedIds::from_rows(&[&answer], 0, &device);
        let whole = read.join(&parts.llm.embed(&ids));
        let own = read.lengths()[0];
        let labels = |of_prompt: Option<u32>| {
            let answer = answer.iter().map(|id| Some(*id));
            std::iter::repeat_n(of_prompt, own).chain(answer).collect::<Vec<_>>()
        };
        sum += naive(&parts.llm, &whole, &labels(None));
        with_prompt += naive(&parts.llm, &whole, &labels(Some(7)));
        tokens += answer.len();
    }
    let (expected, other) = (sum / tokens as f64, with_prompt / tokens as f64);
    assert!((found - expected).abs() < 1e-4 * expected, "{found}, expected {expected}");
    // Labels of the prompt would be seen.
    assert!((other - expected).abs() > 0.1 * expected);
}

/// What the encoder makes of sound.
fn states(parts: &Frozen, samples: &[f32]) -> slm_core::models::nn::EncodedSpeech {
    let features = parts.features.extract(samples);
    let batch = PaddedBatch::from_rows(&[&features.values], parts.features.width(), &parts.device);
    let encoder: &SpeechEncoder = &parts.encoder;
    let states = encoder.forward(&batch);
    let [_, _, width] = states.dims();
    let states = states.values().try_into_vec_as::<f32>().unwrap();
    slm_core::models::nn::EncodedSpeech { states, width, ctc: Vec::new(), blank: 0 }
}
