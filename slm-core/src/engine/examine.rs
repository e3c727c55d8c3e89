//! Whether a model on disk has all that it needs, and whether that fits together: from its small files and the headers of
//! its weights, without reading a tensor.

use std::fmt::Write;
use std::path::Path;

use serde_json::Map;

use super::contents::{Contents, Part, check_width};
use super::error::{Error, Message};
use super::speech::{LoadError, SpeechLlmConfig, misfits};
use crate::adapter::AdapterConfig;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, Checkpoint, GENERATION_FILE};
use crate::decode::DecodeConfig;
use crate::encoder;
use crate::features::FeatureExtractor;
use crate::llm::{self, Lora};
use crate::nn::weights::{Placement, Reading};
use crate::text::TextTokenizer;
use crate::text::chat::{ChatEnd, ChatMessage, ChatTemplate};

/// Something that a model needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// It is a model of a known kind; the hashes of a bundle are those that it was made with.
    Kind,
    /// The settings of its features, which have the width that the encoder reads.
    Features,
    /// Its tokenizer, whose ids have rows.
    Tokenizer,
    /// Its tensors have the names and shapes that its config says.
    Weights,
    /// Its chat template renders a question.
    ChatTemplate,
    /// How it wants to be decoded.
    Generation,
    /// The LoRA adapter is sound.
    Adapter,
    /// The parts of a bundle fit one another.
    Parts,
    /// It answers.
    Answers,
}

/// What became of a check.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The part of the model: `model`, `encoder`, `llm`, ..
    pub part: &'static str,
    /// What was checked.
    pub check: Check,
    /// What was found, or what is wrong.
    pub outcome: Result<String, Error>,
}

/// What a check of a part finds; nothing where the part does not need it.
type Found = Result<Option<String>, Error>;

/// How a part is checked.
type Checking = fn(Part, &Checkpoint, &Placement) -> Found;

/// What the part of a finding about the whole is called.
const WHOLE: &str = "whole";

/// The checks of a part, in the order in which a model is loaded.
const CHECKS: [(Check, Checking); 6] = [
    (Check::Features, features),
    (Check::Tokenizer, tokenizer),
    (Check::ChatTemplate, chat_template),
    (Check::Generation, generation),
    (Check::Adapter, adapter),
    (Check::Weights, weights),
];

impl Check {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Features => "features",
            Self::Tokenizer => "tokenizer",
            Self::Weights => "weights",
            Self::ChatTemplate => "chat template",
            Self::Generation => "decoding",
            Self::Adapter => "LoRA",
            Self::Parts => "parts",
            Self::Answers => "answers",
        }
    }

    /// What to do where it fails and the error does not say.
    fn advice(self) -> &'static str {
        match self {
            Self::Kind => {
                "a model is a folder as the hub has it, a bundle, or a `.nemo` or `.gguf` file; `slm-cli fetch` brings one"
            }
            Self::Features | Self::Tokenizer | Self::ChatTemplate | Self::Generation => {
                "take the file from the repository of the model: `slm-cli fetch` takes it along"
            }
            Self::Weights => {
                "take weights and config from one revision: `slm-cli fetch --force` replaces what differs"
            }
            Self::Adapter => "take the adapter that was made for this model, both of its files",
            Self::Parts => "take the encoder and the language model that the adapter was trained with",
            Self::Answers => "`slm-cli info` says what it is for",
        }
    }
}

impl Finding {
    /// One next step, where something is wrong.
    pub fn advice(&self) -> Option<String> {
        let error = self.outcome.as_ref().err()?;
        Some(error.hint().unwrap_or_else(|| self.check.advice().to_owned()))
    }
}

/// Examines what lies at `place`.
pub(super) fn examine(place: &Path, placement: Placement) -> Vec<Finding> {
    let opened = Contents::open(place, &|| true).and_then(|contents| Ok((contents.parts()?, contents)));
    let (parts, contents) = match opened {
        Ok(opened) => opened,
        Err(error) => return vec![Finding { part: WHOLE, check: Check::Kind, outcome: Err(error) }],
    };
    let mut kind = contents.kind().name().to_owned();
    for ((part, _), form) in parts.iter().zip(contents.forms()) {
        if let Some(form) = form {
            let _ = write!(kind, ", {}: {form}", part.name());
        }
    }
    let mut findings = vec![Finding { part: WHOLE, check: Check::Kind, outcome: Ok(kind) }];
    let placement = placement.with_reading(Reading::Shapes);
    for (part, checkpoint) in &parts {
        let checked = CHECKS.into_iter().filter_map(|(check, examine)| {
            let outcome = examine(*part, checkpoint, &placement).transpose()?;
            Some(Finding { part: part.name(), check, outcome })
        });
        findings.extend(checked);
    }
    if let Some(outcome) = together(&parts).transpose() {
        findings.push(Finding { part: WHOLE, check: Check::Parts, outcome });
    }
    let is_sound = findings.iter().all(|finding| finding.outcome.is_ok());
    let outcome = contents.check_answers().and_then(|()| {
        if is_sound {
            return Ok(contents.tasks().join(", "));
        }
        let message = "what is wrong above keeps it from answering".to_owned();
        Err(Error::Damaged(Box::new(Message(message))))
    });
    findings.push(Finding { part: WHOLE, check: Check::Answers, outcome });
    findings
}

/// Whether the parts of a bundle fit one another.
fn together(parts: &[(Part, Checkpoint)]) -> Found {
    let find = |wanted| parts.iter().find(|(part, _)| *part == wanted).map(|(_, checkpoint)| checkpoint);
    let (Some(ears), Some(llm), Some(adapter)) = (find(Part::Encoder), find(Part::Llm), find(Part::Adapter))
    else {
        return Ok(None);
    };
    let adapter = AdapterConfig::from_checkpoint(adapter)?;
    let (encoder, llm) = (encoder::sizes(ears)?, llm::sizes(llm)?);
    let problems = misfits(&adapter, &*encoder, encoder::labels(ears)?, llm.d_model());
    if problems.is_empty() {
        let (from, to) = (adapter.encoder_dim, adapter.llm_dim);
        return Ok(Some(format!("the adapter leads from width {from} to width {to}")));
    }
    Err(LoadError::Mismatch { problems }.into())
}

fn features(part: Part, checkpoint: &Checkpoint, _: &Placement) -> Found {
    let Some(width) = part.input_width(checkpoint)? else { return Ok(None) };
    check_width(checkpoint, width)?;
    let hop = FeatureExtractor::from_checkpoint(checkpoint)?.hop();
    Ok(Some(format!("{width} values every {hop} samples, as the encoder reads them")))
}

fn tokenizer(part: Part, checkpoint: &Checkpoint, _: &Placement) -> Found {
    let Some(rows) = part.rows(checkpoint)? else { return Ok(None) };
    let tokenizer = TextTokenizer::from_checkpoint(checkpoint)?;
    tokenizer.check_rows(rows)?;
    Ok(Some(format!("{} ids, {rows} rows", tokenizer.len())))
}

fn chat_template(part: Part, checkpoint: &Checkpoint, _: &Placement) -> Found {
    if !matches!(part, Part::Llm | Part::SpeechLlm) {
        return Ok(None);
    }
    let Some(template) = ChatTemplate::find(checkpoint)? else {
        if part == Part::Llm {
            return Ok(None);
        }
        let place = checkpoint.place().display();
        return Err(Error::Damaged(Box::new(Message(format!("`{place}` has no chat template")))));
    };
    let question = [ChatMessage::new("user", "What is said?")];
    let text = template.render(&question, ChatEnd::Answer, &Map::new())?;
    Ok(Some(format!("a question becomes {} characters", text.chars().count())))
}

fn generation(part: Part, checkpoint: &Checkpoint, _: &Placement) -> Found {
    let writes = matches!(part, Part::Llm | Part::SpeechLlm | Part::Recogniser);
    if !writes || !checkpoint.has(GENERATION_FILE) {
        return Ok(None);
    }
    DecodeConfig::from_checkpoint(checkpoint)?;
    // The ids that end a text are read with the sizes.
    part.rows(checkpoint)?;
    Ok(Some(format!("`{GENERATION_FILE}` fits")))
}

fn adapter(part: Part, checkpoint: &Checkpoint, _: &Placement) -> Found {
    let has_adapter = match part {
        Part::Lora => true,
        Part::Adapter => checkpoint.has(ADAPTER_CONFIG_FILE),
        Part::SpeechLlm => SpeechLlmConfig::from_checkpoint(checkpoint)?.has_lora_adapter,
        _ => false,
    };
    if !has_adapter {
        return Ok(None);
    }
    let adapter = Lora::load(checkpoint)?;
    Ok(Some(adapter.base().map_or_else(|| "sound".to_owned(), |base| format!("sound, made for `{base}`"))))
}

fn weights(part: Part, checkpoint: &Checkpoint, placement: &Placement) -> Found {
    if part == Part::Lora {
        return Ok(None);
    }
    let values = part.parameters(checkpoint, placement)?;
    Ok(Some(format!("{values} values, in the shapes that the config says")))
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use burn::prelude::*;

    use super::*;
    use crate::checkpoint::{Bundle, BundleManifest, Form, MANIFEST_NAME, json};
    use crate::engine::ModelDescription;

    fn repository(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
    }

    /// A copy of a folder, in which `change` is done.
    fn changed(path: &str, change: impl Fn(&Path)) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(repository(path)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        change(dir.path());
        dir
    }

    fn found(place: &Path) -> Vec<Finding> {
        examine(place, Placement::new(&Device::flex()))
    }

    /// The checks that fail, and the text of the first.
    fn failures(place: &Path) -> (Vec<Check>, String) {
        let wrong: Vec<Finding> =
            found(place).into_iter().filter(|finding| finding.outcome.is_err()).collect();
        assert!(wrong.iter().all(|finding| finding.advice().is_some()), "{wrong:?}");
        let text = wrong.first().map(|finding| finding.outcome.as_ref().unwrap_err().to_string());
        (wrong.iter().map(|finding| finding.check).collect(), text.unwrap_or_default())
    }

    #[test]
    fn models_of_all_kinds_are_sound_or_parts_of_others() {
        for (path, checks) in [
            ("weights/slm-tiny", 9),
            ("weights/slm-tiny/encoder", 5),
            ("tests/fixtures/speech_llm/granite_speech", 7),
            ("tests/fixtures/speech_llm/granite_speech_lora", 8),
            ("tests/fixtures/parity/nemo_ctc_x4", 5),
        ] {
            let findings = found(&repository(path));
            assert!(findings.iter().all(|finding| finding.outcome.is_ok()), "{path}: {findings:?}");
            assert_eq!(findings.len(), checks, "{path}: {findings:?}");
        }
        for path in ["tests/fixtures/gguf/qwen3", "tests/fixtures/lora/queries_values"] {
            assert_eq!(failures(&repository(path)).0, [Check::Answers], "{path}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        const SPEECH: &str = "tests/fixtures/speech_llm/granite_speech";
        let remove = |name: &'static str| move |dir: &Path| fs::remove_file(dir.join(name)).unwrap();
        let dir = changed(SPEECH, |dir| {
            remove("tokenizer.json")(dir);
            remove("chat_template.jinja")(dir);
            remove("processor_config.json")(dir);
            remove("preprocessor_config.json")(dir);
        });
        let (checks, text) = failures(dir.path());
        assert_eq!(
            checks,
            [Check::Features, Check::Tokenizer, Check::ChatTemplate, Check::Answers],
            "{text}"
        );
        let dir = changed(SPEECH, |dir| {
            let path = dir.join("config.json");
            let config = fs::read_to_string(&path).unwrap();
            fs::write(path, config.replace("\"intermediate_size\": 40", "\"intermediate_size\": 41"))
                .unwrap();
        });
        let (checks, text) = failures(dir.path());
        assert_eq!(checks, [Check::Weights, Check::Answers], "{text}");
        assert!(text.contains("expected [41, "), "{text}");
        let dir = changed(SPEECH, |dir| {
            fs::write(dir.join("generation_config.json"), r#"{"num_beams": 0}"#).unwrap();
            fs::write(dir.join("chat_template.jinja"), "{{ raise_exception('no speech') }}").unwrap();
        });
        let (checks, text) = failures(dir.path());
        assert_eq!(checks, [Check::ChatTemplate, Check::Generation, Check::Answers], "{text}");
        let (checks, text) = failures(tempfile::tempdir().unwrap().path());
        assert_eq!(checks, [Check::Kind], "{text}");
    }

    #[test]
    fn the_form_of_a_part_is_told_and_how_to_get_it() {
        let tiny = repository("weights/slm-tiny");
        let mut manifest: BundleManifest = json::read(&tiny.join(MANIFEST_NAME)).unwrap();
        let parts = &mut manifest.parts;
        for part in [&mut parts.encoder, &mut parts.llm, &mut parts.adapter] {
            part.path = tiny.join(&part.path);
        }
        // The form that is there is the second.
        let other = parts.llm.files.keys().map(|file| (file.clone(), "0".repeat(64))).collect();
        let files = std::mem::replace(&mut parts.llm.files, other);
        parts.llm.or.push(Form { form: "f16".into(), files });
        parts.llm.source = Some("`sh fetch.sh`".into());
        let dir = tempfile::tempdir().unwrap();
        Bundle::write(dir.path(), &manifest).unwrap();
        let findings = found(dir.path());
        assert!(findings.iter().all(|finding| finding.outcome.is_ok()), "{findings:?}");
        assert_eq!(findings[0].outcome.as_ref().unwrap(), "bundle, llm: f16 (2 of 2)");
        let described = ModelDescription::read(dir.path()).unwrap();
        let forms: Vec<Option<&str>> = described.parts.iter().map(|part| part.form.as_deref()).collect();
        assert_eq!(forms, [None, Some("f16 (2 of 2)"), None]);
        // Elsewhere there are no files.
        manifest.parts.llm.path = "llm".into();
        Bundle::write(dir.path(), &manifest).unwrap();
        let findings = found(dir.path());
        assert_eq!(findings.len(), 1);
        let error = findings[0].outcome.as_ref().unwrap_err();
        assert!(error.to_string().ends_with(" are missing"), "{error}");
        assert_eq!(findings[0].advice().as_deref(), Some("to fetch it: `sh fetch.sh`"));
    }

    #[test]
    fn values_are_not_read() {
        let dir = changed("tests/fixtures/parity/parakeet_ctc_x4", |dir| {
            let path = dir.join("model.safetensors");
            let bytes = fs::read(&path).unwrap();
            let header = 8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
            let nans = f32::NAN.to_le_bytes().repeat((bytes.len() - header) / 4);
            fs::write(path, [&bytes[..header], &nans].concat()).unwrap();
        });
        let findings = found(dir.path());
        let weights = findings.iter().find(|finding| finding.check == Check::Weights).unwrap();
        assert!(weights.outcome.is_ok(), "{weights:?}");
    }
}
