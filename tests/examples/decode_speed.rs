//! How many tokens a second a language model writes on `flex`: `decode_speed MODEL [TOKENS]`, a folder or a GGUF file.
//!
//! In turns: in f32 with Burn's products alone, in f32, and in few bits (those of the file, else 8). Each reads a prompt of
//! 32 ids; one text, eight, and four beams. The medians of three, and what the second and third have over the first.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::env;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::PaddedIds;
use slm_core::models::nn::weights::Placement;
use slm_core::{Backend, ComputeType};

/// Ids of a prompt.
const PROMPT: u32 = 32;
/// Turns.
const TURNS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    slm_core::keep_freed_memory();
    let mut args = env::args().skip(1);
    let path = args.next().ok_or("decode_speed MODEL [TOKENS]")?;
    let tokens: usize = args.next().map_or(Ok(64), |text| text.parse())?;
    let checkpoint = Checkpoint::open(Path::new(&path))?;
    let device = Backend::Flex.device()?;
    let load = |compute| LanguageModel::load(&checkpoint, Placement::new(&device).with_compute(compute));
    let full = load(ComputeType::F32)?;
    // Without what lies beside the matrices.
    let models =
        [("f32, Burn's", full.clone().materialize()), ("f32", full), ("few bits", load(ComputeType::Q8_0)?)];
    for (work, texts, beams) in [("1 text", 1, 1), ("8 texts", 8, 1), ("4 beams", 1, 4)] {
        let mut seconds = vec![Vec::new(); models.len()];
        for _ in 0..TURNS {
            for ((_, model), seconds) in models.iter().zip(&mut seconds) {
                let rows: Vec<Vec<u32>> =
                    (0..texts).map(|row| (0..PROMPT).map(|i| 5 + i * 7 + row).collect()).collect();
                let memory =
                    model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, &device)));
                let mut config = DecodeConfig::default();
                config.strategy = config.strategy.with_beams(beams);
                // No text ends before the last token.
                (config.max_new_tokens, config.min_new_tokens) = (tokens, tokens);
                let start = Instant::now();
                let found = generate(model, &memory, &config)?;
                let written: usize = found.iter().map(|text| text.ids.len()).sum();
                seconds.push(
                    start.elapsed().as_secs_f64() * tokens as f64 / written.max(1) as f64 * f64::from(texts),
                );
            }
        }
        let medians: Vec<f64> = seconds
            .into_iter()
            .map(|mut seconds| {
                seconds.sort_by(f64::total_cmp);
                seconds[TURNS / 2]
            })
            .collect();
        for ((name, _), median) in models.iter().zip(&medians) {
            let rate = (tokens * texts as usize) as f64 / median;
            println!("{work}, {name}: {rate:.1} tokens/s, {:.2} times the first", medians[0] / median);
        }
    }
    Ok(())
}
