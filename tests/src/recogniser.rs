//! A recogniser of an encoder and a decoder beside what transformers computes of the same folder.

use std::collections::BTreeMap;
use std::path::Path;

use burn::prelude::*;
use burn::tensor::Int;
use slm_core::models::decode::{DecodeConfig, Hooks, Strategy, search};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::SpeechDecoder;
use slm_core::models::nn::{PaddedBatch, PaddedIds};

use crate::{HostTensor, checkpoint, relative_error};

/// A recogniser, and what it heard in the inputs of a folder.
#[derive(Debug)]
pub struct Heard {
    /// The decoder.
    pub decoder: SpeechDecoder,
    /// The encoder's states `[B, S, E]`.
    pub states: PaddedBatch,
}

/// Texts of a search, and the ids that they are compared with.
const SEARCHES: [(&str, Strategy); 2] =
    [("greedy_ids", Strategy::Greedy), ("beam4_ids", Strategy::Beam { size: 4, length_penalty: 1.0 })];

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap_or_default()
}

/// Whether these tensors are those of a recogniser.
pub fn is_recogniser(io: &BTreeMap<String, HostTensor>) -> bool {
    io.contains_key("prompt_ids")
}

/// Loads the model in `dir` and lets it hear `rows` of the inputs.
///
/// # Panics
///
/// If it does not load: the fixtures are part of the tests.
#[allow(clippy::unwrap_used, reason = "support of tests")]
pub fn heard(dir: &Path, io: &BTreeMap<String, HostTensor>, rows: &[usize], device: &Device) -> Heard {
    let checkpoint = checkpoint(dir);
    let encoder = SpeechEncoder::load(&checkpoint, device).unwrap();
    let decoder = SpeechDecoder::load(&checkpoint, device).unwrap();
    let (input, lengths) = (&io["input_features"], io["attention_mask"].row_lengths());
    let (time, bins) = (input.shape[1], input.shape[2]);
    let all: Vec<&[f32]> = input.values.chunks(time * bins).collect();
    let rows: Vec<&[f32]> = rows.iter().map(|&row| &all[row][..lengths[row] * bins]).collect();
    let states = encoder.forward(&PaddedBatch::from_rows(&rows, bins, device));
    Heard { decoder, states }
}

/// The ids of each row that a search writes after prompts, as many as the reference has, the end ruled out.
///
/// # Panics
///
/// If the search fails.
#[allow(clippy::unwrap_used, reason = "support of tests")]
pub fn written(heard: &Heard, prompts: &[Vec<u32>], strategy: Strategy, steps: usize) -> Vec<Vec<u32>> {
    let mut config = DecodeConfig::default();
    config.strategy = strategy;
    config.max_new_tokens = steps;
    config.min_new_tokens = steps;
    let ids = PaddedIds::from_rows(prompts, 0, &heard.decoder.device()).ids;
    let mut hooks = Hooks { prompts, ..Hooks::default() };
    let found = search(heard.decoder.begin(&heard.states, ids), &config, &mut hooks).unwrap();
    found.into_iter().map(|row| row[0].ids.clone()).collect()
}

/// The errors of the model in `dir`, by output; ids are compared exactly.
///
/// # Panics
///
/// If it does not load, or writes other ids.
#[allow(clippy::unwrap_used, reason = "support of tests")]
pub fn recogniser_errors(
    dir: &Path,
    io: &BTreeMap<String, HostTensor>,
    device: &Device,
) -> Vec<(&'static str, f64)> {
    let count = io["input_features"].shape[0];
    let rows: Vec<usize> = (0..count).collect();
    let heard = heard(dir, io, &rows, device);
    let lengths = heard.states.lengths();
    assert_eq!(lengths, io["output_mask"].row_lengths(), "lengths of the output");
    let expected = &io["encoder.last_hidden_state"];
    let error = relative_error(&values(heard.states.values()), expected, |row, t| t < lengths[row]);
    let mut errors = vec![("encoder.last_hidden_state", error)];

    let inputs: Vec<Vec<u32>> = rows.iter().map(|&row| io["decoder_input_ids"].id_row(row)).collect();
    let ids = PaddedIds::from_rows(&inputs, 0, device).ids;
    let at_once = heard.decoder.decode(&heard.states, ids.clone());
    errors.push(("logits", relative_error(&values(at_once.clone()), &io["logits"], |_, _| true)));
    let prompts: Vec<Vec<u32>> = rows.iter().map(|&row| io["prompt_ids"].id_row(row)).collect();
    let cached = cached(&heard, &ids, prompts[0].len(), at_once);
    errors.push(("cached logits", relative_error(&values(cached), &io["logits"], |_, _| true)));

    for (name, strategy) in SEARCHES {
        let expected = &io[name];
        let found = written(&heard, &prompts, strategy, expected.shape[1]);
        for (row, found) in found.iter().enumerate() {
            assert_eq!(found, &expected.id_row(row), "{name} of row {row}");
        }
    }
    errors
}

/// Logits after each id, the first `begun` ids at once and the others step by step: of the first ones only the last logits
/// are given, the others are those of `at_once`.
fn cached(heard: &Heard, ids: &Tensor<2, Int>, begun: usize, at_once: Tensor<3>) -> Tensor<3> {
    let [_, length] = ids.dims();
    let mut drafts = heard.decoder.begin(&heard.states, ids.clone().narrow(1, 0, begun));
    let steps = (begun..length).map(|t| drafts.state.step(ids.clone().narrow(1, t, 1)));
    let steps = [drafts.first].into_iter().chain(steps).map(|one| one.unsqueeze_dim(1));
    Tensor::cat([at_once.narrow(1, 0, begun - 1)].into_iter().chain(steps).collect(), 1)
}
