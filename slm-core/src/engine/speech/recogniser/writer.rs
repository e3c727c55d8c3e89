//! From sound to text, after the ids that a text begins with.
//!
//! Reference: transformers 5.23.0, `generate` of `CanaryForConditionalGeneration` and `CohereAsrForConditionalGeneration`.
//! Shapes: `B` pieces, `S` states, `E` width of a state.

use std::sync::Arc;

use super::prompts::{Beginning, Prompts};
use crate::checkpoint::Checkpoint;
use crate::ctc::{Aligned, CtcPosteriors};
use crate::decode::{DecodeConfig, Hooks, search};
use crate::engine::answer::Answer;
use crate::engine::request::Request;
use crate::engine::speech::ears::Ears;
use crate::engine::speech::error::{LoadError, SpeechError};
use crate::engine::speech::texts::{self, texts};
use crate::engine::speech::writer::{Heard, OnText, Order, Writer, Written};
use crate::llm::SpeechDecoder;
use crate::nn::weights::Placement;
use crate::nn::{PaddedBatch, PaddedIds, Watch};
use crate::prompt::{Author, Task, Templates};
use crate::text::TextTokenizer;

/// Writes what a piece of sound says.
#[derive(Debug, Clone)]
pub struct RecogniserWriter {
    /// The decoder.
    pub decoder: SpeechDecoder,
    /// Its tokenizer.
    pub tokenizer: TextTokenizer,
    /// What its texts begin with.
    pub prompts: Arc<dyn Prompts>,
    /// How it is decoded where the request does not say it.
    pub decode: DecodeConfig,
}

impl RecogniserWriter {
    /// Loads the decoder of a checkpoint, whose texts begin with what `prompts` makes of its tokenizer.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the file.
    pub(in crate::engine::speech) fn load<P: Prompts + 'static>(
        checkpoint: &Checkpoint,
        placement: &Placement,
        prompts: impl FnOnce(&Checkpoint, &TextTokenizer) -> Result<P, LoadError>,
    ) -> Result<Self, LoadError> {
        // The small files come first, so that one that is missing is told at once.
        let tokenizer = TextTokenizer::from_checkpoint(checkpoint)?;
        let decode = DecodeConfig::from_checkpoint(checkpoint)?;
        let prompts = Arc::new(prompts(checkpoint, &tokenizer)?);
        let decoder = SpeechDecoder::load(checkpoint, placement)?;
        tokenizer.check_rows(decoder.config().vocab_size)?;
        Ok(Self { decoder, tokenizer, prompts, decode })
    }

    /// How to decode a request for pieces of at most `seconds`, after `begun` ids.
    fn decoding_of(&self, request: &Request, task: &Task, seconds: f64, begun: usize) -> DecodeConfig {
        let decode = texts::decoding_of(request, task, seconds, &self.tokenizer);
        let room = self.decoder.config().max_positions.saturating_sub(begun);
        DecodeConfig { max_new_tokens: decode.max_new_tokens.min(room), ..decode }
    }
}

impl Writer for RecogniserWriter {
    fn tasks(&self) -> Vec<String> {
        self.prompts.tasks()
    }

    fn author(&self) -> Author {
        Author::LanguageModel
    }

    fn decoding(&self, _: &Task) -> DecodeConfig {
        self.decode
    }

    fn check(&self, request: &Request, seconds: f64) -> Result<(), SpeechError> {
        let begun = self.prompts.begin(&request.task, request.language.as_deref())?.ids.len();
        let decode = self.decoding_of(request, &request.task, seconds, begun);
        let least = self.decoder.config().ends.iter().copied().min().unwrap_or_default();
        texts::check(request, &decode, least)
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        self.prompts.knows(task)
    }

    fn working_bytes(&self, rows: usize, states: usize, seconds: f64) -> u64 {
        self.decoder.config().working_bytes(rows * self.decode.beams(), states, texts::token_limit(seconds))
    }

    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        let Some(first) = heard.first() else { return Ok(Vec::new()) };
        let (request, device) = (order.request, self.decoder.device());
        let language = request.language.as_deref();
        let begun = heard.iter().map(|one| self.prompts.begin(one.task, language));
        let begun: Vec<Beginning> = begun.collect::<Result<_, _>>()?;
        let prompts: Vec<Vec<u32>> = begun.iter().map(|one| one.ids.clone()).collect();
        let ids = PaddedIds::from_rows(&prompts, self.decoder.config().pad, &device).ids;
        let [_, length] = ids.dims();
        // [B, S, E]
        let rows: Vec<&[f32]> = heard.iter().map(|one| one.output.speech.states.as_slice()).collect();
        let states = PaddedBatch::from_rows(&rows, first.output.speech.width, &device);
        let decode = self.decoding_of(request, first.task, order.seconds, length);
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
                processors: &[],
                watch: order.watch.clone(),
            };
            Ok(search(self.decoder.begin(&states, ids), &decode, &mut hooks)?)
        })?;
        for (one, begun) in written.iter_mut().zip(&begun) {
            one.language = Some(begun.language.to_owned());
        }
        Ok(written)
    }

    fn align(&self, _: &Ears, _: &Written, _: &CtcPosteriors) -> Result<Option<Aligned>, SpeechError> {
        Ok(None)
    }

    fn answer_texts(&self, _: &[(&str, &Task)], _: &Request, _: &Watch) -> Result<Vec<Answer>, SpeechError> {
        Err(SpeechError::Recogniser { wanted: "read text".to_owned(), available: self.tasks() })
    }

    fn set_templates(&mut self, _: Templates) -> Result<(), LoadError> {
        Err(LoadError::NoInstructions)
    }
}
