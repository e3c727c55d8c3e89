//! Whether a model on disk has all that it needs, and whether that fits together: from its small files and the headers of
//! its weights, without reading a tensor.

use std::path::Path;

use serde_json::Map;

use super::contents::{Contents, Part, check_width};
use super::error::{Error, Message};
use super::speech::SpeechLlmConfig;
use crate::checkpoint::{Checkpoint, GENERATION_FILE};
use crate::decode::DecodeConfig;
use crate::features::FeatureExtractor;
use crate::llm::Lora;
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

/// What the part of a finding about the whole is called.
const WHOLE: &str = "whole";

/// The checks of a part, in the order in which a model is loaded.
const CHECKS: [(Check, fn(Part, &Checkpoint, &Placement) -> Found); 6] = [
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
            Self::Answers => "name it as a part of a bundle, which `slm-train adapter` makes",
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
    let kind = contents.kind().name().to_owned();
    let mut findings = vec![Finding { part: WHOLE, check: Check::Kind, outcome: Ok(kind) }];
    let placement = placement.with_reading(Reading::Shapes);
    for (part, checkpoint) in &parts {
        let checked = CHECKS.into_iter().filter_map(|(check, examine)| {
            let outcome = examine(*part, checkpoint, &placement).transpose()?;
            Some(Finding { part: part.name(), check, outcome })
        });
        findings.extend(checked);
    }
    let outcome = contents.check_answers().map(|()| contents.tasks().join(", "));
    findings.push(Finding { part: WHOLE, check: Check::Answers, outcome });
    findings
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
