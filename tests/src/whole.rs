//! Whole models of the fixtures, one of each kind, and what they say.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

use std::fs;
use std::path::{Path, PathBuf};

use slm_core::{BackendChoice, ComputeType, Delivery, Model, OpenOptions, Task, TokenLimit, audio};

use crate::{backend, fixtures};

/// A model that answers, and a recording.
#[derive(Debug)]
pub struct Whole {
    /// What it is called in messages.
    pub name: &'static str,
    /// The model.
    pub place: PathBuf,
    /// The recording.
    pub sound: PathBuf,
    /// Ids of a text, where its weights are random: such a model hears no speech, its texts have no end, and in the long run they
    /// say something else for the least of reasons.
    pub random_ids: Option<usize>,
    /// The folder that the model was made in, where it was made.
    _made: Option<tempfile::TempDir>,
}

impl Whole {
    /// One of each kind: the reference model and its encoder, recognisers, and speech language models.
    pub fn all() -> Vec<Self> {
        let root = fixtures().join("../..");
        let trained = |name, path| Self {
            name,
            place: root.join(path),
            sound: root.join("tests/audio/test/wav/000000-16147b07.wav"),
            random_ids: None,
            _made: None,
        };
        let random = |name, place: PathBuf, sound: PathBuf| Self {
            name,
            place,
            sound,
            random_ids: Some(12),
            _made: None,
        };
        let recogniser = |name| {
            let place = fixtures().join("parity").join(name);
            random(name, place.clone(), place.join("speech_0.wav"))
        };
        let sound = fixtures().join("speech_llm/granite_speech/audio_0.wav");
        let speech_llm = |name| random(name, fixtures().join("speech_llm").join(name), sound.clone());
        let whisper = whisper(&[]);
        let place = whisper.path().to_owned();
        vec![
            trained("bundle", "weights/slm-tiny"),
            trained("encoder", "weights/slm-tiny/encoder"),
            recogniser("canary"),
            recogniser("cohere_asr"),
            Self {
                _made: Some(whisper),
                ..random("whisper", place, fixtures().join("parity/canary/speech_0.wav"))
            },
            speech_llm("granite_speech"),
            speech_llm("granite_speech_lora"),
            speech_llm("granite_speech_plus"),
            // Its second and third id are as good as others.
            Self { random_ids: Some(1), ..random("salm", fixtures().join("salm"), sound.clone()) },
        ]
    }

    /// What the model at `place`, which is this one or one made of it, says of the recording, as ids.
    pub fn ids(&self, place: &Path, compute: ComputeType) -> Vec<u32> {
        let options = OpenOptions::new().backend(BackendChoice::Named(backend())).compute(compute);
        let model = Model::open(place, &options).unwrap();
        let mut request = model.request(Task::Transcribe);
        if let Some(count) = self.random_ids {
            request.language =
                matches!(self.name, "canary" | "cohere_asr" | "whisper").then(|| "en".to_owned());
            request.token_limit = TokenLimit::AtMost(count);
            (request.decode.min_new_tokens, request.decode.max_new_tokens) = (count, count);
            request.segmentation.finds_speech = false;
            // What is told as it comes is not drawn again.
            request.delivery = Delivery::Text;
        }
        let samples = audio::read(&self.sound).unwrap().samples;
        let answer = model.answer(&samples, &request).unwrap();
        answer.segments.into_iter().flat_map(|segment| segment.tokens).collect()
    }
}

/// A tiny whole Whisper: the base layout with a tokenizer and the ids of languages and tasks. `changed` are fields of its
/// `generation_config.json`.
pub fn whisper(changed: &[(&str, serde_json::Value)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = fixtures().join("parity/whisper_base_layout");
    for name in ["config.json", "model.safetensors", "preprocessor_config.json"] {
        fs::copy(from.join(name), dir.path().join(name)).unwrap();
    }
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        (0..61).map(|id| (format!("\u{120}w{id}"), id.into())).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "Ġw0"}
    });
    let mut generation = serde_json::json!({
        "eos_token_id": 2, "decoder_start_token_id": 3, "is_multilingual": true, "no_timestamps_token_id": 40,
        "lang_to_id": {"<|en|>": 10, "<|de|>": 11}, "task_to_id": {"transcribe": 20, "translate": 21},
        "suppress_tokens": [-1, 3, 40], "begin_suppress_tokens": [2]
    });
    for (name, value) in changed {
        generation[*name] = value.clone();
    }
    fs::write(dir.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    fs::write(dir.path().join("generation_config.json"), generation.to_string()).unwrap();
    dir
}
