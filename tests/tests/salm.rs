//! A model in the layout of NeMo's SALM: each piece against what transformers and PEFT compute of it.
//!
//! The fixture is described in `tests/fixtures/make_salm.py`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::weights::Placement;
use slm_core::models::nn::{EncodedSpeech, PaddedBatch};
use slm_core::models::prompt::PromptIds;
use slm_core::models::speech::{Ears, SpeechLlm};
use slm_core::models::text::chat::{ChatMessage, ChatPrompt};
use slm_core::{CancelToken, Model, ModelKind, OpenOptions, Task, audio};
use slm_tests::{HostTensor, backend, checkpoint, fixtures, read_tensors, relative_error};

/// In f32 the order of sums explains 1e-5.
const BOUND: f64 = 1e-4;

/// A conversation of one message, and its ids.
#[derive(Deserialize)]
struct Prompt {
    content: String,
    ids: Vec<u32>,
}

fn folder() -> PathBuf {
    fixtures().join("salm")
}

fn load() -> (Ears, SpeechLlm) {
    let placement = Placement::new(&backend().device().unwrap());
    SpeechLlm::load(&checkpoint(&folder()), &placement).unwrap()
}

fn io() -> BTreeMap<String, HostTensor> {
    read_tensors(&folder().join("io.safetensors"))
}

fn prompts() -> Vec<Prompt> {
    serde_json::from_slice(&std::fs::read(folder().join("prompts.json")).unwrap()).unwrap()
}

/// The ids of a conversation with as many places of speech.
fn conversation(llm: &SpeechLlm, prompt: &Prompt, recordings: usize) -> ChatPrompt {
    llm.conversation(&[ChatMessage::new("user", &prompt.content)], recordings).unwrap()
}

/// The states of both rows, as the encoder gives them in one batch.
fn states(encoder: &SpeechEncoder, io: &BTreeMap<String, HostTensor>) -> Vec<EncodedSpeech> {
    let (features, lengths) = (&io["input_features"], &io["feature_lengths"]);
    let [_, longest, bins] = features.shape[..] else { panic!() };
    let rows: Vec<&[f32]> = features
        .values
        .chunks(longest * bins)
        .zip(&lengths.values)
        .map(|(row, length)| &row[..*length as usize * bins])
        .collect();
    let batch = PaddedBatch::from_rows(&rows, bins, &backend().device().unwrap());
    let states = encoder.forward(&batch);
    let [_, time, width] = states.dims();
    let values = states.values().try_into_vec_as::<f32>().unwrap();
    let row = |(row, length): (&[f32], &usize)| EncodedSpeech {
        states: row[..length * width].to_vec(),
        width,
        ctc: Vec::new(),
        blank: 0,
    };
    values.chunks(time * width).zip(states.lengths()).map(row).collect()
}

fn close(found: &[f32], expected: &HostTensor, what: &str) {
    assert_eq!(found.len(), expected.values.len(), "{what}");
    let error = relative_error(found, expected, |_, _| true);
    assert!(error < BOUND, "{what}: {error}");
}

#[test]
fn states_and_embeddings_are_those_of_transformers() {
    let ((ears, llm), io) = (load(), io());
    for (row, speech) in states(&ears.encoder, &io).iter().enumerate() {
        close(&speech.states, &io[&format!("states.{row}")], "states");
        let embeddings = llm.embed_speech(&[speech]).values().try_into_vec_as::<f32>().unwrap();
        close(&embeddings, &io[&format!("embeddings.{row}")], "embeddings");
    }
}

#[test]
fn prompts_have_the_placeholder_at_the_first_free_id() {
    let (_, llm) = load();
    for prompt in prompts() {
        let recordings = prompt.content.matches("<|audioplaceholder|>").count();
        assert_eq!(conversation(&llm, &prompt, recordings).ids(), prompt.ids);
    }
}

fn logits(model: &LanguageModel, inputs: &PaddedBatch) -> Vec<f32> {
    let LanguageModel::Causal(causal) = model else { panic!("another family") };
    causal.logits(causal.states(inputs).values()).try_into_vec_as::<f32>().unwrap()
}

#[test]
fn logits_and_ids_are_those_of_transformers_with_the_adapter_where_there_is_speech() {
    let ((ears, llm), io) = (load(), io());
    let speech = states(&ears.encoder, &io);
    for (row, prompt) in prompts().iter().enumerate() {
        let heard = speech.get(row);
        let conversation = PromptIds::from(&conversation(&llm, prompt, usize::from(heard.is_some())));
        let (inputs, model) = match heard {
            Some(speech) => {
                let inputs = llm.prompt(&[llm.embed_speech(&[speech])], &[conversation]);
                close(&logits(&llm.reading, &inputs), &io[&format!("without.logits.{row}")], "without");
                (inputs, &llm.hearing)
            }
            None => (llm.prompt(&[], &[conversation]), &llm.reading),
        };
        let expected = &io[&format!("logits.{row}")];
        close(&logits(model, &inputs), expected, "logits");
        if let Some(without) = io.get(&format!("without.logits.{row}")) {
            assert!(
                relative_error(&without.values, expected, |_, _| true) > 0.01,
                "the adapter does nothing"
            );
        }
        let expected = &io[&format!("greedy_ids.{row}")];
        let mut config = DecodeConfig::default();
        config.max_new_tokens = expected.values.len();
        config.min_new_tokens = expected.values.len();
        let texts = generate(model, &model.encode(&inputs), &config).unwrap();
        assert_eq!(texts[0].ids, expected.id_row(0), "row {row}");
    }
}

#[test]
fn a_folder_is_opened_and_transcribes() {
    let described = Model::describe(folder()).unwrap();
    assert_eq!(described.kind, ModelKind::SpeechLlm);
    assert_eq!(described.parts[0].model_type.as_deref(), Some("nemo_salm"));
    assert!(described.parts[0].missing.is_empty());
    let model = Model::open(folder(), &OpenOptions::new()).unwrap();
    assert_eq!(described.tasks, model.capabilities().tasks);
    let sound = audio::read(&fixtures().join("speech_llm/granite_speech/audio_0.wav")).unwrap();
    for task in [Task::Transcribe, Task::Instruction("Say it in other words:".into())] {
        let mut request = model.request(task);
        // Random weights hear no speech.
        request.segmentation.finds_speech = false;
        let answer = model.answer(&sound.samples, &request).unwrap();
        assert_eq!(answer.segments.len(), 1);
    }
    let error = model.check(&model.request(Task::Translate { to: "german".into() })).unwrap_err();
    assert!(error.to_string().contains("translate.german"), "{error}");
}

#[test]
fn questions_are_answered_from_the_transcript_without_the_adapter() {
    let model = Model::open(folder(), &OpenOptions::new()).unwrap();
    assert_eq!(model.capabilities().tasks, ["ask", "instruction", "transcribe"]);
    let sound = audio::read(&fixtures().join("speech_llm/granite_speech/audio_0.wav")).unwrap();
    let request = |task| {
        let mut request = model.request(task);
        // Random weights hear no speech.
        request.segmentation.finds_speech = false;
        request.decode.max_new_tokens = 24;
        request
    };
    let transcript = model.answer(&sound.samples, &request(Task::Transcribe)).unwrap().text;
    let ask = request(Task::Ask { question: "Who called?".into() });
    let answer = model.answer(&sound.samples, &ask).unwrap();
    // What the language model says of the card's words with the transcript in them.
    let (_, llm) = load();
    let content = format!("Who called?\n\n{transcript} /no_think");
    let ids = llm.conversation(&[ChatMessage::new("user", &content)], 0).unwrap();
    let inputs = llm.prompt(&[], &[PromptIds::from(&ids)]);
    let mut config = DecodeConfig::default();
    config.max_new_tokens = 24;
    config.vocab_limit = Some(llm.tokenizer.len());
    let expected = generate(&llm.reading, &llm.reading.encode(&inputs), &config).unwrap();
    assert!(!transcript.is_empty() && !answer.segments[0].tokens.is_empty());
    assert_eq!(answer.segments[0].tokens, expected[0].ids);
    let of_text = model.answer_text(&transcript, &ask, &CancelToken::default()).unwrap();
    assert_eq!(answer.text, of_text.text);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn what_is_missing_or_not_supported_is_told() {
    let error = |change: &dyn Fn(&Path, &mut Value)| {
        let dir = tempfile::tempdir().unwrap();
        copy(&folder(), dir.path());
        let path = dir.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(dir.path(), &mut config);
        std::fs::write(&path, config.to_string()).unwrap();
        Model::open(dir.path(), &OpenOptions::new()).unwrap_err().to_string()
    };
    // As the folder is published: without what NeMo takes from another model.
    let found = error(&|dir, _| std::fs::remove_dir_all(dir.join("llm")).unwrap());
    assert!(
        found.contains("`config.json` and `tokenizer.json`") && found.contains("Qwen/Qwen3-1.7B"),
        "{found}"
    );
    let found = error(&|dir, _| std::fs::remove_file(dir.join("llm/tokenizer.json")).unwrap());
    assert!(found.contains("lacks `tokenizer.json`;"), "{found}");
    let found = error(&|_, config| config["prompt_format"] = "llama3".into());
    assert!(found.contains("`prompt_format` is `llama3`"), "{found}");
    let found = error(&|_, config| config["lora"]["r"] = 3.into());
    assert!(found.contains("`r` is 3"), "{found}");
    let found = error(&|_, config| config["perception"]["encoder"]["subsampling"] = "striding".into());
    assert!(found.contains("`encoder.subsampling`"), "{found}");
    let target = "nemo.collections.speechlm2.modules.perception.QformerConnector";
    let found = error(&|_, config| config["perception"]["modality_adapter"]["_target_"] = target.into());
    assert!(found.contains("`QformerConnector`"), "{found}");
    let found = error(&|_, config| config["perception"]["output_dim"] = 31.into());
    assert!(found.contains("perception.proj.weight"), "{found}");
}

#[test]
fn its_encoder_serves_alone() {
    let encoder = SpeechEncoder::load(&checkpoint(&folder()), &backend().device().unwrap()).unwrap();
    assert_eq!((encoder.labels(), encoder.stride(), encoder.input_width()), (None, 8, 16));
    let io = io();
    for (row, speech) in states(&encoder, &io).iter().enumerate() {
        close(&speech.states, &io[&format!("states.{row}")], "states");
    }
}
