//! Canary and Cohere Transcribe as whole models: features, prompts, texts and refusals. What their encoders and decoders
//! compute is compared in `parity.rs`; the fixtures are described in `tests/fixtures/README.md`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use serde_json::{Value, json};
use slm_core::models::decode::Strategy;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::speech::{AnyWriter, RecogniserWriter};
use slm_core::{
    Backend, BackendChoice, CancelToken, ComputeType, Error, Model, ModelKind, OpenOptions, Request, Task,
    Templates, TokenLimit, audio,
};
use slm_tests::recogniser::{heard, recogniser_errors, written};
use slm_tests::{backend, checkpoint, fixtures, read_tensors};

const FOLDERS: [&str; 2] = ["canary", "cohere_asr"];

fn folder(name: &str) -> PathBuf {
    fixtures().join("parity").join(name)
}

fn open(dir: &Path) -> Result<Model, Error> {
    Model::open(dir, &OpenOptions::new().backend(BackendChoice::Named(Backend::Flex)))
}

fn writer(model: &Model) -> &RecogniserWriter {
    let AnyWriter::Recogniser(writer) = model.speech_model().writer() else { panic!("no recogniser") };
    writer
}

fn translate(to: &str) -> Task {
    Task::Translate { to: to.to_owned() }
}

/// A copy of a folder, with its `config.json` changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let path = dir.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(&path, config.to_string()).unwrap();
    dir
}

/// Writes the tensors of `from` to `to` with the names that `rename` gives; those without one are left out.
fn renamed(from: &Path, to: &Path, rename: impl Fn(&str) -> Option<String>) {
    let bytes = fs::read(from).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<(String, TensorView<'_>)> =
        file.tensors().into_iter().filter_map(|(name, view)| Some((rename(&name)?, view))).collect();
    safetensors::serialize_to_file(tensors, None, to).unwrap();
}

#[test]
fn features_are_those_of_transformers() {
    for (name, tensor) in
        [("canary", "speech.input_features"), ("cohere_asr", "speech.no_dither.input_features")]
    {
        let io = read_tensors(&folder(name).join("io.safetensors"));
        let (expected, lengths) = (&io[tensor], io["speech.attention_mask"].row_lengths());
        let features = FeatureExtractor::from_checkpoint(&checkpoint(&folder(name))).unwrap();
        let rows = expected.values.chunks(expected.shape[1] * expected.shape[2]);
        for (row, (values, length)) in rows.zip(lengths).enumerate() {
            let sound = audio::read(&folder(name).join(format!("speech_{row}.wav"))).unwrap();
            let found = features.extract(&sound.samples);
            assert_eq!([found.frames, found.bins], [length, 128], "{name}, {row}");
            let gaps = found.values.iter().zip(values).map(|(a, b)| (a - b).abs());
            let worst = gaps.fold(0.0, f32::max);
            assert!(worst < 3e-4, "{name}, {row}: {worst}");
        }
    }
}

#[test]
fn a_row_alone_writes_what_it_writes_in_a_batch() {
    let device = backend().device().unwrap();
    for name in FOLDERS {
        let io = read_tensors(&folder(name).join("io.safetensors"));
        let greedy = &io["greedy_ids"];
        for row in 0..greedy.shape[0] {
            let heard = heard(&folder(name), &io, &[row], &device);
            let prompt = io["prompt_ids"].id_row(row);
            let found = written(&heard, &[prompt], Strategy::Greedy, greedy.shape[1]);
            assert_eq!(found, [greedy.id_row(row)], "{name}, row {row}");
        }
    }
}

#[derive(Deserialize)]
struct Prompt {
    /// Canary's.
    source_language: Option<String>,
    target_language: Option<String>,
    /// Cohere's.
    language: Option<String>,
    punctuation: bool,
    ids: Vec<u32>,
}

#[test]
fn prompts_are_those_of_transformers() {
    for name in FOLDERS {
        let model = open(&folder(name)).unwrap();
        let prompts = fs::read(folder(name).join("prompts.json")).unwrap();
        let prompts: Vec<Prompt> = serde_json::from_slice(&prompts).unwrap();
        let mut checked = 0;
        for prompt in prompts.iter().filter(|prompt| prompt.punctuation) {
            let source = prompt.source_language.as_ref().or(prompt.language.as_ref()).unwrap();
            let task = match prompt.target_language.as_deref() {
                Some("de") => translate("german"),
                Some("en") if source != "en" => translate("english"),
                _ => Task::Transcribe,
            };
            let found = writer(&model).prompts.begin(&task, Some(source)).unwrap();
            assert_eq!((&found.ids, found.language), (&prompt.ids, source.as_str()), "{name}, {task:?}");
            checked += 1;
        }
        assert_eq!(checked, 3, "{name}");
    }
    // Without a template the pieces are the same.
    let dir = changed("canary", |_| ());
    fs::remove_file(dir.path().join("chat_template.jinja")).unwrap();
    let found = open(dir.path()).unwrap();
    let found = writer(&found).prompts.begin(&translate("german"), None).unwrap();
    assert_eq!(found.ids, [7, 4, 16, 18, 19, 5, 9, 11, 13]);
}

#[derive(Deserialize)]
struct Text {
    folder: String,
    file: String,
    source: String,
    target: String,
    ids: Vec<u32>,
}

#[test]
fn recordings_become_what_transformers_writes() {
    let texts = fs::read(fixtures().join("recognisers.json")).unwrap();
    let texts: Vec<Text> = serde_json::from_slice(&texts).unwrap();
    assert!(texts.len() >= 12, "{} texts", texts.len());
    for name in FOLDERS {
        let options = OpenOptions::new().backend(BackendChoice::Named(backend()));
        let model = Model::open(folder(name), &options).unwrap();
        for text in texts.iter().filter(|text| text.folder == name) {
            let samples = audio::read(&folder(name).join(&text.file)).unwrap().samples;
            let task = match text.target.as_str() {
                target if target == text.source => Task::Transcribe,
                "en" => translate("english"),
                _ => translate("german"),
            };
            let mut request = model.request(task);
            request.language = Some(text.source.clone());
            request.token_limit = TokenLimit::AtMost(24);
            // The whole recording is one piece, as in the reference.
            request.segmentation.finds_speech = false;
            let answer = model.answer(&samples, &request).unwrap();
            let [segment] = answer.segments.as_slice() else { panic!("{answer:?}") };
            let (file, source) = (&text.file, &text.source);
            assert_eq!(segment.tokens, text.ids, "{name}, {file}, {source} to {}", text.target);
            assert_eq!(segment.language.as_ref(), Some(source));
            assert_eq!(answer.text, writer(&model).tokenizer.decode(&text.ids).unwrap().trim());
        }
    }
}

#[test]
fn folders_say_what_they_are() {
    let languages = ["dutch", "english", "french", "german", "italian", "polish", "spanish", "ukrainian"];
    for name in FOLDERS {
        let described = Model::describe(folder(name)).unwrap();
        assert_eq!(described.kind, ModelKind::Recogniser, "{name}");
        let [part] = described.parts.as_slice() else { panic!("{described:?}") };
        assert_eq!(
            (part.name, part.model_type.as_deref(), part.tokens),
            ("recogniser", Some(name), Some(86))
        );
        let estimate = described.memory_estimate(ComputeType::F32);
        assert!(part.missing.is_empty() && estimate.working > 0 && estimate.weights > 0, "{name}");
        let parts: Vec<&str> = part.weights.parts.keys().copied().collect();
        let expected = ["decoder", "embedding", "encoder", "features", "head"];
        let expected: Vec<&str> =
            expected.into_iter().filter(|part| name != "canary" || *part != "features").collect();
        assert_eq!(parts, expected, "{name}");
        assert!(described.verify(&backend().device().unwrap()).unwrap().is_some());
        let model = open(&folder(name)).unwrap();
        let can = model.capabilities();
        assert_eq!(can.tasks, described.tasks);
        assert!(!can.word_timestamps && !can.phrases && can.streaming);
        let mut targets = can.translation_targets.clone();
        targets.sort();
        let expected = if name == "canary" { &languages[..] } else { &[] };
        assert_eq!(targets, expected);
        let longest = if name == "canary" { 39.0 } else { 34.0 };
        assert!((model.limits().segment_seconds - longest).abs() < 1e-9);
    }
}

/// What is said of a request that is changed.
fn refusal(model: &Model, change: impl FnOnce(&mut Request)) -> Error {
    let mut request = model.request(Task::Transcribe);
    request.language = Some("en".to_owned());
    change(&mut request);
    model.check(&request).unwrap_err()
}

#[test]
fn what_they_cannot_do_is_refused() {
    let canary = open(&folder("canary")).unwrap();
    let cohere = open(&folder("cohere_asr")).unwrap();
    for model in [&canary, &cohere] {
        let unnamed = refusal(model, |request| request.language = None);
        assert!(matches!(unnamed, Error::Unsupported(_)));
        assert!(unnamed.to_string().contains("must be told which language is spoken; it knows"), "{unnamed}");
        assert!(unnamed.hint().unwrap().contains("--language"));
        let unknown = refusal(model, |request| request.language = Some("klingon".into()));
        assert!(unknown.to_string().contains("does not know the language `klingon`"), "{unknown}");
        // Whisper's table has it, this tokenizer has not.
        let foreign = refusal(model, |request| request.language = Some("swahili".into()));
        assert!(foreign.to_string().contains("does not know the language `swahili`"), "{foreign}");
        let ask = refusal(model, |request| request.task = Task::Ask { question: "who".into() });
        assert!(ask.to_string().contains("cannot do `ask`: it is a speech recogniser"), "{ask}");
        let request = model.request(Task::Transcribe);
        assert!(model.answer_text("a text", &request, &CancelToken::default()).is_err());
    }
    let pair = refusal(&canary, |request| {
        request.language = Some("de".into());
        request.task = translate("french");
    });
    assert!(matches!(pair, Error::Unsupported(_)));
    assert!(pair.to_string().contains("from English and into English, the request asks for `de` to `fr`"));
    let target = refusal(&canary, |request| request.task = translate("klingon"));
    assert!(target.to_string().contains("cannot do `translate.klingon`"), "{target}");
    let none = refusal(&cohere, |request| request.task = translate("english"));
    assert!(none.to_string().contains("cannot do `translate.english`"), "{none}");
    // From English nobody needs to say so; into it the language that is spoken has no other name.
    let mut request = canary.request(translate("german"));
    assert!(canary.check(&request).is_ok());
    request.task = translate("english");
    assert!(canary.check(&request).is_err());
    let options = OpenOptions::new().backend(BackendChoice::Named(Backend::Flex));
    let told = Model::open(folder("canary"), &options.templates(Templates::default()));
    assert!(told.unwrap_err().to_string().contains("templates"));
}

#[test]
fn long_recordings_are_cut_as_the_models_were_trained() {
    for (name, longest) in [("canary", 39.0), ("cohere_asr", 34.0)] {
        let model = open(&folder(name)).unwrap();
        let sound: Vec<f32> =
            (0..70 * 16_000).map(|i| (i as f32 * 0.17).sin() * (i as f32 * 0.0011).sin() * 0.3).collect();
        let mut request = model.request(Task::Transcribe);
        request.language = Some("english".to_owned());
        request.token_limit = TokenLimit::AtMost(4);
        request.segmentation.finds_speech = false;
        let answer = model.answer(&sound, &request).unwrap();
        assert!(answer.segments.len() >= 2, "{name}: {} segments", answer.segments.len());
        for segment in &answer.segments {
            assert!(segment.end - segment.start <= longest + 1e-6, "{name}: {segment:?}");
            assert_eq!(segment.language.as_deref(), Some("en"));
            assert!(segment.alignment.is_none());
        }
    }
}

/// As transformers saves the folder: a prefix, but for the head, and without the features' filters.
#[test]
fn a_folder_that_was_saved_again_is_the_same() {
    let dir = changed("cohere_asr", |_| ());
    let weights = dir.path().join("model.safetensors");
    renamed(&folder("cohere_asr").join("model.safetensors"), &weights, |name| match name {
        name if name.starts_with("preprocessor.") => None,
        name if name.starts_with("log_softmax.") => Some(name.to_owned()),
        name => Some(format!("model.{name}")),
    });
    let io = read_tensors(&folder("cohere_asr").join("io.safetensors"));
    for (output, error) in recogniser_errors(dir.path(), &io, &backend().device().unwrap()) {
        assert!(error < 1e-4, "{output}: {error}");
    }
    assert!(open(dir.path()).is_ok());
}

#[test]
fn an_encoder_without_its_decoder_is_an_encoder() {
    let dir = changed("canary", |_| ());
    let weights = dir.path().join("model.safetensors");
    renamed(&folder("canary").join("model.safetensors"), &weights, |name| {
        name.starts_with("model.encoder.").then(|| name.to_owned())
    });
    assert_eq!(Model::describe(dir.path()).unwrap().kind, ModelKind::SpeechEncoder);
    assert!(open(dir.path()).unwrap_err().to_string().contains("a speech encoder alone"));
}

#[test]
fn damage_is_named() {
    let said = |name: &str, change: &dyn Fn(&mut Value)| {
        let dir = changed(name, |config| change(config));
        match open(dir.path()) {
            Err(error @ Error::Damaged(_)) => error.to_string(),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{name} opens"),
        }
    };
    let set = |pointer: &'static str, value: Value| {
        move |config: &mut Value| *config.pointer_mut(pointer).unwrap() = value.clone()
    };
    for (name, pointer, value, expected) in [
        ("canary", "/decoder_config/num_hidden_layers", json!(0), "`decoder_config.num_hidden_layers` is 0"),
        ("canary", "/decoder_config/hidden_act", json!("swoosh"), "`decoder_config.hidden_act` is `swoosh`"),
        ("canary", "/decoder_config/vocab_size", json!(85), "`decoder_config.vocab_size` is 85"),
        ("canary", "/decoder_config/hidden_size", json!(40), "`decoder_config.hidden_size` is 40"),
        ("canary", "/decoder_config/intermediate_size", json!("many"), "many"),
        ("canary", "/encoder_config/model_type", json!("usm_encoder"), "`encoder_config.model_type` is"),
        ("canary", "/eos_token_id", json!(86), "`eos_token_id` 86, vocabulary has 86"),
        ("canary", "/eos_token_id", json!([]), "`eos_token_id` is an empty list"),
        ("canary", "/tie_word_embeddings", json!(false), "proj_out.weight"),
        ("cohere_asr", "/head_dim", json!(0), "`head_dim` is 0"),
        ("cohere_asr", "/hidden_act", json!(""), "`hidden_act` is ``"),
        ("cohere_asr", "/num_attention_heads", json!(2), "first_sub_layer.query_net"),
        ("cohere_asr", "/max_position_embeddings", json!(95), "position_embedding.pos_enc"),
        ("cohere_asr", "/encoder_config/num_mel_bins", json!(80), "pre_encode.out"),
    ] {
        let found = said(name, &set(pointer, value));
        assert!(found.contains(expected), "{name}, {pointer}: {found}");
    }
    // Tokenizers that lack a piece.
    let without = |name: &str, piece: &str| {
        let dir = changed(name, |_| ());
        let path = dir.path().join("tokenizer.json");
        let tokenizer = fs::read_to_string(&path).unwrap().replace(piece, "<|other");
        fs::write(&path, tokenizer).unwrap();
        open(dir.path()).unwrap_err().to_string()
    };
    let piece = without("cohere_asr", "<|nodiarize");
    assert!(piece.contains("no piece `<|nodiarize|>`"), "{piece}");
    let piece = without("canary", "<|nodiarize");
    assert!(piece.contains("tokens in the tokenizer, expected 9"), "{piece}");
    for name in ["tokenizer.json", "model.safetensors"] {
        let dir = changed("canary", |_| ());
        fs::remove_file(dir.path().join(name)).unwrap();
        assert!(open(dir.path()).unwrap_err().to_string().contains(&dir.path().display().to_string()));
    }
}
