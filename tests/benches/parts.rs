//! What each part of the way from samples to text takes with the reference model, on `flex`:
//! `cargo bench -p slm-tests --bench parts`.
//!
//! The committed utterances, joined to 10 s, go through features, encoder, the CTC head's searches, the adapter and the language
//! model, each timed alone on what the one before it gave.

#![allow(missing_docs, clippy::panic, reason = "made by macros, and ended by what it cannot measure")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use burn::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};
use slm_core::models::checkpoint::Bundle;
use slm_core::models::ctc::{EncoderOutput, PhraseSearch, WordAligner, best_path, prefix_beams};
use slm_core::models::decode::{DecodeConfig, Strategy, generate};
use slm_core::models::nn::{PaddedBatch, PaddedIds, Watch};
use slm_core::models::speech::SpeechModel;
use slm_core::{PhraseList, audio};
use slm_train::data::manifest::{self, Utterance};

/// 10 s at 16 kHz.
const SAMPLES: usize = 160_000;
/// Phrases of a large list.
const PHRASES: usize = 10_000;
/// Tokens of an instruction and of an answer.
const READ: usize = 48;
const WRITTEN: usize = 32;

/// The model, and 10 s of speech with what is said.
struct Bench {
    model: SpeechModel,
    device: Device,
    utterances: Vec<Utterance>,
    samples: Vec<f32>,
    text: String,
}

impl Bench {
    fn load() -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let device = Device::flex();
        let model = SpeechModel::load(&Bundle::open(&root.join("../weights/slm-tiny"))?, &device)?;
        let utterances = manifest::read(root.join("audio/test/manifest.jsonl"))?;
        let (mut samples, mut text) = (Vec::new(), Vec::new());
        for utterance in &utterances {
            if samples.len() < SAMPLES {
                samples.extend(audio::read(&utterance.audio_filepath)?.samples);
                text.push(utterance.text.clone());
            }
        }
        Ok(Self { model, device, utterances, samples, text: text.join(" ") })
    }

    fn heard(&self) -> Result<EncoderOutput, Box<dyn Error>> {
        let heard = self.model.listen(&[&self.samples])?;
        heard.into_iter().next().ok_or_else(|| "no output".into())
    }
}

fn parts(criterion: &mut Criterion) {
    all(criterion).unwrap_or_else(|error| panic!("{error}"));
}

fn all(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let bench = Bench::load()?;
    hear(criterion, &bench);
    search(criterion, &bench)?;
    write(criterion, &bench)
}

/// Samples to states.
fn hear(criterion: &mut Criterion, bench: &Bench) {
    let ears = bench.model.ears();
    criterion.bench_function("features", |bencher| bencher.iter(|| ears.features.extract(&bench.samples)));
    let features = ears.features.extract(&bench.samples);
    let batch = PaddedBatch::from_rows(&[&features.values], ears.features.width(), &bench.device);
    criterion.bench_function("encoder", |bencher| {
        bencher.iter(|| ears.encoder.forward(&batch).values().into_data());
    });
}

/// What is read from the CTC head.
fn search(criterion: &mut Criterion, bench: &Bench) -> Result<(), Box<dyn Error>> {
    let (ears, watch) = (bench.model.ears(), Watch::default());
    let heard = bench.heard()?;
    let posteriors = heard.posteriors.as_ref().ok_or("the encoder has no CTC head")?;
    let labels = ears.heard_labels().ok_or("the encoder has no labels")?;
    criterion.bench_function("ctc/best path", |bencher| bencher.iter(|| best_path::labelling(posteriors)));
    criterion.bench_function("ctc/prefix beams", |bencher| {
        bencher.iter(|| prefix_beams::search(posteriors, 8, &watch));
    });
    criterion.bench_function("ctc/alignment of words", |bencher| {
        bencher.iter(|| WordAligner::new(labels).align(&bench.text, posteriors, ears.state_seconds()));
    });
    let words: Vec<&str> = bench.utterances.iter().flat_map(|one| one.text.split(' ')).collect();
    let pair = |i: usize| format!("{} {} {i}", words[i % words.len()], words[(13 * i + 7) % words.len()]);
    let phrases = PhraseSearch::new(&PhraseList::new((0..PHRASES).map(pair))?, labels)?;
    criterion.bench_function(&format!("ctc/{PHRASES} phrases"), |bencher| {
        bencher.iter(|| phrases.search(posteriors, 8, &watch));
    });
    Ok(())
}

/// States to text.
fn write(criterion: &mut Criterion, bench: &Bench) -> Result<(), Box<dyn Error>> {
    let adapted = bench.model.adapted().ok_or("the model has no adapter")?;
    let speech = bench.heard()?.speech;
    let width = bench.model.ears().encoder.output_width();
    let batch = PaddedBatch::from_rows(&[&speech.states], width, &bench.device);
    criterion.bench_function("adapter", |bencher| {
        bencher.iter(|| adapted.adapter.forward(&batch).values().into_data());
    });
    let llm = &adapted.llm;
    let row: Vec<u32> = (0..READ as u32).map(|i| 3 + i * 31 % 200).collect();
    let ids = PaddedIds::from_rows(&[row], llm.ids().pad, &bench.device);
    criterion.bench_function("language model/reading", |bencher| {
        bencher.iter(|| llm.encode(&llm.embed(&ids)).values().into_data());
    });
    let memory = llm.encode(&llm.embed(&ids));
    for beams in [1, 4] {
        let mut config = DecodeConfig::default();
        config.strategy = Strategy::Greedy.with_beams(beams);
        (config.min_new_tokens, config.max_new_tokens) = (WRITTEN, WRITTEN);
        criterion.bench_function(&format!("language model/{WRITTEN} tokens, {beams} beams"), |bencher| {
            bencher.iter(|| black_box(generate(llm, &memory, &config)));
        });
    }
    Ok(())
}

criterion_group!(benches, parts);
criterion_main!(benches);
