//! Time and peak memory of a speech encoder on long audio, for `tests/bench/memory.py`.
//!
//! `encode_long DIR SECONDS [--backend NAME] [--dtype TYPE]` loads the encoder in DIR, makes so many seconds of noise into
//! features, encodes them as one row, and prints one JSON record: states, seconds of loading and of encoding, and the peak of
//! the resident memory after each, in bytes; `null` where the system does not tell it.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::env;
use std::path::Path;
use std::time::Instant;

use slm_core::audio::SAMPLE_RATE;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::nn::PaddedBatch;
use slm_core::models::nn::weights::Placement;
use slm_core::{Backend, ComputeType};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    slm_core::keep_freed_memory();
    let args: Vec<String> = env::args().skip(1).collect();
    let [dir, seconds, ..] = args.as_slice() else {
        return Err("usage: encode_long DIR SECONDS [--backend NAME] [--dtype TYPE]".into());
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

    let start = Instant::now();
    let checkpoint = Checkpoint::open(Path::new(dir))?;
    let model = SpeechEncoder::load(&checkpoint, Placement::new(&device).with_compute(compute))?;
    let load_seconds = start.elapsed().as_secs_f64();
    let load_peak = peak();

    let samples = (seconds.parse::<f64>()? * f64::from(SAMPLE_RATE)) as usize;
    let features = FeatureExtractor::from_checkpoint(&checkpoint)?.extract(&noise(samples));
    let batch = PaddedBatch::from_rows(&[&features.values], model.input_width(), &device);
    let start = Instant::now();
    let states = model.forward(&batch);
    // Reading the values waits until they are there.
    let values = states.values().try_into_vec_as::<f32>()?;
    let encode_seconds = start.elapsed().as_secs_f64();
    if values.iter().any(|value| !value.is_finite()) {
        return Err("the states are not finite".into());
    }
    let record = serde_json::json!({
        "states": states.lengths()[0],
        "load_seconds": load_seconds,
        "encode_seconds": encode_seconds,
        "load_peak": load_peak,
        "peak": peak(),
    });
    println!("{record}");
    Ok(())
}

/// White noise, the same for every run: the digits of a linear congruential generator.
fn noise(samples: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5) as f32 * 0.2
    };
    std::iter::repeat_with(next).take(samples).collect()
}

/// The peak of this process's resident memory so far, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
