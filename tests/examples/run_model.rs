//! Loads a speech encoder or a language model from a folder and runs it, for `tests/bench/memory.py`.
//!
//! `run_model DIR load|run [--backend NAME] [--dtype TYPE]` prints one JSON record: bytes of the loaded weights,
//! seconds of loading and of running. An encoder reads 10 s of noise, a language model 32 tokens and writes 32.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::cell::Cell;
use std::env;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::ctc;
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::weights::Placement;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::{Backend, ComputeType, Model, ModelKind};

/// Samples of 10 s.
const SAMPLES: usize = 160_000;
/// Tokens that a language model reads, and writes.
const TOKENS: u32 = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let option = |name: &str, default: &str| {
        let place = args.iter().position(|arg| arg == name);
        place.and_then(|place| args.get(place + 1)).cloned().unwrap_or_else(|| default.to_owned())
    };
    let (dir, runs) = (Path::new(&args[0]), args[1] == "run");
    let device = Backend::from_name(&option("--backend", "flex"))?.device()?;
    let dtype = option("--dtype", "f32");
    let compute =
        ComputeType::ALL.into_iter().find(|compute| compute.name() == dtype).ok_or("unknown type")?;
    compute.check(&device)?;
    let bytes = Arc::new(AtomicU64::new(0));
    let total = bytes.clone();
    let placement = Placement::new(&device).with_compute(compute).with_observer(move |progress| {
        total.store(progress.total, Ordering::Relaxed);
        ControlFlow::Continue(())
    });

    let start = Instant::now();
    let loaded = Rc::new(Cell::new(0.0));
    let ready = || loaded.set(start.elapsed().as_secs_f64());
    let checkpoint = Checkpoint::open(dir)?;
    match Model::describe(dir)?.kind {
        ModelKind::SpeechEncoder | ModelKind::CtcModel => {
            let model = SpeechEncoder::load(&checkpoint, placement)?;
            ready();
            if runs {
                let noise: Vec<f32> = (0..SAMPLES).map(|i| ((i * i) as f32 * 0.37).sin() * 0.1).collect();
                let features = FeatureExtractor::from_checkpoint(&checkpoint)?.extract(&noise);
                let batch = PaddedBatch::from_rows(&[&features.values], model.input_width(), &device);
                ctc::encode(&model, &batch)?;
            }
        }
        ModelKind::LanguageModel => {
            let model = LanguageModel::load(&checkpoint, placement)?;
            ready();
            if runs {
                let ids: Vec<u32> = (0..TOKENS).map(|i| 3 + i * 31).collect();
                let memory =
                    model.encode(&model.embed(&PaddedIds::from_rows(&[ids], model.ids().pad, &device)));
                let count = TOKENS as usize;
                let mut config = DecodeConfig::default();
                config.max_new_tokens = count;
                config.min_new_tokens = count;
                generate(&model, &memory, &config)?;
            }
        }
        _ => return Err("a bundle is not one model".into()),
    }
    let record = serde_json::json!({
        "bytes": bytes.load(Ordering::Relaxed),
        "load_seconds": loaded.get(),
        "run_seconds": start.elapsed().as_secs_f64() - loaded.get(),
    });
    println!("{record}");
    Ok(())
}
