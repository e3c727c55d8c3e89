//! Matrices in few bits: blocks are those of the reference, models stay near what they are in f32.

#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::prelude::*;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use slm_core::models::checkpoint::gguf::{BlockType, Quantized, quantize};
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::{LanguageModel, OutputHead, T5Config};
use slm_core::models::nn::weights::{Placement, StorageType};
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::{Backend, ComputeType};
use slm_tests::{all_positions, checkpoint, fixtures, read_tensors};

/// What the reference makes of some floats.
#[derive(Deserialize)]
struct Golden {
    shape: [usize; 2],
    values: String,
    blocks: BTreeMap<String, String>,
}

impl Golden {
    fn read() -> Self {
        serde_json::from_slice(&std::fs::read(fixtures().join("quantized.json")).unwrap()).unwrap()
    }

    fn values(&self) -> Vec<f32> {
        let bytes = bytes(&self.values);
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn error(matrix: &Quantized, values: &[f32]) -> f32 {
    matrix.dequantize().iter().zip(values).map(|(found, value)| (found - value).powi(2)).sum::<f32>().sqrt()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn blocks_are_those_of_the_reference() {
    let golden = Golden::read();
    let values = golden.values();
    for (kind, expected) in &golden.blocks {
        let found = quantize(BlockType::named(kind).unwrap(), golden.shape, &values).unwrap();
        assert_eq!(found.bytes(), bytes(expected), "{kind}");
    }
    assert_eq!(golden.blocks.len(), 2);
}

#[test]
fn a_scale_and_a_minimum_are_nearer_than_a_scale() {
    let golden = Golden::read();
    let values = golden.values();
    let of = |kind, values: &[f32]| error(&quantize(kind, [1, 256], values).unwrap(), values);
    for row in values.chunks(256) {
        let (parts, simple) = (of(BlockType::Q4K, row), of(BlockType::Q4_0, row));
        assert!(parts < simple, "{parts} and {simple}");
        assert!(of(BlockType::Q8_0, row) < parts);
    }
    assert_eq!(of(BlockType::Q4K, &[0.0; 256]).to_bits(), 0);
}

#[test]
fn what_is_no_block_is_refused() {
    assert_eq!(quantize(BlockType::Q4K, [2, 128], &[1.0; 256]), None);
    assert_eq!(quantize(BlockType::Q8_0, [2, 32], &[1.0; 32]), None);
    assert_eq!(quantize(BlockType::Q5K, [1, 256], &[1.0; 256]), None);
    // Its scale is too large for 16 bits.
    assert_eq!(quantize(BlockType::Q8_0, [1, 32], &[1e9; 32]), None);
}

/// Logits of the inputs that a folder has.
fn logits(path: &Path, compute: ComputeType) -> Vec<f32> {
    let device = Backend::Flex.device().unwrap();
    let model =
        LanguageModel::load(&checkpoint(path), Placement::new(&device).with_compute(compute)).unwrap();
    // Eight positions at most, which are multiplied as whole numbers.
    let rows: Vec<Vec<u32>> = vec![vec![3, 5, 7, 11], vec![4, 6, 8]];
    let memory = model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, &device));
    let mut config = DecodeConfig::default();
    config.max_new_tokens = 3;
    assert_eq!(generate(&model, &memory, &config).unwrap().len(), 2);
    let found = match all_positions(&model, &memory) {
        Some((_, logits)) => logits,
        None => model.decode(&model.encode(&memory), Tensor::from_data([[0, 5, 7], [0, 9, 2]], &device)),
    };
    found.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn language_models_in_eight_bits_stay_near() {
    let parity = |name: &str| fixtures().join("parity").join(name);
    let gguf = |name: &str| fixtures().join("gguf").join(name).join("model.gguf");
    for (path, bound) in [
        (parity("llama_untied_bias"), 0.999),
        (parity("qwen2_untied"), 0.999),
        // 0.9983. PyTorch with the same rounding of weights and of what they are applied to has 0.9988 (with the embedding as
        // it is): T5 does not scale its scores, and with weights of 0.2 they are large, so that small errors change which
        // position is attended to. With weights as T5 draws them it is 0.9997, see below.
        (parity("t5_v11_gated_untied"), 0.998),
        (parity("t5_v10_relu_tied"), 0.999),
        // These are in few bits already and stay so.
        (gguf("llama_k"), 0.999),
        (gguf("llama_mixed"), 0.999),
        (gguf("qwen2"), 0.999),
    ] {
        let (full, few) = (logits(&path, ComputeType::F32), logits(&path, ComputeType::Q8_0));
        let found = cosine(&few, &full);
        assert!(found >= bound && found < 1.0 - 1e-12, "{}: {found}", path.display());
    }
}

/// A T5 of width 256 with an own head, whose random weights have the sizes that transformers draws them with
/// (`T5PreTrainedModel._init_weights`): in PyTorch the same rounding gives 0.9998.
#[test]
fn a_wider_t5_with_weights_as_t5_draws_them_stays_near() {
    let (width, inner, heads, head) = (256.0_f64, 512.0_f64, 4.0_f64, 64.0_f64);
    let dir = tempfile::tempdir().unwrap();
    let config = serde_json::json!({
        "model_type": "t5", "vocab_size": 200, "d_model": width, "d_kv": head, "d_ff": inner, "num_layers": 2,
        "num_decoder_layers": 2, "num_heads": heads, "feed_forward_proj": "gated-gelu", "is_gated_act": true,
        "dense_act_fn": "gelu_new", "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
        "layer_norm_epsilon": 1e-6, "tie_word_embeddings": false, "pad_token_id": 0, "eos_token_id": 1,
        "decoder_start_token_id": 0,
    });
    let text = config.to_string().replace(".0,", ",").replace(".0}", "}");
    std::fs::write(dir.path().join("config.json"), text).unwrap();
    let device = Backend::Flex.device().unwrap();
    let config = T5Config::from_checkpoint(&checkpoint(dir.path())).unwrap();
    config.init(OutputHead::Own, &device).save(dir.path(), StorageType::F32).unwrap();
    // The same tensors with other values.
    let path = dir.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut state = 11_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    // Twelve of them are near to a normal number.
    let mut normal = || (0..12).map(|_| uniform()).sum::<f64>();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let size = |of: f64| of.powf(-0.5);
            let (mean, scale) = match name.trim_end_matches(".weight").rsplit('.').next().unwrap() {
                "layer_norm" | "final_layer_norm" => (1.0, 0.0),
                "q" => (0.0, size(width * head)),
                "o" => (0.0, size(heads * head)),
                "wo" => (0.0, size(inner)),
                "shared" | "lm_head" => (0.0, 1.0),
                _ => (0.0, size(width)),
            };
            let count = view.shape().iter().product::<usize>();
            let values = (0..count).flat_map(|_| ((mean + scale * normal()) as f32).to_le_bytes()).collect();
            (name, view.shape().to_vec(), values)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, values)| {
        let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), values).unwrap();
        (name.clone(), view)
    });
    safetensors::serialize_to_file(views, None, &path).unwrap();
    let full = logits(dir.path(), ComputeType::F32);
    let found = cosine(&logits(dir.path(), ComputeType::Q8_0), &full);
    assert!((0.9995..1.0 - 1e-12).contains(&found), "{found}");
}

#[test]
fn encoders_in_eight_bits_stay_near() {
    let device = Backend::Flex.device().unwrap();
    for name in ["parakeet_ctc_x4", "w2v_bert"] {
        let dir = fixtures().join("parity").join(name);
        let io = read_tensors(&dir.join("io.safetensors"));
        let states = |compute| {
            let placement = Placement::new(&device).with_compute(compute);
            let model = SpeechEncoder::load(&checkpoint(&dir), placement).unwrap();
            let lengths = io["attention_mask"].row_lengths();
            let states = model.forward(&PaddedBatch::new(io["input_features"].to_device(&device), lengths));
            states.values().try_into_vec_as::<f32>().unwrap()
        };
        let found = cosine(&states(ComputeType::Q8_0), &states(ComputeType::F32));
        assert!((0.999..1.0 - 1e-12).contains(&found), "{name}: {found}");
    }
}

#[test]
fn progress_counts_the_bytes_of_blocks() {
    let device = Backend::Flex.device().unwrap();
    let path = fixtures().join("gguf/llama_mixed/model.gguf");
    let last = |compute| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let placement = Placement::new(&device).with_compute(compute).with_observer(move |progress| {
            sink.lock().unwrap().push(progress);
            ControlFlow::Continue(())
        });
        LanguageModel::load(&checkpoint(&path), placement).unwrap();
        let last = *seen.lock().unwrap().last().unwrap();
        assert_eq!(last.done, last.total);
        last.total
    };
    let file = std::fs::metadata(&path).unwrap().len();
    // The file has its tokenizer beside them.
    assert!(last(ComputeType::Q4_0) < file && last(ComputeType::F32) > file);
}

#[test]
fn other_backends_say_that_they_do_not() {
    let error = ComputeType::Q8_0.check(&Backend::Flex.device().unwrap().autodiff()).unwrap_err();
    assert_eq!(error.to_string(), "the backend does not compute in q8_0 on this device");
}
