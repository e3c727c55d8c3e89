//! Does work of a given size again and again, for `tests/bench/peers.py`, which has others do the same in turns.
//!
//! `timed_work DIR [--backend NAME] [--dtype TYPE]` loads the encoder or language model in DIR, prints `ready`, and does what each
//! line of its input asks for: `encode SECONDS` of noise with the encoder, `write BATCH BEAMS READ WRITTEN`, texts of so many
//! tokens after inputs of so many, with the language model. For each it prints the seconds that it took.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::env;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Instant;

use burn::prelude::*;
use slm_core::audio::SAMPLE_RATE;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::decode::{DecodeConfig, Strategy, generate};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::weights::Placement;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::{Backend, ComputeType, Model, ModelKind};

type Failure = Box<dyn std::error::Error>;

/// What does the work.
enum Worker {
    Encoder { model: SpeechEncoder, features: FeatureExtractor },
    LanguageModel(LanguageModel),
}

impl Worker {
    /// The model in `dir`.
    fn load(dir: &Path, placement: Placement) -> Result<Self, Failure> {
        let checkpoint = Checkpoint::open(dir)?;
        Ok(match Model::describe(dir)?.kind {
            ModelKind::LanguageModel => Self::LanguageModel(LanguageModel::load(&checkpoint, placement)?),
            _ => Self::Encoder {
                features: FeatureExtractor::from_checkpoint(&checkpoint)?,
                model: SpeechEncoder::load(&checkpoint, placement)?,
            },
        })
    }

    /// Seconds that the work of a line takes; features are not part of it.
    fn time(&self, line: &str, device: &Device) -> Result<f64, Failure> {
        let (name, sizes) = line.split_once(' ').ok_or("a line is a name and sizes")?;
        let sizes = sizes.split(' ').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        match (self, name, sizes.as_slice()) {
            (Self::Encoder { model, features }, "encode", &[seconds]) => {
                let noise: Vec<f32> = (0..seconds * SAMPLE_RATE as usize)
                    .map(|i| ((i % 7919 * (i % 104_729)) as f32 * 0.37).sin() * 0.1)
                    .collect();
                let features = features.extract(&noise);
                let batch = PaddedBatch::from_rows(&[&features.values], model.input_width(), device);
                let start = Instant::now();
                // Reading the values waits until they are there.
                model.forward(&batch).values().try_into_vec_as::<f32>()?;
                Ok(start.elapsed().as_secs_f64())
            }
            (Self::LanguageModel(model), "write", &[batch, beams, read, written]) => {
                let row = |b: usize| -> Vec<u32> {
                    (0..read).map(|i| (3 + (b + i) * 31 % 30_000) as u32).collect()
                };
                let rows: Vec<Vec<u32>> = (0..batch).map(row).collect();
                let mut config = DecodeConfig::default();
                config.strategy = Strategy::Greedy.with_beams(beams);
                (config.min_new_tokens, config.max_new_tokens) = (written, written);
                let start = Instant::now();
                let memory =
                    model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, device)));
                generate(model, &memory, &config)?;
                Ok(start.elapsed().as_secs_f64())
            }
            _ => Err(format!("this model cannot do `{line}`").into()),
        }
    }
}

fn main() -> Result<(), Failure> {
    slm_core::keep_freed_memory();
    let args: Vec<String> = env::args().skip(1).collect();
    let [dir, ..] = args.as_slice() else {
        return Err("usage: timed_work DIR [--backend NAME] [--dtype TYPE]".into());
    };
    let option = |name: &str, default: &str| {
        let place = args.iter().position(|arg| arg == name);
        place.and_then(|place| args.get(place + 1)).cloned().unwrap_or_else(|| default.to_owned())
    };
    let device = Backend::from_name(&option("--backend", "flex"))?.device()?;
    let dtype = option("--dtype", "f32");
    let compute =
        ComputeType::ALL.into_iter().find(|compute| compute.name() == dtype).ok_or("unknown type")?;
    compute.check(&device)?;
    let worker = Worker::load(Path::new(dir), Placement::new(&device).with_compute(compute))?;
    println!("ready");
    io::stdout().flush()?;
    for line in io::stdin().lock().lines() {
        println!("{}", worker.time(&line?, &device)?);
        io::stdout().flush()?;
    }
    Ok(())
}
