//! Several adapters on one resident model: each request gets what it would get alone, and the base weights are there once.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use slm_core::models::checkpoint::{ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE};
use slm_core::{Attachment, Backend, BackendChoice, Error, Model, OpenOptions, Request, Task, audio};
use slm_tests::fixtures;

/// Width of the reference model's language model, and its blocks.
const WIDTH: usize = 192;
const BLOCKS: usize = 3;
const RANK: usize = 2;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn bundle() -> PathBuf {
    root().join("weights/slm-tiny")
}

fn options() -> OpenOptions {
    OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))
}

fn sound() -> Vec<f32> {
    audio::read(&root().join("tests/audio/test/wav/000000-16147b07.wav")).unwrap().samples
}

/// Numbers between -1 and 1 that look random.
fn noise(seed: usize, count: usize) -> Vec<f32> {
    let of = |index: usize| (((index + 1) * (seed * 7919 + 104_729)) as f32 * 0.618).sin();
    (0..count).map(of).collect()
}

/// Writes a LoRA adapter for the language model of the reference model.
fn write_lora(dir: &Path, seed: usize, size: f32) {
    fs::create_dir_all(dir).unwrap();
    let config = format!(
        r#"{{"peft_type": "LORA", "r": {RANK}, "lora_alpha": {RANK}, "bias": "none", "target_modules": ["q", "v"],
            "layers_to_transform": [0], "base_model_name_or_path": "slm-tiny"}}"#
    );
    fs::write(dir.join(ADAPTER_CONFIG_FILE), config).unwrap();
    let mut tensors = Vec::new();
    for block in 0..BLOCKS {
        for map in ["q", "v"] {
            let path = format!("base_model.model.decoder.block.{block}.layer.0.SelfAttention.{map}");
            let seed = seed * 100 + block * 10 + usize::from(map == "v");
            let thin = |seed| noise(seed, RANK * WIDTH).into_iter().map(move |value| value * size);
            let bytes = |seed| thin(seed).flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
            tensors.push((format!("{path}.lora_A.weight"), vec![RANK, WIDTH], bytes(seed)));
            tensors.push((format!("{path}.lora_B.weight"), vec![WIDTH, RANK], bytes(seed + 50)));
        }
    }
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        })
        .collect();
    safetensors::serialize_to_file(views, None, &dir.join(ADAPTER_WEIGHTS_FILE)).unwrap();
}

/// Writes the reference model's own adapter with every value of its last map turned a little.
fn write_speech_adapter(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let own = bundle().join("adapter");
    fs::copy(own.join("config.json"), dir.join("config.json")).unwrap();
    let bytes = fs::read(own.join("model.safetensors")).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let info = metadata.info("output.weight").unwrap();
    assert_eq!(info.dtype, Dtype::F32);
    let (start, end) = info.data_offsets;
    let mut changed = bytes.clone();
    for value in changed[8 + header + start..8 + header + end].chunks_exact_mut(4) {
        let turned = -f32::from_le_bytes(value.try_into().unwrap());
        value.copy_from_slice(&turned.to_le_bytes());
    }
    fs::write(dir.join("model.safetensors"), changed).unwrap();
}

/// What a request comes to, to the last bit.
fn answer(model: &Model, adapter: Option<&str>) -> (String, Vec<u64>) {
    let answer = model.answer(&sound(), &request(model, adapter)).unwrap();
    let scores = answer.segments.iter().map(|segment| segment.score.to_bits()).collect();
    (answer.text, scores)
}

fn request(model: &Model, adapter: Option<&str>) -> Request {
    let mut request = model.request(Task::Transcribe);
    request.adapter = adapter.map(str::to_owned);
    request
}

#[test]
fn requests_with_different_adapters_at_once_get_what_each_gets_alone() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    write_lora(&place("gentle"), 1, 0.05);
    write_lora(&place("strong"), 2, 0.6);
    write_speech_adapter(&place("turned"));
    write_speech_adapter(&place("both"));
    write_lora(&place("both"), 2, 0.6);
    let names = ["gentle", "strong", "turned", "both"];

    let plain = Model::open(bundle(), &options()).unwrap();
    let base = answer(&plain, None);
    let alone: Vec<_> = names
        .iter()
        .map(|name| {
            let model = Model::open(bundle(), &options().adapter(*name, place(name))).unwrap();
            assert_eq!(model.capabilities().adapters, [*name]);
            let found = answer(&model, Some(name));
            assert_ne!(found, base, "{name}");
            found
        })
        .collect();
    for (index, found) in alone.iter().enumerate() {
        assert!(!alone[index + 1..].contains(found), "{}", names[index]);
    }
    // What the base itself says does not depend on them; it is the text of the recording.
    assert_ne!(alone[1].0, base.0);

    let all = names.iter().fold(options().cache_bytes(0), |all, name| all.adapter(*name, place(name)));
    let model = Model::open(bundle(), &all).unwrap();
    let together: Vec<_> = std::thread::scope(|scope| {
        let asked = [None].into_iter().chain(names.iter().map(|name| Some(*name)));
        let threads: Vec<_> = asked
            .map(|name| {
                let model = model.clone();
                scope.spawn(move || answer(&model, name))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(together[0], base);
    assert_eq!(together[1..], alone);

    // Merged, the texts stay, and scores move by the order of sums alone.
    let merged = Model::open(bundle(), &all.attachment(Attachment::Merged)).unwrap();
    assert_eq!(answer(&merged, None), base);
    for (name, alone) in names.iter().zip(&alone) {
        assert_eq!(answer(&merged, Some(name)).0, alone.0, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path, adapter: &Path| Model::open(path, &options().adapter("other", adapter));
    write_lora(dir.path(), 1, 0.1);

    let model = open(&bundle(), dir.path()).unwrap();
    let error = model.check(&request(&model, Some("none"))).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)));
    assert_eq!(error.to_string(), "the model has no adapter `none`; it has other");
    let plain = Model::open(bundle(), &options()).unwrap();
    let error = plain.session(request(&plain, Some("other"))).unwrap_err().to_string();
    assert_eq!(error, "the model has no adapter `other`; it was opened without any");

    // A model without a language model, and an adapter of another one.
    let error = open(&bundle().join("encoder"), dir.path()).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)));
    assert_eq!(error.to_string(), "adapters change a language model, and the model has none");
    let error = open(&bundle(), &fixtures().join("lora/t5_all")).unwrap_err().to_string();
    assert!(error.contains("(made for `parity/t5_v11_gated_untied`) does not fit: "), "{error}");

    // Of another width, of nothing at all, and of a bundle that was trained beside another language model.
    let narrow = dir.path().join("narrow");
    write_speech_adapter(&narrow);
    let config = fs::read_to_string(narrow.join("config.json")).unwrap();
    fs::write(narrow.join("config.json"), config.replace("\"encoder_dim\": 128", "\"encoder_dim\": 64"))
        .unwrap();
    let error = open(&bundle(), &narrow).unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = open(&bundle(), &empty).unwrap_err().to_string();
    assert!(error.contains("config.json"), "{error}");

    let other = dir.path().join("bundle");
    let manifest = fs::read_to_string(bundle().join("slm.json")).unwrap();
    fs::create_dir(&other).unwrap();
    for part in ["encoder", "llm", "adapter"] {
        fs::create_dir(other.join(part)).unwrap();
        for file in fs::read_dir(bundle().join(part)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), other.join(part).join(file.file_name())).unwrap();
        }
    }
    fs::write(other.join("slm.json"), &manifest).unwrap();
    let model = open(&bundle(), &other).unwrap();
    assert_eq!(answer(&model, Some("other")), answer(&plain, None));
    let settings = other.join("llm/generation_config.json");
    let text = fs::read_to_string(&settings).unwrap() + "\n";
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    fs::write(&settings, text).unwrap();
    let hash = slm_core::models::checkpoint::hash::sha256_file(&settings).unwrap();
    manifest["parts"]["llm"]["files"]["generation_config.json"] = hash.into();
    fs::write(other.join("slm.json"), manifest.to_string()).unwrap();
    let error = open(&bundle(), &other).unwrap_err().to_string();
    assert!(error.ends_with("was trained for another language model"), "{error}");
}

/// A published speech language model takes LoRA adapters in the place of its own, and none of a bundle.
#[test]
fn a_speech_language_model_takes_lora_adapters() {
    let folder = fixtures().join("speech_llm/granite_speech_lora");
    let samples = audio::read(&folder.join("audio_0.wav")).unwrap().samples;
    let model = Model::open(&folder, &options().adapter("own", &folder)).unwrap();
    let say = |adapter: Option<&str>| model.answer(&samples, &request(&model, adapter)).unwrap().text;
    assert_eq!(say(Some("own")), say(None));
    let error = Model::open(&folder, &options().adapter("other", bundle().join("adapter"))).unwrap_err();
    assert!(error.to_string().contains("is no LoRA adapter"), "{error}");
}

/// Memory that this process has, in bytes, where the system tells it.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Sixty language models of 13 MB would be 790 MB; the other tests of this file take a few models in between.
#[test]
fn the_base_weights_are_there_once() {
    const COUNT: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    write_lora(dir.path(), 1, 0.1);
    let many = (0..COUNT).fold(options(), |all, index| all.adapter(format!("{index:02}"), dir.path()));
    let before = resident();
    let model = Model::open(bundle(), &many).unwrap();
    assert_eq!(model.capabilities().adapters.len(), COUNT);
    if let (Some(before), Some(after)) = (before, resident()) {
        let grown = after.saturating_sub(before) >> 20;
        assert!(grown < 400, "{grown} MB");
    }
}
