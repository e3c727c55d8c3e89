//! Published speech language models: each step against what transformers computes of the same folder.
//!
//! The fixtures are described in `tests/fixtures/README.md`. Row 1 of their batches is what a row is beside a longer one in
//! transformers, which masks no padding; here a row is what it is alone, so that row 1 is given its padding as if it were sound.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use slm_core::models::decode::{
    DecodeConfig, Hooks, StepProcessor, StepText, Strategy, generate, generate_n_best,
};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::{CausalLm, LanguageModel};
use slm_core::models::nn::weights::Placement;
use slm_core::models::nn::{EncodedSpeech, PaddedBatch};
use slm_core::models::prompt::PromptIds;
use slm_core::models::speech::{Ears, SpeechLlm, SpeechModel};
use slm_core::models::text::chat::{ChatMessage, ChatPrompt};
use slm_core::{Model, ModelKind, OpenOptions, Task, audio};
use slm_tests::{HostTensor, backend, checkpoint, expanded, fixtures, read_tensors, relative_error};

/// In f32 the order of sums explains 1e-5.
const BOUND: f64 = 1e-4;
const FOLDERS: [&str; 3] = ["granite_speech", "granite_speech_lora", "granite_speech_plus"];
/// What the fixtures' logits are not divided by.
const LOGITS_SCALING: f64 = 8.0;

type Tensors = BTreeMap<String, HostTensor>;

fn folder(name: &str) -> PathBuf {
    fixtures().join("speech_llm").join(name)
}

fn load(name: &str) -> (Ears, SpeechLlm) {
    let placement = Placement::new(&backend().device().unwrap());
    SpeechLlm::load(&checkpoint(&folder(name)), &placement).unwrap()
}

/// A conversation, and what the reference makes of it.
#[derive(Deserialize)]
struct Prompt {
    messages: Vec<Map<String, Value>>,
    ids: Vec<u32>,
    ids_expanded: Option<Vec<u32>>,
    /// Embeddings of each recording.
    #[serde(default)]
    audio_tokens: Vec<usize>,
}

fn prompts(name: &str) -> Vec<Prompt> {
    serde_json::from_slice(&std::fs::read(folder(name).join("prompts.json")).unwrap()).unwrap()
}

fn conversation(llm: &SpeechLlm, prompt: &Prompt) -> ChatPrompt {
    let messages: Vec<ChatMessage> =
        prompt.messages.iter().map(|message| message.clone().into_iter().collect()).collect();
    llm.conversation(&messages, prompt.audio_tokens.len()).unwrap()
}

/// The features of a batch, whose padding counts as sound.
fn features(io: &Tensors, prefix: &str) -> PaddedBatch {
    let features = &io[&format!("{prefix}input_features")];
    let lengths = vec![features.shape[1]; features.shape[0]];
    PaddedBatch::new(features.to_device(&backend().device().unwrap()), lengths)
}

fn worst(found: &PaddedBatch, expected: &HostTensor) -> f64 {
    assert_eq!(found.dims().to_vec(), expected.shape);
    relative_error(&found.values().try_into_vec_as::<f32>().unwrap(), expected, |_, _| true)
}

/// The states of each row, on the host.
fn speech(states: &PaddedBatch) -> Vec<EncodedSpeech> {
    let [_, time, width] = states.dims();
    let values = states.values().try_into_vec_as::<f32>().unwrap();
    let row = |states: &[f32]| EncodedSpeech { states: states.to_vec(), width, ctc: Vec::new(), blank: 0 };
    values.chunks(time * width).map(row).collect()
}

#[test]
fn features_are_those_of_transformers() {
    for name in FOLDERS {
        let (ears, _) = load(name);
        let io = read_tensors(&folder(name).join("io.safetensors"));
        for (file, tensor) in [("audio_0.wav", "input_features"), ("audio_1.wav", "alone.input_features")] {
            let sound = audio::read(&folder(name).join(file)).unwrap();
            let found = ears.features.extract(&sound.samples);
            let expected = &io[tensor];
            assert_eq!([found.frames, found.bins], expected.shape[1..], "{name}, {file}");
            let gaps = found.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs());
            let worst = gaps.fold(0.0, f32::max);
            assert!(worst < 5e-5, "{name}, {file}: {worst}");
        }
    }
}

#[test]
fn states_and_embeddings_are_those_of_transformers() {
    for name in FOLDERS {
        let (ears, llm) = load(name);
        let io = read_tensors(&folder(name).join("io.safetensors"));
        for prefix in ["", "alone."] {
            let states = ears.encoder.forward(&features(&io, prefix));
            let error = worst(&states, &io[&format!("{prefix}encoder.last_hidden_state")]);
            assert!(error < BOUND, "{name}, {prefix} states: {error}");
            let embeddings = llm.embed_speech(&speech(&states));
            let error = worst(&embeddings, &io[&format!("{prefix}audio_embeds")]);
            assert!(error < BOUND, "{name}, {prefix} embeddings: {error}");
        }
    }
}

#[test]
fn a_row_beside_a_longer_one_is_what_it_is_alone() {
    let device = backend().device().unwrap();
    for name in FOLDERS {
        let (ears, llm) = load(name);
        let io = read_tensors(&folder(name).join("io.safetensors"));
        let (both, alone) = (&io["input_features"], &io["alone.input_features"]);
        let [longest, length] = [both.shape[1], alone.shape[1]];
        let mut values = both.values.clone();
        values.truncate(longest * 160);
        let rows = [values.as_slice(), alone.values.as_slice()];
        let states = ears.encoder.forward(&PaddedBatch::from_rows(&rows, 160, &device));
        let row = PaddedBatch::new(states.values().slice([1..2, 0..length]), vec![length]);
        let error = worst(&row, &io["alone.encoder.last_hidden_state"]);
        assert!(error < BOUND, "{name}, states: {error}");
        let embeddings = llm.projector.forward(&states);
        let expected = &io["alone.audio_embeds"];
        assert_eq!(embeddings.lengths()[1], expected.shape[1]);
        let row = embeddings.values().slice([1..2, 0..expected.shape[1]]);
        let error = worst(&PaddedBatch::new(row, vec![expected.shape[1]]), expected);
        assert!(error < BOUND, "{name}, embeddings: {error}");
    }
}

#[test]
fn prompts_are_those_of_transformers_token_by_token() {
    for name in FOLDERS {
        let (_, llm) = load(name);
        for prompt in prompts(name) {
            let found = conversation(&llm, &prompt);
            assert_eq!(found.ids(), prompt.ids, "{name}");
            let expanded = expanded(&found, &prompt.audio_tokens);
            assert_eq!(&expanded, prompt.ids_expanded.as_ref().unwrap_or(&prompt.ids), "{name}");
        }
    }
}

/// What a model reads for the rows of a prefix, and which model it is.
fn read<'a>(
    ears: &Ears,
    llm: &'a SpeechLlm,
    io: &Tensors,
    name: &str,
    prefix: &str,
) -> (PaddedBatch, &'a LanguageModel) {
    let prompts = prompts(name);
    let chosen: &[usize] = match prefix {
        "" => &[0, 1],
        "alone." => &[1],
        "two." => &[2],
        _ => &[3, 4],
    };
    let conversations: Vec<PromptIds> =
        chosen.iter().map(|index| PromptIds::from(&conversation(llm, &prompts[*index]))).collect();
    if prefix == "text." {
        return (llm.prompt(&[], &conversations), &llm.reading);
    }
    // Both recordings in one row are those of the batch.
    let states = speech(&ears.encoder.forward(&features(io, if prefix == "alone." { prefix } else { "" })));
    let embeddings = llm.embed_speech(&states);
    let counts: Vec<usize> = match prefix {
        "alone." => vec![prompts[1].audio_tokens[0]],
        "two." => prompts[2].audio_tokens.clone(),
        _ => chosen.iter().map(|index| prompts[*index].audio_tokens[0]).collect(),
    };
    let [_, _, width] = embeddings.dims();
    let row = |row: usize, count: usize| {
        PaddedBatch::new(embeddings.values().slice([row..row + 1, 0..count, 0..width]), vec![count])
    };
    let speech = if prefix == "two." {
        counts.iter().enumerate().map(|(index, count)| row(index, *count)).collect()
    } else {
        // Of a row that counts its padding as sound, as many embeddings as its own length gives.
        vec![PaddedBatch::new(embeddings.values(), counts)]
    };
    (llm.prompt(&speech, &conversations), &llm.hearing)
}

/// Logits of the last 8 positions of each row, not divided.
fn last_logits(model: &LanguageModel, inputs: &PaddedBatch) -> Vec<f32> {
    let LanguageModel::Causal(causal) = model else { panic!("another family") };
    let states = causal.states(inputs);
    let first: Vec<usize> = inputs.lengths().iter().map(|length| length - 8).collect();
    let logits = causal.logits(states.values_from(&first, 8)) * LOGITS_SCALING;
    logits.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn logits_and_ids_are_those_of_transformers_with_the_adapter_and_without() {
    for name in FOLDERS {
        let (ears, llm) = load(name);
        let io = read_tensors(&folder(name).join("io.safetensors"));
        for prefix in ["", "alone.", "two.", "text."] {
            let (inputs, model) = read(&ears, &llm, &io, name, prefix);
            let found = last_logits(model, &inputs);
            let error = relative_error(&found, &io[&format!("{prefix}logits")], |_, _| true);
            assert!(error < BOUND, "{name}, {prefix} logits: {error}");

            let expected = &io[&format!("{prefix}greedy_ids")];
            let mut config = DecodeConfig::default();
            config.max_new_tokens = expected.shape[1];
            config.min_new_tokens = expected.shape[1];
            let texts = generate(model, &model.encode(&inputs), &config).unwrap();
            for (row, text) in texts.iter().enumerate() {
                assert_eq!(text.ids, expected.id_row(row), "{name}, {prefix} row {row}");
            }
        }
    }
}

/// The ids of the rows of a batch, where a search was made.
type Rows = Vec<Option<Vec<u32>>>;

#[test]
fn beams_are_those_of_transformers() {
    let file = std::fs::read(fixtures().join("speech_llm/beams.json")).unwrap();
    let all: BTreeMap<String, BTreeMap<String, Rows>> = serde_json::from_slice(&file).unwrap();
    let mut count = 0;
    for name in FOLDERS {
        let (ears, llm) = load(name);
        let io = read_tensors(&folder(name).join("io.safetensors"));
        for (prefix, expected) in &all[name] {
            let (inputs, model) = read(&ears, &llm, &io, name, prefix);
            let mut config = DecodeConfig::default();
            config.strategy = Strategy::Beam { size: 4, length_penalty: 1.0 };
            config.max_new_tokens = 40;
            config.min_new_tokens = 40;
            let texts = generate(model, &model.encode(&inputs), &config).unwrap();
            assert_eq!(texts.len(), expected.len());
            for (row, (text, expected)) in texts.iter().zip(expected).enumerate() {
                // Rows in which two beams are as good as each other have none.
                if let Some(expected) = expected {
                    assert_eq!(&text.ids, expected, "{name}, {prefix} row {row}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 12, "{count} rows");
}

/// Rules out all ids but one for one of the new ids.
struct Force {
    position: usize,
    id: u32,
}

impl StepProcessor for Force {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        if step.ids().len() == self.position {
            for (id, logit) in (0..).zip(logits) {
                *logit = if id == self.id { 0.0 } else { f32::NEG_INFINITY };
            }
        }
    }
}

#[test]
fn a_placeholder_that_the_model_writes_is_embedded_as_id_0() {
    #[derive(Deserialize)]
    struct Forced {
        position: usize,
        ids: Vec<u32>,
    }
    let file = std::fs::read(fixtures().join("speech_llm/forced.json")).unwrap();
    let expected: Forced = serde_json::from_slice(&file).unwrap();
    let name = "granite_speech";
    let (ears, llm) = load(name);
    let io = read_tensors(&folder(name).join("io.safetensors"));
    let (inputs, model) = read(&ears, &llm, &io, name, "alone.");
    let force = Force { position: expected.position, id: expected.ids[expected.position] };
    let mut config = DecodeConfig::default();
    config.max_new_tokens = expected.ids.len();
    config.min_new_tokens = expected.ids.len();
    let written = |model: &LanguageModel| {
        let mut hooks = Hooks { processors: &[&force], ..Hooks::default() };
        generate_n_best(model, &model.encode(&inputs), &config, &mut hooks).unwrap()[0][0].ids.clone()
    };
    assert_eq!(written(model), expected.ids);
    let placement = Placement::new(&backend().device().unwrap());
    let is_other = |name: &str| !name.starts_with("language_model.");
    let plain = CausalLm::load_inside(&checkpoint(&folder(name)), placement, is_other).unwrap();
    assert_ne!(written(&LanguageModel::Causal(plain)), expected.ids);
}

#[test]
fn the_adapter_is_on_where_there_is_speech_alone() {
    let name = "granite_speech_lora";
    let (ears, llm) = load(name);
    let io = read_tensors(&folder(name).join("io.safetensors"));
    let (inputs, _) = read(&ears, &llm, &io, name, "");
    let error = |model| relative_error(&last_logits(model, &inputs), &io["nolora.logits"], |_, _| true);
    assert!(error(&llm.reading) < BOUND);
    assert!(error(&llm.hearing) > 0.01);
}

#[test]
fn a_folder_is_opened_and_answers() {
    for name in FOLDERS {
        let place = folder(name);
        let described = Model::describe(&place).unwrap();
        assert_eq!(described.kind, ModelKind::SpeechLlm, "{name}");
        let options = OpenOptions::new();
        let model = Model::open(&place, &options).unwrap();
        assert_eq!(described.tasks, model.capabilities().tasks);
        assert!(model.capabilities().translation_targets.contains(&"french".to_owned()));
        let sound = audio::read(&place.join("audio_0.wav")).unwrap();
        for task in [Task::Transcribe, Task::Ask { question: "who spoke?".into() }] {
            let mut request = model.request(task);
            // Random weights hear no speech.
            request.segmentation.finds_speech = false;
            let answer = model.answer(&sound.samples, &request).unwrap();
            assert!(!answer.segments.is_empty(), "{name}");
        }
        let error = model.check(&model.request(Task::Translate { to: "klingon".into() })).unwrap_err();
        assert!(error.to_string().contains("translate.klingon"), "{error}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let copy = |name: &str, change: &dyn Fn(&str) -> String| {
        let dir = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder(name)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
        let config = dir.path().join("config.json");
        let text = std::fs::read_to_string(&config).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed);
        std::fs::write(config, changed).unwrap();
        dir
    };
    let error = |dir: &tempfile::TempDir| {
        let device = backend().device().unwrap();
        SpeechModel::load_speech_llm(&checkpoint(dir.path()), &device).unwrap_err().to_string()
    };
    for (from, to, expected) in [
        ("\"has_lora_adapter\": false", "\"has_lora_adapter\": true", "adapter_config.json"),
        ("\"audio_token_index\": 286", "\"audio_token_index\": 900", "`audio_token_index` is 900"),
        ("\"encoder_hidden_size\": 24", "\"encoder_hidden_size\": 25", "crossattention"),
        ("\"output_dim\": 22", "\"output_dim\": 23", "encoder.out"),
    ] {
        let dir = copy("granite_speech", &|text| text.replace(from, to));
        let found = error(&dir);
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn the_encoder_alone_has_a_head() {
    let device = backend().device().unwrap();
    for name in FOLDERS {
        let encoder = SpeechEncoder::load(&checkpoint(&folder(name)), &device).unwrap();
        let (weight, bias) = encoder.ctc_head().unwrap();
        let labels = bias.dims()[0];
        assert_eq!((encoder.labels(), encoder.blank(), encoder.stride()), (Some(labels), 0, 1));
        let io = read_tensors(&folder(name).join("io.safetensors"));
        let states = encoder.forward(&features(&io, ""));
        let [rows, time, width] = states.dims();
        assert_eq!(width, encoder.output_width());
        // The head reads the last states, of width 24; the others count for nothing.
        let last: Tensor<3> = states.values().slice([0..rows, 0..time, width - 24..width]);
        let own = weight.slice([0..labels, width - 24..width]).transpose().unsqueeze();
        let expected = last.matmul(own) + bias.unsqueeze();
        let gap = (encoder.ctc_logits(&states).unwrap() - expected).abs().max();
        assert!(gap.try_into_scalar::<f32>().unwrap() < 1e-4, "{name}");
    }
}
