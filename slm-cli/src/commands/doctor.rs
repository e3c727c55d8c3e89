//! `slm-cli doctor`: a small check of every backend against numbers that transformers computed.

use std::fs;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Instant;

use burn::prelude::*;
use safetensors::SafeTensors;
use serde::Serialize;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::decode::generate;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::{Backend, CancelToken, DecodeConfig};
use tempfile::TempDir;

use super::devices::absence;
use crate::args::ModelArgs;
use crate::interrupt::Interrupt;
use crate::report::{Stop, panic_message};
use crate::{embedded, scratch};

/// Largest error on a CPU, of the root mean square of the reference: what the order of sums explains, and some room.
const BOUND_CPU: f64 = 1e-4;
/// On a GPU, whose kernels sum in other orders.
const BOUND_GPU: f64 = 1e-3;
/// Tokens of the check, and of the measured run.
const TOKENS: usize = 16;

/// The files of a tiny model with its inputs and outputs.
macro_rules! reference {
    ($name:literal) => {
        [
            (
                "config.json",
                include_bytes!(concat!("../../../tests/fixtures/parity/", $name, "/config.json")) as &[u8],
            ),
            (
                "model.safetensors",
                include_bytes!(concat!("../../../tests/fixtures/parity/", $name, "/model.safetensors"))
                    as &[u8],
            ),
            (
                "io.safetensors",
                include_bytes!(concat!("../../../tests/fixtures/parity/", $name, "/io.safetensors"))
                    as &[u8],
            ),
        ]
    };
}

/// The file with what goes in and comes out, which is no part of the model.
const INPUTS_AND_OUTPUTS: &str = "io.safetensors";

const ENCODER: [(&str, &[u8]); 3] = reference!("parakeet_ctc_x4");
const LLM: [(&str, &[u8]); 3] = reference!("t5_long_v11");

/// What was found of one backend.
#[derive(Debug, Serialize)]
struct Row {
    backend: &'static str,
    found: bool,
    /// The device, or why there is none.
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<f64>,
    ok: bool,
    /// What is wrong, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What a check measured.
struct Measured {
    max_error: f64,
    tokens_per_second: f64,
}

pub(super) fn execute(model: &ModelArgs, json: bool, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    let backends = match &model.backend {
        Some(name) => vec![Backend::from_name(name).map_err(anyhow::Error::from)?],
        None => Backend::ALL.to_vec(),
    };
    let mut out = io::stdout().lock();
    if !json {
        writeln!(out, "{:<9} {:<9} {:>9} {:>9}  device", "backend", "state", "max error", "tokens/s")?;
    }
    let mut sound = true;
    // What is written for the checks is cleared away.
    let _held = interrupt.hold();
    for backend in backends {
        if interrupt.is_asked() {
            break;
        }
        let row = examine(backend);
        sound &= row.ok || !row.found;
        if json {
            writeln!(out, "{}", serde_json::to_string(&row).map_err(anyhow::Error::from)?)?;
        } else {
            let state = match (row.found, row.ok) {
                (false, _) => "absent",
                (true, true) => "ok",
                (true, false) => "NOT OK",
            };
            let error = row.max_error.map_or_else(|| "-".into(), |error| format!("{error:.1e}"));
            let speed = row.tokens_per_second.map_or_else(|| "-".into(), |speed| format!("{speed:.0}"));
            let note = row.problem.map(|problem| format!(" ({problem})")).unwrap_or_default();
            writeln!(out, "{:<9} {state:<9} {error:>9} {speed:>9}  {}{note}", row.backend, row.device)?;
        }
        out.flush()?;
    }
    Ok(ExitCode::from(u8::from(!sound)))
}

/// Finds a backend's device and checks it.
fn examine(backend: Backend) -> Row {
    let absent = |device: String| Row {
        backend: backend.name(),
        found: false,
        device,
        max_error: None,
        tokens_per_second: None,
        ok: false,
        problem: None,
    };
    let device = match backend.probe() {
        Ok(device) => device,
        Err(error) => return absent(absence(&error)),
    };
    let name = backend.describe(&device);
    let bound = if backend.is_accelerator() { BOUND_GPU } else { BOUND_CPU };
    // A backend may panic in the middle: that is a finding, and the others are still to be examined.
    let checked = panic::catch_unwind(AssertUnwindSafe(|| check(&device)))
        .unwrap_or_else(|panic| Err(anyhow::anyhow!("panic: {}", panic_message(&*panic))));
    let mut row = Row { found: true, ..absent(name) };
    match checked {
        Ok(measured) => {
            row.ok = measured.max_error <= bound;
            row.max_error = Some(measured.max_error);
            row.tokens_per_second = Some(measured.tokens_per_second);
            row.problem = (!row.ok).then(|| format!("the error is over {bound:.0e}"));
        }
        Err(error) => row.problem = Some(format!("{error:#}")),
    }
    row
}

/// Runs both tiny models on `device` and compares, then measures the reference model's decoder.
fn check(device: &Device) -> anyhow::Result<Measured> {
    let encoder = encoder_error(device)?;
    let llm = llm_error(device)?;
    Ok(Measured { max_error: encoder.max(llm), tokens_per_second: speed(device)? })
}

/// A model that lies in a folder which goes with this value.
struct Unpacked {
    model: Checkpoint,
    #[expect(dead_code, reason = "kept for its drop")]
    dir: TempDir,
}

impl Unpacked {
    /// Writes the config and the weights among `files`.
    fn write(files: &[(&str, &[u8])]) -> anyhow::Result<Self> {
        let files = files.iter().filter(|(name, _)| *name != INPUTS_AND_OUTPUTS);
        let dir = scratch::dir(|dir| {
            files.clone().try_for_each(|(name, content)| fs::write(dir.join(name), content))
        })?;
        let model = Checkpoint::listed(dir.path(), files.map(|(name, _)| name))?;
        Ok(Self { model, dir })
    }

    /// Writes the language model of the reference bundle.
    fn reference() -> anyhow::Result<Self> {
        let dir = scratch::dir(|dir| embedded::unpack(dir, &CancelToken::default()))?;
        let model = Checkpoint::open(&dir.path().join("llm"))?;
        Ok(Self { model, dir })
    }
}

/// A tensor of a reference, on the host.
struct Host {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Host {
    fn read(file: &SafeTensors, name: &str) -> anyhow::Result<Self> {
        let view = file.tensor(name)?;
        let values = match view.dtype() {
            safetensors::Dtype::I64 => {
                let ids = view.data().as_chunks::<8>().0;
                ids.iter().map(|bytes| i64::from_le_bytes(*bytes) as f32).collect()
            }
            _ => view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        };
        Ok(Self { shape: view.shape().to_vec(), values })
    }

    fn row(&self, row: usize) -> &[f32] {
        let width: usize = self.shape[1..].iter().product();
        &self.values[row * width..(row + 1) * width]
    }

    /// The ones in each row of a mask.
    fn lengths(&self) -> Vec<usize> {
        (0..self.shape[0]).map(|row| self.row(row).iter().filter(|v| **v > 0.5).count()).collect()
    }

    /// The largest difference over the real positions of `found`, of the root mean square.
    fn error_of(&self, found: &PaddedBatch) -> anyhow::Result<f64> {
        let [_, _, width] = found.dims();
        let values = found.values().try_into_vec_as::<f32>().map_err(|error| anyhow::anyhow!("{error}"))?;
        anyhow::ensure!(values.len() == self.values.len(), "the output has another shape");
        let (mut worst, mut squares, mut count) = (0.0_f64, 0.0_f64, 0_usize);
        for (row, &length) in found.lengths().iter().enumerate() {
            let start = row * self.values.len() / self.shape[0];
            let range = start..start + length * width;
            for (a, b) in values[range.clone()].iter().zip(&self.values[range]) {
                worst = worst.max(f64::from(a - b).abs());
                squares += f64::from(*b).powi(2);
                count += 1;
            }
        }
        Ok(worst / (squares / count.max(1) as f64).sqrt())
    }
}

fn encoder_error(device: &Device) -> anyhow::Result<f64> {
    let unpacked = Unpacked::write(&ENCODER)?;
    let file = SafeTensors::deserialize(ENCODER[2].1)?;
    let model = SpeechEncoder::load(&unpacked.model, device)?;
    let input = Host::read(&file, "input_features")?;
    let lengths = Host::read(&file, "attention_mask")?.lengths();
    let width = input.shape[2];
    let rows: Vec<&[f32]> =
        lengths.iter().enumerate().map(|(row, length)| &input.row(row)[..length * width]).collect();
    let states = model.forward(&PaddedBatch::from_rows(&rows, width, device));
    Host::read(&file, "last_hidden_state")?.error_of(&states)
}

fn llm_error(device: &Device) -> anyhow::Result<f64> {
    let unpacked = Unpacked::write(&LLM)?;
    let file = SafeTensors::deserialize(LLM[2].1)?;
    let model = LanguageModel::load(&unpacked.model, device)?;
    let ids = Host::read(&file, "input_ids")?;
    let lengths = Host::read(&file, "attention_mask")?.lengths();
    let rows: Vec<Vec<u32>> = lengths
        .iter()
        .enumerate()
        .map(|(row, &length)| ids.row(row)[..length].iter().map(|id| *id as u32).collect())
        .collect();
    let memory = model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, device)));
    let error = Host::read(&file, "encoder_last_hidden_state")?.error_of(&memory)?;
    let expected = Host::read(&file, "greedy_ids")?;
    for (row, hypothesis) in generate(&model, &memory, &tokens())?.iter().enumerate() {
        let wanted: Vec<u32> = expected.row(row)[1..=TOKENS].iter().map(|id| *id as u32).collect();
        anyhow::ensure!(hypothesis.ids == wanted, "other tokens than the reference's in row {row}");
    }
    Ok(error)
}

/// Exactly [`TOKENS`] tokens, greedily.
fn tokens() -> DecodeConfig {
    let greedy = DecodeConfig::default();
    let mut decode = greedy;
    (decode.min_new_tokens, decode.max_new_tokens) = (TOKENS, TOKENS);
    decode
}

/// Tokens a second of the reference model's language model, the second time.
fn speed(device: &Device) -> anyhow::Result<f64> {
    let unpacked = Unpacked::reference()?;
    let model = LanguageModel::load(&unpacked.model, device)?;
    let rows = [(3..3 + TOKENS as u32).collect::<Vec<u32>>()];
    let memory = model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, device)));
    generate(&model, &memory, &tokens())?;
    let start = Instant::now();
    generate(&model, &memory, &tokens())?;
    Ok(TOKENS as f64 / start.elapsed().as_secs_f64())
}
