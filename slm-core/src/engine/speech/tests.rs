//! The pipeline on tiny models with random weights.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use burn::prelude::*;

use super::failing::Failing;
use super::*;
use crate::adapter::{
    AdapterConfig, AdapterKind, AdapterShape, LengthReduction, OutputSpace, TransformerShape,
};
use crate::checkpoint::bundle::TaskDecoding;
use crate::decode::DecodeConfig;
use crate::encoder::parakeet::ParakeetEncoderConfig;
use crate::encoder::{ParakeetConfig, SpeechEncoder};
use crate::engine::cache::EncoderCache;
use crate::engine::request::{Delivery, Request, TokenLimit};
use crate::engine::warning::Warning;
use crate::features::{FeatureExtractor, LogMel, LogMelConfig};
use crate::llm::LanguageModel;
use crate::llm::t5::{OutputHead, T5Config};
use crate::nn::{PaddedBatch, Watch};
use crate::prompt::{PromptForm, PromptIds, SequenceForm, Task, Templates};
use crate::text::TextTokenizer;

const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "?", "vocab":
        {"?": 0, ".": 1, "repeat": 2, "who": 3, "called": 4, "text": 5, ":": 6, "a": 7}}}"#;

pub(in crate::engine) fn parts(reduction: LengthReduction, device: &Device) -> SpeechParts {
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
            encoder_layers: BTreeSet::new(),
            kind: AdapterKind::Transformer(TransformerShape {
                output: OutputSpace::Projected,
                hidden_size: 8,
                num_layers: 1,
                num_heads: 2,
                intermediate_size: 8,
                dropout: 0.1,
            }),
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
    let tokenizer = TextTokenizer::from_bytes(TOKENIZER.as_bytes(), Path::new("t")).unwrap();
    SpeechParts {
        lora: None,
        features: FeatureExtractor::LogMel(LogMel::new(features).unwrap()),
        encoder: SpeechEncoder::Parakeet(ParakeetConfig::ctc(encoder, 8).init(device)),
        adapter: adapter.init(device),
        llm: LanguageModel::T5(llm.init(OutputHead::Own, device)),
        form: PromptForm::Sequence(SequenceForm::new(tokenizer.clone(), llm.eos_token_id)),
        tokenizer,
        labels: None,
        templates: Templates::parse(&templates).unwrap(),
        decode: DecodeConfig::default(),
        task_decoding: BTreeMap::new(),
        max_segment_seconds: 30.0,
    }
}

pub(in crate::engine) fn model() -> SpeechModel {
    let device = Device::flex();
    SpeechModel::new(parts(LengthReduction::CtcAverage, &device), &device).unwrap()
}

impl SpeechModel {
    /// The same model, whose writer fails at pieces of so many seconds.
    pub(in crate::engine) fn failing_at(self, fails: Range<f64>) -> Self {
        let inner = self.adapted().unwrap().clone();
        self.with_writer(AnyWriter::Failing(Box::new(Failing { inner, fails })))
    }
}

/// A tone that comes and goes.
pub(in crate::engine) fn sound(len: usize) -> Vec<f32> {
    (0..len)
        .map(|n| {
            let t = n as f32 / 16_000.0;
            0.3 * (1500.0 * t).sin() * (12.0 * t).sin()
        })
        .collect()
}

pub(in crate::engine) fn ask(question: &str) -> Request {
    let question = question.into();
    let mut request = Request::new(Task::Ask { question });
    request.decode.max_new_tokens = 5;
    // A head of random weights is sure of nothing.
    request.segmentation.no_speech_threshold = 2.0;
    request
}

#[test]
fn silence_is_answered_without_the_model() {
    let model = model();
    let (speech, silence) = (sound(16_000), vec![0.0; 8_000]);
    let mut request = Request::new(Task::Transcribe);
    request.token_limit = TokenLimit::AtMost(6);
    request.segmentation.no_speech_threshold = 2.0;
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
    let speech = model.encode(&[&sound(16_000)]).unwrap();
    let model = model.adapted().unwrap();
    let question = ask("who called").task;
    let embedded = model.embed_speech(&speech).unwrap();
    let rows = embedded.lengths()[0];
    let spoken = model.spoken(&question).unwrap();
    // a : | speech | : who called </s>
    assert_eq!(spoken, PromptIds::new(vec![vec![7, 6], vec![6, 3, 4, 1]]));
    let one = model.prompt(std::slice::from_ref(&embedded), std::slice::from_ref(&spoken));
    assert_eq!(one.lengths(), [2 + rows + 4]);
    let written = model.written("a text", &question).unwrap();
    assert_eq!(written, PromptIds::new(vec![vec![7, 6, 7, 5, 6, 3, 4, 1]]));
    assert_eq!(model.prompt(&[], &[written]).lengths(), [2 + 2 + 4]);

    // Beside one that begins with the speech it is what it is alone.
    let other = model.spoken(&Task::Transcribe).unwrap();
    let both = model.prompt(&[embedded.select(&[0, 0])], &[spoken, other]);
    assert_eq!(both.lengths(), [2 + rows + 4, rows + 3]);
    let values = |batch: &PaddedBatch| batch.values().try_into_vec_as::<f32>().unwrap();
    assert_eq!(values(&both)[..values(&one).len()], values(&one));
    let [_, _, width] = both.dims();
    let second = &values(&both)[values(&one).len()..];
    assert_eq!(second[..rows * width], values(&embedded));
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
fn the_longest_audio_for_a_question_follows_from_the_memory() {
    let small = model().with_memory(4 << 20);
    let large = model().with_memory(4 << 30);
    let limit = small.longest_whole_seconds();
    assert!(limit >= MAX_SEGMENT_SECONDS && limit < large.longest_whole_seconds());
    assert!(small.batch_rows(MAX_SEGMENT_SECONDS) <= large.batch_rows(MAX_SEGMENT_SECONDS));
    let long = sound((limit as usize + 1) * 16_000);
    let error = small.respond(&[&long], &ask("who")).unwrap_err();
    assert_eq!(error.kind(), "limit");
    let request = Request::new(Task::Transcribe);
    let silence = vec![0.0; long.len()];
    for request in [request, ask("who")] {
        assert!(small.respond(&[&silence], &request).unwrap()[0].no_speech);
    }
}

#[test]
fn the_token_limit_follows_the_duration_and_reaching_it_is_told() {
    let model = model();
    let request = Request::new(Task::Transcribe);
    let adapted = model.adapted().unwrap();
    let limit =
        |seconds: f64, request: &Request| adapted.decoding_of(request, &request.task, seconds).max_new_tokens;
    // Ordinary speech has 150 words a minute, which are at most 3 tokens each.
    assert!(limit(30.0, &request) >= 225, "{}", limit(30.0, &request));
    assert!(limit(2.0, &request) < 64);
    assert_eq!(limit(30.0, &Request { token_limit: TokenLimit::AtMost(7), ..request.clone() }), 7);
    assert_eq!(limit(30.0, &ask("who")), 5);

    let mut request = Request { token_limit: TokenLimit::AtMost(2), ..request };
    request.segmentation.no_speech_threshold = 2.0;
    let answers = model.respond(&[&sound(16_000)], &request).unwrap();
    if answers[0].truncated {
        assert!(matches!(answers[0].warnings[..], [Warning::TextLimit { tokens: 2, .. }]));
        assert_eq!(answers[0].warnings[0].to_string(), "from 0.00 to 1.00 s the text was cut at 2 tokens");
    } else {
        assert!(answers[0].warnings.is_empty());
    }
}

#[test]
fn decoding_settings_belong_to_tasks() {
    let device = Device::flex();
    let mut parts = parts(LengthReduction::CtcAverage, &device);
    parts.decode.no_repeat_ngram = Some(6);
    let own = TaskDecoding { no_repeat_ngram_size: Some(0), ..TaskDecoding::default() };
    parts.task_decoding = BTreeMap::from([("transcribe".to_owned(), own)]);
    let model = SpeechModel::new(parts, &device).unwrap();
    assert_eq!(model.request(Task::Transcribe).decode.no_repeat_ngram, None);
    assert_eq!(model.request(ask("who").task).decode.no_repeat_ngram, Some(6));
}

/// `samples` as a segment that begins at `start`.
fn cut(start: usize, samples: &[f32]) -> Cut {
    Cut { start, samples: samples.to_vec(), own: start..start + samples.len(), parts: Vec::new() }
}

fn piece<'a>(cut: &'a Cut, task: &'a Task, votes: &'a Votes) -> Piece<'a> {
    Piece { cut, task, language: Spoken::Voted(votes) }
}

#[test]
fn one_segment_that_fails_leaves_the_others() {
    let model = model();
    let watch = Watch::default();
    let request = ask("who");
    let work = Work { request: &request, watch: &watch, cache: None };
    let samples = sound(9_000);
    // A question too long for an instruction stands for whatever can go wrong with one segment of many.
    let (good, bad) = (ask("who").task, ask(&"a ".repeat(600)).task);
    let cuts: Vec<Cut> = (0..5).map(|n| cut(n * 9_000, &samples)).collect();
    let votes = Votes::default();
    let pieces: Vec<Piece> = cuts
        .iter()
        .enumerate()
        .map(|(n, cut)| piece(cut, if n == 3 { &bad } else { &good }, &votes))
        .collect();
    let results = model.answer_each(&pieces, &work, None).unwrap();
    let answered: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(answered, [true, true, true, false, true]);
}

#[test]
fn a_watch_that_stops_ends_the_work() {
    let model = model();
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let watch = Watch::new(flag);
    let (request, samples) = (ask("who"), sound(9_000));
    let work = Work { request: &request, watch: &watch, cache: None };
    let error = model
        .answer_each(&[piece(&cut(0, &samples), &request.task, &Votes::default())], &work, None)
        .unwrap_err();
    assert!(error.is_cancelled(), "{error:?}");
}

#[test]
fn audio_that_was_encoded_is_not_encoded_again() {
    let model = model();
    let (watch, cache) = (Watch::default(), EncoderCache::new(1 << 20));
    let (one, two) = (sound(9_000), sound(12_000));
    let mut texts = Vec::new();
    for samples in [&one, &two, &one] {
        let request = ask("who");
        let work = Work { request: &request, watch: &watch, cache: Some(&cache) };
        let mut results = model
            .answer_each(&[piece(&cut(0, samples), &request.task, &Votes::default())], &work, None)
            .unwrap();
        texts.push(results.pop().unwrap().unwrap().0.text);
    }
    assert_eq!(cache.hits(), 1);
    assert_eq!(texts[0], texts[2]);
}

#[test]
fn text_of_several_hypotheses_cannot_be_told_as_it_comes() {
    let model = model();
    let mut request = Request { delivery: Delivery::Text, ..ask("who") };
    assert!(model.check(&request).is_ok());
    request.decode.strategy = request.decode.strategy.with_beams(3);
    request.decode.num_hypotheses = 2;
    assert!(matches!(model.check(&request), Err(SpeechError::CannotStream { hypotheses: 2 })));
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
        "the parts of the model do not fit: \
         the width of the features is 20, that of the encoder's input is 16, \
         adapter `llm_dim` is 12, language model `d_model` is 8"
    );
}
