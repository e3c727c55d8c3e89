//! The pipeline on tiny models with random weights.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;

use burn::prelude::*;

use super::*;
use crate::adapter::{AdapterConfig, AdapterShape, LengthReduction, OutputSpace};
use crate::decode::DecodeConfig;
use crate::encoder::parakeet::ParakeetEncoderConfig;
use crate::encoder::{ParakeetConfig, SpeechEncoder};
use crate::features::{FeatureExtractor, LogMel, LogMelConfig};
use crate::llm::t5::OutputHead;
use crate::llm::{LanguageModel, T5Config};
use crate::text::TextTokenizer;

const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "?", "vocab":
        {"?": 0, ".": 1, "repeat": 2, "who": 3, "called": 4, "text": 5, ":": 6, "a": 7}}}"#;

fn parts(reduction: LengthReduction, device: &Device) -> SpeechParts {
    let encoder = ParakeetEncoderConfig {
        hidden_size: 16,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 16,
        subsampling_factor: 4,
        subsampling_conv_channels: 4,
        num_mel_bins: 16,
        ..ParakeetEncoderConfig::default()
    };
    let adapter = AdapterConfig {
        encoder_dim: 16,
        llm_dim: 12,
        labels: None,
        shape: AdapterShape {
            reduction,
            output: OutputSpace::Projected,
            hidden_size: 8,
            num_layers: 1,
            num_heads: 2,
            intermediate_size: 8,
            dropout: 0.1,
        },
    };
    let llm = T5Config {
        vocab_size: 10,
        d_model: 12,
        d_kv: 4,
        d_ff: 16,
        num_layers: 1,
        num_heads: 2,
        ..T5Config::default()
    };
    let features = LogMelConfig { feature_size: 16, ..LogMelConfig::default() };
    let templates: BTreeMap<String, Vec<String>> =
        [("transcribe", "{speech} : repeat"), ("ask", "a : {speech} : {question}")]
            .into_iter()
            .map(|(key, text)| (key.to_owned(), vec![text.to_owned()]))
            .collect();
    SpeechParts {
        features: FeatureExtractor::LogMel(LogMel::new(features).unwrap()),
        encoder: SpeechEncoder::Parakeet(ParakeetConfig::ctc(encoder, 8).init(device)),
        adapter: adapter.init(device),
        llm: LanguageModel::T5(llm.init(OutputHead::Own, device)),
        tokenizer: TextTokenizer::from_bytes(TOKENIZER.as_bytes(), Path::new("t")).unwrap(),
        labels: None,
        templates: Templates::parse(&templates).unwrap(),
        decode: DecodeConfig::default(),
    }
}

fn model() -> SpeechModel {
    let device = Device::flex();
    SpeechModel::new(parts(LengthReduction::CtcAverage, &device), &device).unwrap()
}

/// A tone that comes and goes.
fn sound(len: usize) -> Vec<f32> {
    (0..len)
        .map(|n| {
            let t = n as f32 / 16_000.0;
            0.3 * (1500.0 * t).sin() * (12.0 * t).sin()
        })
        .collect()
}

fn ask(question: &str) -> Request {
    let question = question.into();
    let mut request = Request::new(Task::Ask { question });
    request.decode.max_new_tokens = 5;
    request
}

#[test]
fn silence_is_answered_without_the_model() {
    let model = model();
    let (speech, silence) = (sound(16_000), vec![0.0; 8_000]);
    let mut request = Request::new(Task::Transcribe);
    request.decode.max_new_tokens = 6;
    let responses = model.respond(&[&speech, &silence, &[]], &request).unwrap();
    assert_eq!(responses.len(), 3);
    assert!(!responses[0].no_speech && responses[0].score < 0.0);
    assert!((responses[0].seconds - 1.0).abs() < 1e-9);
    assert!(responses[1].no_speech && responses[1].text.is_empty());
    assert!(responses[2].no_speech);
}

#[test]
fn a_batch_row_answers_like_the_row_alone() {
    let model = model();
    let (one, two) = (sound(20_000), sound(9_000));
    let request = ask("who called");
    let both = model.respond(&[&one, &two], &request).unwrap();
    let alone = model.respond(&[&two], &request).unwrap();
    assert_eq!(both[1].text, alone[0].text);
    assert!((both[1].score - alone[0].score).abs() < 1e-3);
}

#[test]
fn prompts_hold_instruction_speech_and_end() {
    let model = model();
    let instruction = model.instruction(&ask("who called").task).unwrap();
    let speech = model.encode(&[&sound(16_000)]).unwrap();
    let embedded = model.embed_speech(&speech);
    let rows = embedded.lengths()[0];
    let prompt = model.prompt(&embedded, std::slice::from_ref(&instruction)).unwrap();
    // a : | speech | : who called </s>
    assert_eq!(prompt.lengths(), [2 + rows + 4]);
    let prompt = model.text_prompt(&["a text"], std::slice::from_ref(&instruction)).unwrap();
    assert_eq!(prompt.lengths(), [2 + 2 + 4]);
    let uneven = [instruction, Instruction::default()];
    let error = model.prompt(&embedded.select(&[0, 0]), &uneven).unwrap_err();
    assert!(matches!(error, SpeechError::UnevenInstructions));
}

#[test]
fn text_takes_the_place_of_speech() {
    let model = model();
    let responses = model.respond_to_text(&["who called", " "], &ask("who")).unwrap();
    assert!(!responses[0].no_speech && responses[1].no_speech);
}

#[test]
fn unknown_tasks_name_the_known_ones() {
    let model = model();
    let error = model.check(&Request::new(Task::Reply)).unwrap_err();
    assert_eq!(error.to_string(), "the bundle has no task `reply`; it has ask, transcribe");
    assert!(model.check(&ask(" ")).is_err());
    let free = Request::new(Task::Instruction("repeat".into()));
    assert!(model.check(&free).is_ok());
    let long = Request::new(Task::Instruction("a ".repeat(600)));
    let error = model.check(&long).unwrap_err();
    assert_eq!(error.to_string(), "instruction has 600 tokens, limit is 512");
}

#[test]
fn audio_too_long_for_a_question_is_refused() {
    let model = model();
    let long = vec![0.0; 301 * 16_000];
    let error = model.respond(&[&long], &ask("who")).unwrap_err();
    assert_eq!(error.kind(), "limit");
    let request = Request::new(Task::Transcribe);
    assert!(model.respond(&[&long], &request).unwrap()[0].no_speech);
}

#[test]
fn parts_that_do_not_fit_are_all_named() {
    let device = Device::flex();
    let mut parts = parts(LengthReduction::Stride { every: 2 }, &device);
    let config = LogMelConfig { feature_size: 20, ..LogMelConfig::default() };
    parts.features = FeatureExtractor::LogMel(LogMel::new(config).unwrap());
    let llm = T5Config { vocab_size: 10, d_model: 8, num_layers: 1, ..T5Config::default() };
    parts.llm = LanguageModel::T5(llm.init(OutputHead::Tied, &device));
    let error = SpeechModel::new(parts, &device).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the parts of the bundle do not fit: \
         the width of the features is 20, that of the encoder's input is 16, \
         adapter `llm_dim` is 12, language model `d_model` is 8"
    );
}
