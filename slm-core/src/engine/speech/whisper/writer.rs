//! From sound to text: the language is found or given, and the decoder writes after it.
//!
//! Reference: transformers 5.23.0, `WhisperGenerationMixin`, for sound of one window, without times.
//! Shapes: `B` pieces, `S` states, `D` width, `V` vocabulary rows.

use burn::prelude::*;

use super::doubt::{DOUBTS, NO_SPEECH, take_back_unsaid};
use super::rules::{Suppressed, SuppressedAtBegin};
use super::tokens::WhisperTokens;
use crate::checkpoint::Checkpoint;
use crate::ctc::{Aligned, CtcPosteriors};
use crate::decode::{DecodeConfig, DecodeError, Hooks, StepProcessor, search, settings};
use crate::engine::answer::Answer;
use crate::engine::request::{Delivery, Request, TokenLimit};
use crate::engine::speech::doubts::Doubts;
use crate::engine::speech::ears::Ears;
use crate::engine::speech::error::{LoadError, SpeechError};
use crate::engine::speech::piece::Spoken;
use crate::engine::speech::texts::texts;
use crate::engine::speech::votes::HeardLanguages;
use crate::engine::speech::writer::{Heard, OnText, Order, Writer, Written};
use crate::llm::WhisperDecoder;
use crate::nn::weights::Placement;
use crate::nn::{PaddedBatch, PaddedIds, Watch};
use crate::prompt::{Author, Task, Templates};
use crate::text::TextTokenizer;

/// Writes what a window of sound says.
#[derive(Debug, Clone)]
pub struct WhisperWriter {
    /// The decoder.
    pub decoder: WhisperDecoder,
    /// Its tokenizer.
    pub tokenizer: TextTokenizer,
    /// The ids that mean something.
    pub tokens: WhisperTokens,
    /// How it is decoded where the request does not say it.
    pub decode: DecodeConfig,
    /// The longest piece in seconds.
    pub(in crate::engine::speech) longest: f64,
}

impl WhisperWriter {
    /// Loads the decoder of a checkpoint, whose pieces have `longest` seconds at most.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file.
    pub fn load(checkpoint: &Checkpoint, placement: &Placement, longest: f64) -> Result<Self, LoadError> {
        // The small files come first, so that one that is missing is told at once.
        let tokenizer = TextTokenizer::from_checkpoint(checkpoint)?;
        let decode = DecodeConfig::from_checkpoint(checkpoint)?;
        let decoder = WhisperDecoder::load(checkpoint, placement)?;
        let tokens = WhisperTokens::from_checkpoint(checkpoint, decoder.config(), &tokenizer)?;
        tokenizer.check_rows(decoder.config().vocab_size)?;
        Ok(Self { decoder, tokenizer, tokens, decode, longest })
    }

    /// What the text of each piece begins with: the language that it is in, the task, and that there are no times.
    /// `memory` is `[B, S, D]`, `language` what the request says.
    fn prompts(
        &self,
        heard: &[Heard],
        memory: &PaddedBatch,
        language: Option<&str>,
    ) -> Result<Vec<Vec<u32>>, SpeechError> {
        let languages: Vec<Option<u32>> = match language {
            Some(name) => vec![self.tokens.language(name)?; heard.len()],
            None if self.tokens.languages.is_empty() => vec![None; heard.len()],
            None => self.found_languages(heard, memory)?,
        };
        heard
            .iter()
            .zip(languages)
            .map(|(one, language)| Ok(self.tokens.prompt(language, self.tokens.task(one.task)?)))
            .collect()
    }

    /// The language of each piece: the one that was found before, or what its recording is heard in.
    fn found_languages(
        &self,
        heard: &[Heard],
        memory: &PaddedBatch,
    ) -> Result<Vec<Option<u32>>, SpeechError> {
        let is_known = |one: &Heard| matches!(one.language, Spoken::Found(_));
        let says = if heard.iter().all(is_known) { Vec::new() } else { self.languages(memory)? };
        let ids: Vec<u32> = self.tokens.languages.values().copied().collect();
        heard
            .iter()
            .enumerate()
            .map(|(row, one)| match one.language {
                Spoken::Found(code) => self.tokens.language(code),
                Spoken::Voted(votes) => {
                    let voted = says.get(row).and_then(|says| votes.decide(&one.own, says));
                    Ok(voted.and_then(|at| ids.get(at).copied()))
                }
            })
            .collect()
    }

    /// How probable each language is in each row, `[B, S, D]`, in the order of the codes: the first token of a text of which
    /// nothing is known, of which the languages alone are looked at.
    fn languages(&self, memory: &PaddedBatch) -> Result<Vec<HeardLanguages>, SpeechError> {
        let rows = vec![vec![self.tokens.start]; memory.lengths().len()];
        let first = self.decoder.begin(memory, self.ids(&rows)).first;
        let [_, width] = first.dims();
        let values = first
            .try_into_vec_as::<f32>()
            .map_err(|error| DecodeError::ReadBack { step: 0, source: error.into() })?;
        let one = |logits: &[f32]| {
            let ids = self.tokens.languages.values();
            let of_languages: Vec<f32> = ids.filter_map(|&id| logits.get(id as usize).copied()).collect();
            let no_speech = logits.get(self.tokens.no_speech() as usize).copied();
            let no_speech = no_speech.map_or(0.0, |logit| shares(&[logit], logits)[0]);
            let probabilities = shares(&of_languages, &of_languages);
            HeardLanguages { probabilities, has_speech: no_speech <= NO_SPEECH }
        };
        Ok(values.chunks_exact(width).map(one).collect())
    }

    fn ids(&self, rows: &[Vec<u32>]) -> Tensor<2, Int> {
        PaddedIds::from_rows(rows, self.tokens.start, &self.decoder.device()).ids
    }

    /// How to decode a request for pieces of at most `seconds`, after `begun` tokens.
    fn decoding_of(&self, request: &Request, begun: usize) -> DecodeConfig {
        let room = self.decoder.config().max_target_positions.saturating_sub(begun);
        let asked = match request.token_limit {
            TokenLimit::AtMost(tokens) => tokens,
            // A window has as many tokens as the model was trained on.
            TokenLimit::FollowsDuration => settings::MAX_NEW_TOKENS,
        };
        let limit = request.decode.vocab_limit.unwrap_or_else(|| self.tokenizer.len());
        let max_new_tokens = asked.min(room).max(request.decode.min_new_tokens);
        DecodeConfig { vocab_limit: Some(limit), max_new_tokens, ..request.decode }
    }

    /// Tokens before a text.
    fn begun(&self) -> usize {
        self.tokens.prompt(self.tokens.languages.values().next().copied(), self.tokens.transcribe).len()
    }
}

/// The probabilities of some of the values `all` of which the logits are.
fn shares(some: &[f32], all: &[f32]) -> Vec<f64> {
    let largest = all.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: &f32| f64::from(logit - largest).exp();
    let total: f64 = all.iter().map(weight).sum();
    some.iter().map(|logit| weight(logit) / total).collect()
}

impl Writer for WhisperWriter {
    fn tasks(&self) -> Vec<String> {
        self.tokens.tasks()
    }

    fn author(&self) -> Author {
        Author::LanguageModel
    }

    fn decoding(&self, _: &Task) -> DecodeConfig {
        self.decode
    }

    fn check(&self, request: &Request, seconds: f64) -> Result<(), SpeechError> {
        self.knows(&request.task)?;
        if let Some(language) = &request.language {
            self.tokens.language(language)?;
        }
        if seconds > self.longest {
            let allowed = "a second less than the model's window, or less";
            return Err(SpeechError::Segmentation { field: "max_segment", found: seconds, allowed });
        }
        let decode = self.decoding_of(request, self.begun());
        let least = self.decoder.config().ends().iter().copied().min().unwrap_or_default();
        let problems = decode.problems(least);
        if !problems.is_empty() {
            return Err(DecodeError::Config { problems }.into());
        }
        if request.delivery == Delivery::Text && !decode.can_stream() {
            return Err(SpeechError::CannotStream { hypotheses: decode.num_hypotheses });
        }
        Ok(())
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        self.tokens.task(task).map(drop)
    }

    fn doubts(&self) -> &'static Doubts {
        &DOUBTS
    }

    fn working_bytes(&self, rows: usize, states: usize, _: f64) -> u64 {
        let config = self.decoder.config();
        let states = states.max(config.max_source_positions);
        config.writing_bytes(rows * self.decode.beams(), states, self.tokens.alignment_heads.len())
    }

    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        let Some(first) = heard.first() else { return Ok(Vec::new()) };
        let rows: Vec<&[f32]> = heard.iter().map(|one| one.output.speech.states.as_slice()).collect();
        let width = first.output.speech.width;
        let memory = PaddedBatch::from_rows(&rows, width, &self.decoder.device());
        let request = order.request;
        let prompts = self.prompts(heard, &memory, request.language.as_deref())?;
        if order.watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        let decode = self.decoding_of(request, self.begun());
        let suppressed = Suppressed { ids: &self.tokens.suppressed };
        let at_begin = SuppressedAtBegin { ids: &self.tokens.suppressed_at_begin };
        let processors: [&dyn StepProcessor; 2] = [&suppressed, &at_begin];
        let ids = self.ids(&prompts);
        let limit = decode.max_new_tokens;
        let mut written = texts(&self.tokenizer, request, limit, on_text, |stops, on_settled| {
            let mut hooks = Hooks {
                stops,
                // What it calls lives longer than the hooks.
                on_settled: match on_settled {
                    Some(tell) => Some(tell),
                    None => None,
                },
                prompts: &prompts,
                processors: &processors,
                watch: order.watch.clone(),
            };
            Ok(search(self.decoder.begin(&memory, ids), &decode, &mut hooks)?)
        })?;
        for (row, (one, prompt)) in written.iter_mut().zip(&prompts).enumerate() {
            if order.watch.is_stopped() {
                return Err(SpeechError::Cancelled);
            }
            one.language = self.tokens.language_of(prompt).map(str::to_owned);
            self.measure(one, prompt, &memory.select(&[row]), &heard[row])?;
            // What was told piece by piece stays.
            if request.segmentation.finds_speech && request.delivery != Delivery::Text {
                take_back_unsaid(one);
            }
        }
        Ok(written)
    }

    fn align(&self, _: &Ears, _: &Written, _: &CtcPosteriors) -> Result<Option<Aligned>, SpeechError> {
        Ok(None)
    }

    fn answer_texts(&self, _: &[(&str, &Task)], _: &Request, _: &Watch) -> Result<Vec<Answer>, SpeechError> {
        Err(SpeechError::Recogniser { wanted: "read text".to_owned(), available: self.tokens.tasks() })
    }

    fn set_templates(&mut self, _: Templates) -> Result<(), LoadError> {
        Err(LoadError::NoInstructions)
    }
}
