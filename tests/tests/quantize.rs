//! Models stored in few bits: the blocks are those of loading, the models say the same, and what cannot be written is named.

#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::tensor::DType;
use slm_core::models::checkpoint::gguf::{BlockType, quantize};
use slm_core::models::checkpoint::tensors::TensorReader;
use slm_core::models::checkpoint::{Bundle, Checkpoint};
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::PaddedIds;
use slm_core::models::nn::weights::Placement;
use slm_core::models::text::TextTokenizer;
use slm_core::models::text::chat::{ChatEnd, ChatMessage, ChatTemplate};
use slm_core::{Backend, ComputeType, Error, Model, QuantizedPart};
use slm_tests::whole::Whole;
use slm_tests::{all_positions, checkpoint, fixtures};

const TYPES: [ComputeType; 3] = [ComputeType::Q8_0, ComputeType::Q4_0, ComputeType::Q4K];

fn parity(name: &str) -> PathBuf {
    fixtures().join("parity").join(name)
}

/// The model at `place` stored in `compute`, and what became of its parts.
fn stored(place: &Path, compute: ComputeType) -> (tempfile::TempDir, PathBuf, Vec<QuantizedPart>) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/model");
    let quantization = Model::quantization(place, compute).unwrap();
    let mut told = Vec::new();
    let observer = |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    };
    quantization.write(&out, observer).unwrap();
    let last = told.last().unwrap();
    assert_eq!((last.done, last.total), (quantization.bytes(), quantization.bytes()));
    (dir, out, quantization.parts())
}

fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { bytes_in(&path) } else { path.metadata().unwrap().len() }).sum()
}

#[test]
fn models_of_every_kind_say_what_they_say_when_quantized_at_loading() {
    for whole in Whole::all() {
        for compute in TYPES {
            let (_dir, out, parts) = stored(&whole.place, compute);
            assert!(parts.iter().any(|part| !part.matrices.is_empty()), "{parts:?}");
            let expected = whole.ids(&whole.place, compute);
            assert!(!expected.is_empty(), "{}", whole.name);
            // Asked for nothing, and for the type that it has.
            for asked in [ComputeType::Mixed, compute] {
                assert_eq!(whole.ids(&out, asked), expected, "{} in {}", whole.name, compute.name());
            }
            let (before, after) = (Model::describe(&whole.place).unwrap(), Model::describe(&out).unwrap());
            assert_eq!((before.kind, &before.tasks), (after.kind, &after.tasks));
            assert_eq!(
                after.memory_estimate(ComputeType::Mixed).weights,
                before.memory_estimate(compute).weights
            );
            assert!(after.parts.iter().any(|part| part.weights.has_few_bits()), "{}", whole.name);
        }
    }
}

#[test]
fn a_bundle_is_smaller_and_has_its_own_hashes() {
    let place = fixtures().join("../../weights/slm-tiny");
    let (_dir, out, parts) = stored(&place, ComputeType::Q8_0);
    assert_eq!(parts.iter().map(|part| part.name).collect::<Vec<_>>(), ["encoder", "llm", "adapter"]);
    let (before, after) = (Bundle::open(&place).unwrap(), Bundle::open(&out).unwrap());
    assert_ne!(before.manifest().parts.llm.files, after.manifest().parts.llm.files);
    assert_eq!(before.manifest().templates, after.manifest().templates);
    assert_eq!(before.manifest().decoding, after.manifest().decoding);
    // Encoder and language model have 16 bits, and these take 8.5; the adapter stays as it is.
    let (before, after) = (bytes_in(&place), bytes_in(&out));
    assert!(3 * after < 2 * before, "{after} of {before}");
    // A byte of another value is told.
    let weights = out.join("llm/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let error = Bundle::open(&out).unwrap_err().to_string();
    assert!(error.contains("model.safetensors`: sha256"), "{error}");
}

/// Every matrix in blocks has the bytes that its floats make, everything else the bytes that it had.
#[test]
fn tensors_are_those_of_the_reference_or_as_they_were() {
    for (name, compute) in [("llama_untied_bias", ComputeType::Q8_0), ("w2v_bert", ComputeType::Q4_0)] {
        let (_dir, out, parts) = stored(&parity(name), compute);
        let (before, after) = (checkpoint(&parity(name)), checkpoint(&out));
        let (before, after) = (before.weights().unwrap(), after.weights().unwrap());
        let (mut old, mut new) = (TensorReader::new(&before), TensorReader::new(&after));
        let mut count = 0;
        for name in after.names() {
            let Some(found) = new.read_few_bits(name).unwrap() else {
                assert_eq!(new.read(name).unwrap(), old.read(name).unwrap(), "{name}");
                continue;
            };
            let values = old.read(name).unwrap().convert_dtype(DType::F32);
            let shape = [found.rows(), found.row_values()];
            let expected = quantize(found.kind(), shape, values.as_slice().unwrap()).unwrap();
            assert_eq!(found, expected, "{name}");
            count += 1;
        }
        assert_eq!(before.names().count(), after.names().count(), "{name}");
        assert_eq!(parts[0].matrices.iter().map(|(_, count)| count).sum::<usize>(), count, "{name}");
        assert!(count > 10, "{name}: {count}");
        // What has rows of no whole blocks is told.
        assert_eq!(parts[0].left.is_empty(), name != "llama_untied_bias", "{parts:?}");
    }
}

fn logits(path: &Path, compute: ComputeType) -> Vec<f32> {
    let device = Backend::Flex.device().unwrap();
    let placement = Placement::new(&device).with_compute(compute);
    let model = LanguageModel::load(&checkpoint(path), placement).unwrap();
    let rows: Vec<Vec<u32>> = vec![vec![3, 5, 7, 11], vec![4, 6, 8]];
    let memory = model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, &device));
    let found = match all_positions(&model, &memory) {
        Some((_, logits)) => logits,
        None => model.decode(&model.encode(&memory), Tensor::from_data([[0, 5, 7], [0, 9, 2]], &device)),
    };
    found.try_into_vec_as::<f32>().unwrap()
}

/// A head that is a copy of the embedding stays one with it, whatever wrote the weights; a file in few bits becomes a folder of
/// the same blocks.
#[test]
fn folders_and_files_of_language_models_stay_what_they_are() {
    let gguf = |name: &str| fixtures().join("gguf").join(name).join("model.gguf");
    for (place, compute) in [
        (parity("t5_v10_relu_tied"), ComputeType::Q8_0),
        (parity("t5_v11_gated_untied"), ComputeType::Q4_0),
        (parity("qwen2_untied"), ComputeType::Q8_0),
        (gguf("qwen2"), ComputeType::Q8_0),
        (gguf("t5"), ComputeType::Q8_0),
        (gguf("llama_mixed"), ComputeType::Q8_0),
    ] {
        let plan = Model::quantization(&place, compute);
        // One of these files may have nothing left to do.
        if let Err(error) = &plan {
            assert!(error.to_string().contains("no matrix of it would have fewer bits"), "{error}");
            continue;
        }
        let (_dir, out, _) = stored(&place, compute);
        let expected = logits(&place, compute);
        assert_eq!(logits(&out, ComputeType::Mixed), expected, "{}", place.display());
        let far = logits(&place, ComputeType::F32);
        assert!(expected.iter().zip(&far).any(|(few, full)| few.to_bits() != full.to_bits()));
    }
}

#[test]
fn floats_that_stand_beside_blocks_stay_what_they_were() {
    let (_dir, out, parts) = stored(&parity("t5_v10_relu_tied"), ComputeType::Q4_0);
    let kinds: Vec<&str> = parts[0].matrices.iter().map(|(kind, _)| *kind).collect();
    // The embedding is the head.
    assert_eq!(kinds, [BlockType::Q4_0.name(), BlockType::Q8_0.name()]);
    let again = Model::quantization(&out, ComputeType::Q4_0).unwrap_err();
    assert!(matches!(again, Error::Unsupported(_)));
    assert!(again.to_string().contains("no matrix of it would have fewer bits in q4_0"), "{again}");
}

#[test]
fn what_cannot_be_quantized_is_named() {
    let refused = |place: &Path, compute| Model::quantization(place, compute).map(drop).unwrap_err();
    let llama = parity("llama_untied_bias");
    for compute in [ComputeType::F32, ComputeType::F16, ComputeType::Mixed] {
        let error = refused(&llama, compute);
        assert!(matches!(error, Error::Unsupported(_)));
        let expected = format!("cannot quantize to {}: types are q8_0, q4_0 and q4_k", compute.name());
        assert_eq!(error.to_string(), expected);
    }
    let nemo = refused(&parity("nemo_ctc_x4"), ComputeType::Q8_0).to_string();
    assert!(nemo.ends_with("it is an archive of NeMo"), "{nemo}");
    let lora = refused(&fixtures().join("lora/queries_values"), ComputeType::Q8_0).to_string();
    assert!(lora.ends_with("it is a LoRA adapter, which has no large matrices"), "{lora}");
    // Its rows have 12 and 16 values.
    let narrow = refused(&parity("t5_doubled_head"), ComputeType::Q8_0).to_string();
    assert!(narrow.contains("rows of these are no whole blocks:\n  `decoder."), "{narrow}");
    let damaged = tempfile::tempdir().unwrap();
    fs::write(damaged.path().join("config.json"), r#"{"model_type": "llama"}"#).unwrap();
    assert!(matches!(refused(damaged.path(), ComputeType::Q8_0), Error::Damaged(_)));
}

/// A language model in one file, read by our own reader: the blocks are those of the matrices, its config, ids and chats those of
/// the folder.
#[test]
fn a_language_model_becomes_a_file() {
    for (place, kinds) in [
        (fixtures().join("conversation"), &["F32", "Q8_0"][..]),
        (fixtures().join("gguf/granite/model.gguf"), &["F16", "F32", "Q8_0"]),
        // Blocks that it has stay.
        (fixtures().join("gguf/qwen3/model.gguf"), &["F32", "Q4_0", "Q4_K", "Q5_0", "Q5_1", "Q6_K", "Q8_0"]),
    ] {
        let plan = Model::quantization(&place, ComputeType::Q8_0).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("made/small.gguf");
        plan.check(&out).unwrap();
        plan.write(&out, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(names(&dir.path().join("made")), ["small.gguf"]);
        let described = Model::describe(&out).unwrap();
        let found: Vec<&str> = described.parts[0].weights.dtypes.keys().map(String::as_str).collect();
        assert_eq!(found, kinds, "{}", place.display());
        // The same numbers, with every block as it is when the folder is loaded in this type.
        assert_eq!(
            logits(&out, ComputeType::Mixed),
            logits(&place, ComputeType::Q8_0),
            "{}",
            place.display()
        );
        let (file, folder) = (checkpoint(&out), checkpoint(&place));
        let (file_weights, folder_weights) = (file.weights().unwrap(), folder.weights().unwrap());
        assert_eq!(file_weights.names().collect::<Vec<_>>(), folder_weights.names().collect::<Vec<_>>());
        let (mut new, mut old) = (TensorReader::new(&file_weights), TensorReader::new(&folder_weights));
        for name in file_weights.names() {
            let floats = |reader: &mut TensorReader<'_>| reader.read(name).unwrap().convert_dtype(DType::F32);
            match new.read_few_bits(name).unwrap() {
                None => assert_eq!(floats(&mut new), floats(&mut old), "{name}"),
                Some(found) => {
                    if let Some(stored) = old.read_few_bits(name).unwrap() {
                        assert_eq!(found, stored, "{name}");
                        continue;
                    }
                    let values = floats(&mut old);
                    let shape = [found.rows(), found.row_values()];
                    let expected = quantize(BlockType::Q8_0, shape, values.as_slice().unwrap()).unwrap();
                    assert_eq!(found, expected, "{name}");
                }
            }
        }
        let (new, old) = (
            TextTokenizer::from_checkpoint(&file).unwrap(),
            TextTokenizer::from_checkpoint(&folder).unwrap(),
        );
        for text in ["the quick fox", " 12 + 345\n\n", "naïve 漢字 😀", "<|end_of_text|>a"] {
            assert_eq!(new.encode(text).unwrap(), old.encode(text).unwrap(), "{text}");
        }
        let rendered = |folder: &Checkpoint| {
            let template = ChatTemplate::find(folder).unwrap()?;
            let message = [ChatMessage::new("user", "What is said?")];
            Some(template.render(&message, ChatEnd::Answer, &serde_json::Map::new()).unwrap())
        };
        assert_eq!(rendered(&file), rendered(&folder), "{}", place.display());
    }
}

#[test]
fn what_a_file_does_not_hold_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("x.gguf");
    let refused = |place: &Path, compute| {
        let error = Model::quantization(place, compute).unwrap().check(&out).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)) && error.hint().is_some(), "{error}");
        error.to_string()
    };
    let bundle = refused(&fixtures().join("../../weights/slm-tiny"), ComputeType::Q8_0);
    assert!(bundle.ends_with("x.gguf`: a bundle is several models, such a file holds one"), "{bundle}");
    let encoder = refused(&parity("w2v_bert"), ComputeType::Q8_0);
    assert!(encoder.ends_with("no such file is written for a model of type `wav2vec2-bert`"), "{encoder}");
    let bare = refused(&parity("llama_untied_bias"), ComputeType::Q8_0);
    assert!(bare.ends_with("the model has no `tokenizer.json`"), "{bare}");
    let pieces = refused(&fixtures().join("gguf/llama_pieces/model.gguf"), ComputeType::Q8_0);
    assert!(pieces.contains("its `pre_tokenizer` is none that a GGUF file names"), "{pieces}");
    assert_eq!(names(dir.path()).len(), 0);
}

/// Names in a folder.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_there_stays_and_what_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("x"), "x").unwrap();
    let plan = Model::quantization(parity("w2v_bert"), ComputeType::Q8_0).unwrap();
    let goes_on = |_| ControlFlow::Continue(());
    for place in [&taken, &taken.join("x")] {
        let error = plan.write(place, goes_on).unwrap_err();
        assert!(matches!(error, Error::BadInput(_)));
        assert!(error.to_string().ends_with("it is there already") && error.hint().is_some(), "{error}");
    }
    // A folder that lies in a file.
    let error = plan.write(&taken.join("x/model"), goes_on).unwrap_err();
    assert!(error.to_string().starts_with("cannot write `"), "{error}");
    // Ended after the first bytes.
    let error = plan.write(&dir.path().join("ended"), |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert_eq!(names(dir.path()), ["taken"]);
    assert_eq!(names(&taken), ["x"]);
    // Values that no block can hold.
    let broken = dir.path().join("broken");
    fs::create_dir(&broken).unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(parity("w2v_bert").join(name), broken.join(name)).unwrap();
    }
    let path = broken.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let (start, name) = {
        let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let name = "encoder.layers.0.ffn1.intermediate_dense.weight";
        (8 + header + metadata.info(name).unwrap().data_offsets.0, name)
    };
    bytes[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let plan = Model::quantization(&broken, ComputeType::Q8_0).unwrap();
    let error = plan.write(&dir.path().join("made"), goes_on).unwrap_err();
    assert!(matches!(error, Error::Damaged(_)));
    assert!(error.to_string().contains(&format!("tensor `{name}`: 1 non-finite values")), "{error}");
    assert_eq!(names(dir.path()), ["broken", "taken"]);
}
