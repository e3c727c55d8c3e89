//! Large matrices in 16 bits: the outputs stay near those of transformers in f32, what must be in f32 is, and a backend
//! that does not compute in a type says so. Which backend computes in which types is known, but where the device decides.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests that tell what lacks")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::DType;
use slm_core::models::checkpoint::WeightsError;
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::encoder::{EncoderError, SpeechEncoder};
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::weights::{Placement, UnsupportedComputeType};
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::{Backend, BackendChoice, ComputeType, Error, Model, OpenOptions};
use slm_tests::{all_positions, backend, checkpoint, fixtures, read_tensors, relative_error};

/// The types of all tensors, by the names on the way to them.
#[derive(Default)]
struct Types {
    path: Vec<String>,
    found: Vec<(String, DType)>,
}

impl ModuleVisitor for Types {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.join("."), param.val().dtype()));
    }
}

/// The types of 16 bits, with the error that each may make.
const HALVES: [(ComputeType, f64); 2] = [(ComputeType::F16, 0.05), (ComputeType::Bf16, 0.4)];

/// Burn's name of one of them.
fn dtype_of(compute: ComputeType) -> DType {
    if compute == ComputeType::F16 { DType::F16 } else { DType::BF16 }
}

/// Whether a backend computes in the types of 16 bits; `None` where its device decides.
fn has_halves(backend: Backend) -> Option<bool> {
    match backend {
        Backend::Flex | Backend::TchCpu | Backend::TchCuda | Backend::TchMps | Backend::Cuda => Some(true),
        Backend::NdArray => Some(false),
        Backend::Wgpu => None,
        other => panic!("it is not known in which types `{}` computes", other.name()),
    }
}

/// Those that the backend of this run computes in, which are those that it must.
fn halves() -> Vec<(ComputeType, f64)> {
    let backend = backend();
    let device = backend.device().unwrap();
    let mut found = Vec::new();
    for (compute, bound) in HALVES {
        let checked = compute.check(&device);
        if let Some(expected) = has_halves(backend) {
            assert_eq!(checked.is_ok(), expected, "{} on `{}`", compute.name(), backend.name());
        }
        match checked {
            Ok(()) => found.push((compute, bound)),
            Err(error) => {
                assert_eq!(error, UnsupportedComputeType(compute));
                println!("left out on `{}`: {error}", backend.name());
            }
        }
    }
    found
}

fn types(module: &impl Module) -> Vec<(String, DType)> {
    let mut types = Types::default();
    module.visit(&mut types);
    types.found
}

#[test]
fn encoders_stay_near_the_reference() {
    let device = backend().device().unwrap();
    for (compute, bound) in halves() {
        for name in ["parakeet_ctc_x4", "w2v_bert", "lasr_ctc"] {
            let dir = fixtures().join("parity").join(name);
            let io = read_tensors(&dir.join("io.safetensors"));
            let placement = Placement::new(&device).with_compute(compute);
            let model = SpeechEncoder::load(&checkpoint(&dir), placement).unwrap();
            let types = types(&model);
            assert!(types.iter().any(|(_, dtype)| *dtype == dtype_of(compute)), "{name}: nothing is halved");
            let lengths = io["attention_mask"].row_lengths();
            let states = model.forward(&PaddedBatch::new(io["input_features"].to_device(&device), lengths));
            let counts = states.lengths().to_vec();
            let values = states.values().try_into_vec_as::<f32>().unwrap();
            let error = relative_error(&values, &io["last_hidden_state"], |row, t| t < counts[row]);
            assert!(error > 1e-5 && error < bound, "{name} in {}: {error}", compute.name());
        }
    }
}

#[test]
fn language_models_stay_near_the_reference() {
    let device = backend().device().unwrap();
    for (compute, bound) in halves() {
        for name in ["t5_v11_gated_untied", "t5_v10_relu_tied", "t5gemma", "t5gemma2"] {
            let dir = fixtures().join("parity").join(name);
            let io = read_tensors(&dir.join("io.safetensors"));
            let placement = Placement::new(&device).with_compute(compute);
            let model = LanguageModel::load(&checkpoint(&dir), placement).unwrap();
            for (path, dtype) in types(&model) {
                let full = ["wo.weight", "down_proj.weight", "norm", "table", "eoi_embedding"];
                let expected =
                    if full.iter().any(|part| path.contains(part)) { DType::F32 } else { dtype_of(compute) };
                assert_eq!(dtype, expected, "{name}: {path}");
            }
            let lengths = io["attention_mask"].row_lengths();
            let rows: Vec<Vec<u32>> = lengths
                .iter()
                .enumerate()
                .map(|(row, &n)| io["input_ids"].id_row(row)[..n].to_vec())
                .collect();
            let memory = model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, &device)));
            let values = memory.values().try_into_vec_as::<f32>().unwrap();
            let expected = &io["encoder_last_hidden_state"];
            let error = relative_error(&values, expected, |row, t| t < lengths[row]);
            assert!(error > 1e-5 && error < bound, "{name} in {}: {error}", compute.name());
            let mut config = DecodeConfig::default();
            config.max_new_tokens = 4;
            assert_eq!(generate(&model, &memory, &config).unwrap().len(), rows.len());
        }
    }
}

#[test]
fn decoder_only_models_stay_near_the_reference_with_all_matrices_halved() {
    let device = backend().device().unwrap();
    for (compute, bound) in halves() {
        for name in ["llama_tied", "qwen2_untied", "qwen3_tied", "granite_untied", "gemma3_text"] {
            let dir = fixtures().join("parity").join(name);
            let io = read_tensors(&dir.join("io.safetensors"));
            let placement = Placement::new(&device).with_compute(compute);
            let model = LanguageModel::load(&checkpoint(&dir), placement).unwrap();
            let keeps_last_map = matches!(model, LanguageModel::GemmaText(_));
            for (path, dtype) in types(&model) {
                let is_full = path.contains("norm")
                    || path.ends_with("bias")
                    || keeps_last_map && path.contains("down_proj");
                assert_eq!(dtype, if is_full { DType::F32 } else { dtype_of(compute) }, "{name}: {path}");
            }
            let side = if io.contains_key("right.input_ids") { "right." } else { "" };
            let of = |name: &str| &io[&format!("{side}{name}")];
            let (starts, lengths) = (of("attention_mask").row_starts(), of("attention_mask").row_lengths());
            let row =
                |row: usize| of("input_ids").id_row(row)[starts[row]..starts[row] + lengths[row]].to_vec();
            let rows: Vec<Vec<u32>> = (0..lengths.len()).map(row).collect();
            let prompts = model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, &device));
            let (states, _) = all_positions(&model, &prompts).unwrap();
            let values = states.try_into_vec_as::<f32>().unwrap();
            let expected = of("last_hidden_state").turned(&starts);
            let error = relative_error(&values, &expected, |row, t| t < lengths[row]);
            assert!(error > 1e-5 && error < bound, "{name} in {}: {error}", compute.name());
            let mut config = DecodeConfig::default();
            config.max_new_tokens = 4;
            assert_eq!(generate(&model, &prompts, &config).unwrap().len(), rows.len());
        }
    }
}

#[test]
fn progress_counts_every_byte() {
    let device = backend().device().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let placement = Placement::new(&device).with_observer(move |progress| {
        sink.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    });
    let model = SpeechEncoder::load(&checkpoint(&fixtures().join("parity/w2v_bert")), placement).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), types(&model).len());
    assert!(seen.windows(2).all(|pair| pair[0].done < pair[1].done));
    let last = seen.last().unwrap();
    assert_eq!(last.done, last.total);
}

#[test]
fn loading_ends_where_the_observer_says() {
    let device = backend().device().unwrap();
    let count = Arc::new(Mutex::new(0));
    let sink = count.clone();
    let placement = Placement::new(&device).with_observer(move |_| {
        let mut count = sink.lock().unwrap();
        *count += 1;
        if *count < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let error = SpeechEncoder::load(&checkpoint(&fixtures().join("parity/w2v_bert")), placement).unwrap_err();
    assert!(matches!(error, EncoderError::Weights(WeightsError::Cancelled)), "{error}");
    assert_eq!(*count.lock().unwrap(), 5);
}

#[test]
fn a_model_is_opened_in_the_types_that_its_backend_computes_in() {
    let computed: Vec<ComputeType> = halves().into_iter().map(|(compute, _)| compute).collect();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights/slm-tiny");
    for (compute, _) in HALVES {
        let options = OpenOptions::new().backend(BackendChoice::Named(backend())).compute(compute);
        match Model::open(&bundle, &options) {
            Ok(_) => assert!(computed.contains(&compute), "{}", compute.name()),
            Err(error) => {
                assert!(!computed.contains(&compute) && matches!(error, Error::Unsupported(_)), "{error:?}");
                let cause = error.cause().and_then(|cause| cause.downcast_ref::<UnsupportedComputeType>());
                assert_eq!(cause, Some(&UnsupportedComputeType(compute)));
            }
        }
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn a_backend_without_the_types_says_so() {
    let device = Backend::NdArray.device().unwrap();
    for (compute, _) in HALVES {
        let error = compute.check(&device).unwrap_err();
        assert_eq!(error, UnsupportedComputeType(compute));
        let expected = format!("the backend does not compute in {} on this device", compute.name());
        assert_eq!(error.to_string(), expected);
    }
}
