//! All parts of a bundle, loaded and checked against each other.
//!
//! Shapes: `B` utterances, `T` reduced states, `S` source positions, `D` model width.

use burn::prelude::*;

use super::error::{LoadError, SpeechError};
use super::request::{Request, Task};
use super::template::{Instruction, Templates};
use super::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};
use crate::adapter::Adapter;
use crate::audio::SAMPLE_RATE;
use crate::batch::{PaddedBatch, PaddedIds};
use crate::bundle::Bundle;
use crate::decode::{DecodeConfig, DecodeError};
use crate::encoder::{EncodedSpeech, Heard, SpeechEncoder};
use crate::features::{FeatureExtractor, Features};
use crate::llm::LanguageModel;
use crate::text::TextTokenizer;
use crate::weights::Placement;

/// The parts of a [`SpeechModel`]; all tensors are on one device, without autodiff.
#[derive(Debug, Clone)]
pub struct SpeechParts {
    /// The encoder's features.
    pub features: FeatureExtractor,
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// The adapter.
    pub adapter: Adapter,
    /// The language model.
    pub llm: LanguageModel,
    /// The language model's tokenizer.
    pub tokenizer: TextTokenizer,
    /// The tokenizer of the encoder's CTC labels, where there is one.
    pub labels: Option<TextTokenizer>,
    /// The phrasings of the tasks.
    pub templates: Templates,
    /// How the language model is decoded where a request does not say it.
    pub decode: DecodeConfig,
}

/// A speech encoder, an adapter and a language model that fit, ready to answer.
#[derive(Debug, Clone)]
pub struct SpeechModel {
    pub(super) parts: SpeechParts,
    pub(super) device: Device,
}

impl SpeechModel {
    /// Loads the parts of a bundle, without autodiff. The adapter is in f32 whatever type the others have.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file, or the fields of parts that do not fit.
    pub fn load(bundle: &Bundle, placement: impl Into<Placement>) -> Result<Self, LoadError> {
        let placement = placement.into().without_autodiff();
        let device = placement.device();
        let (encoder, llm) = (bundle.encoder_dir(), bundle.llm_dir());
        let parts = SpeechParts {
            templates: Templates::parse(&bundle.manifest().templates)?,
            features: FeatureExtractor::from_dir(&encoder)?,
            tokenizer: TextTokenizer::from_dir(&llm)?,
            labels: TextTokenizer::find(&encoder)?,
            encoder: SpeechEncoder::load(&encoder, &placement)?,
            adapter: Adapter::load(&bundle.adapter_dir(), device)?,
            llm: LanguageModel::load(&llm, &placement)?,
            decode: DecodeConfig::from_dir(&llm)?,
        };
        Self::new(parts, device)
    }

    /// Joins parts that are on `device`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Mismatch`] with all pairs of fields that contradict each other, and
    /// [`TokenizerError::TooManyTokens`](text::TokenizerError::TooManyTokens).
    pub fn new(parts: SpeechParts, device: &Device) -> Result<Self, LoadError> {
        let problems = parts.problems();
        if !problems.is_empty() {
            return Err(LoadError::Mismatch { problems });
        }
        parts.tokenizer.check_rows(parts.llm.vocab_size())?;
        if let (Some(labels), Some(rows)) = (&parts.labels, parts.encoder.labels()) {
            labels.check_rows(rows)?;
        }
        let device = device.clone().without_autodiff();
        Ok(Self { parts, device })
    }

    /// Phrases the tasks that `templates` has in its words.
    #[must_use]
    pub fn with_templates(mut self, templates: Templates) -> Self {
        self.parts.templates = self.parts.templates.overridden_by(templates);
        self
    }

    /// The parts.
    pub fn parts(&self) -> &SpeechParts {
        &self.parts
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The task, decoded as the language model's folder says.
    pub fn request(&self, task: Task) -> Request {
        Request { decode: self.parts.decode, ..Request::new(task) }
    }

    /// The instruction of a task: its first phrasing, filled.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoTask`] and [`SpeechError::Template`].
    pub fn instruction(&self, task: &Task) -> Result<Instruction, SpeechError> {
        let key = task.key();
        let phrasing = self.parts.templates.phrasings(&key).first();
        match (phrasing, task) {
            (Some(template), _) => Ok(task.with_slots(|slots| template.fill(slots))?),
            (None, Task::Instruction(text)) => {
                Ok(Instruction { before: String::new(), after: text.trim().to_owned() })
            }
            (None, _) => {
                let available = self.parts.templates.keys().map(str::to_owned).collect();
                Err(SpeechError::NoTask { key, available })
            }
        }
    }

    /// Checks what can be checked of a request before there is an input.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] that every input would give.
    pub fn check(&self, request: &Request) -> Result<(), SpeechError> {
        let problems = self.decoding(request).problems(self.parts.llm.ids().eos);
        if !problems.is_empty() {
            return Err(DecodeError::Config { problems }.into());
        }
        let instruction = self.instruction(&request.task)?;
        self.around(&instruction)?;
        Ok(())
    }

    /// Encodes 16 kHz samples, each one utterance that is not empty, as one batch.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Encoder`] when the device fails.
    pub fn encode(&self, audios: &[&[f32]]) -> Result<Vec<EncodedSpeech>, SpeechError> {
        Ok(self.listen(audios)?.into_iter().map(|heard| heard.speech).collect())
    }

    /// The same, with all that the CTC head says.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    pub fn listen(&self, audios: &[&[f32]]) -> Result<Vec<Heard>, SpeechError> {
        if audios.is_empty() {
            return Ok(Vec::new());
        }
        let extractor = &self.parts.features;
        let features: Vec<Features> = audios.iter().map(|samples| extractor.extract(samples)).collect();
        let rows: Vec<&[f32]> = features.iter().map(|one| one.values.as_slice()).collect();
        let batch = PaddedBatch::from_rows(&rows, extractor.width(), &self.device);
        Ok(self.parts.encoder.listen(&batch)?)
    }

    /// Seconds from a state of the encoder to the next.
    pub fn state_seconds(&self) -> f64 {
        let samples = self.parts.features.hop() * self.parts.encoder.stride();
        samples as f64 / f64::from(SAMPLE_RATE)
    }

    /// Reduces encoded speech and maps it into the language model's space, `[B, T, D]`.
    pub fn embed_speech(&self, speech: &[EncodedSpeech]) -> PaddedBatch {
        let reduction = self.parts.adapter.config().shape.reduction;
        let reduced: Vec<_> = speech.iter().map(|one| reduction.apply(one)).collect();
        let rows: Vec<&[f32]> = reduced.iter().map(|one| one.rows.as_slice()).collect();
        let width = reduction.output_width(self.parts.adapter.config().encoder_dim);
        let batch = PaddedBatch::from_rows(&rows, width, &self.device);
        self.parts.adapter.forward(&batch)
    }

    /// Puts the tokens of each row's instruction around its speech, and the end token last:
    /// `[B, T, D]` to `[B, S, D]`, with one instruction a row.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] when an instruction has no tokens or too many, or when only some of the rows
    /// begin before the speech.
    pub fn prompt(
        &self,
        speech: &PaddedBatch,
        instructions: &[Instruction],
    ) -> Result<PaddedBatch, SpeechError> {
        let around =
            instructions.iter().map(|instruction| self.around(instruction)).collect::<Result<Vec<_>, _>>()?;
        let (before, after): (Vec<_>, Vec<_>) = around.into_iter().unzip();
        let speech_and_after = speech.join(&self.embed_ids(&after));
        match before.iter().filter(|ids| !ids.is_empty()).count() {
            0 => Ok(speech_and_after),
            count if count == before.len() => Ok(self.embed_ids(&before).join(&speech_and_after)),
            _ => Err(SpeechError::UnevenInstructions),
        }
    }

    /// The same with words in the place of speech: `[B, S, D]`.
    ///
    /// # Errors
    ///
    /// As [`Self::prompt`], and for words without tokens.
    pub fn text_prompt(
        &self,
        texts: &[&str],
        instructions: &[Instruction],
    ) -> Result<PaddedBatch, SpeechError> {
        let mut rows = Vec::with_capacity(texts.len());
        for (text, instruction) in texts.iter().zip(instructions) {
            let (mut ids, after) = self.around(instruction)?;
            let words = self.parts.tokenizer.encode(text)?;
            if words.len() > MAX_TEXT_TOKENS {
                let tokens = words.len();
                return Err(SpeechError::TextTooLong { tokens });
            }
            ids.extend(words);
            ids.extend(after);
            rows.push(ids);
        }
        Ok(self.embed_ids(&rows))
    }

    /// How to decode a request: ids without a token are left out.
    pub(super) fn decoding(&self, request: &Request) -> DecodeConfig {
        let limit = request.decode.vocab_limit.unwrap_or_else(|| self.parts.tokenizer.len());
        DecodeConfig { vocab_limit: Some(limit), ..request.decode }
    }

    /// Tokens before and after the speech, the end token being the last.
    fn around(&self, instruction: &Instruction) -> Result<(Vec<u32>, Vec<u32>), SpeechError> {
        let encode = |text: &str| {
            if text.is_empty() {
                return Ok(Vec::new());
            }
            self.parts.tokenizer.encode(text)
        };
        let before = encode(&instruction.before)?;
        let mut after = encode(&instruction.after)?;
        let tokens = before.len() + after.len();
        if tokens > MAX_INSTRUCTION_TOKENS {
            return Err(SpeechError::InstructionTooLong { tokens });
        }
        after.push(self.parts.llm.ids().eos);
        Ok((before, after))
    }

    fn embed_ids(&self, rows: &[Vec<u32>]) -> PaddedBatch {
        let pad = self.parts.llm.ids().pad;
        let ids = PaddedIds::from_rows(rows, pad, &self.device);
        self.parts.llm.embed(&ids)
    }
}

impl SpeechParts {
    /// Fields of different parts that contradict each other, one text a pair.
    fn problems(&self) -> Vec<String> {
        let adapter = self.adapter.config();
        let mut problems = Vec::new();
        for (one, found, other, expected) in [
            (
                "the width of the features",
                self.features.width(),
                "that of the encoder's input",
                self.encoder.input_width(),
            ),
            (
                "adapter `encoder_dim`",
                adapter.encoder_dim,
                "the encoder's width",
                self.encoder.output_width(),
            ),
            ("adapter `llm_dim`", adapter.llm_dim, "language model `d_model`", self.llm.d_model()),
        ] {
            if found != expected {
                problems.push(format!("{one} is {found}, {other} is {expected}"));
            }
        }
        if adapter.shape.reduction.needs_ctc() && self.encoder.labels().is_none() {
            problems.push("adapter `reduction` needs a CTC head, the encoder has none".to_owned());
        }
        problems
    }
}
