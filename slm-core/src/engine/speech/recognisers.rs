//! The families of recognisers: which `model_type` is whose, and what each is made of.

use super::any_writer::AnyWriter;
use super::canary::{self, CanaryPrompts};
use super::cohere::{self, CoherePrompts};
use super::ears::Ears;
use super::error::LoadError;
use super::recogniser::RecogniserWriter;
use super::texts::token_limit;
use super::whisper;
use crate::audio::SAMPLE_RATE;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WeightFiles};
use crate::encoder::{self, SpeechEncoder};
use crate::engine::capabilities::WordTimes;
use crate::features::FeatureExtractor;
use crate::llm::speech_decoder::{CANARY, COHERE_ASR};
use crate::llm::whisper::{MODEL_TYPE as WHISPER, WhisperDecoderConfig};
use crate::llm::{SpeechDecoder, SpeechDecoderConfig, WhisperDecoder};
use crate::nn::weights::{Placement, ValueRange, parameter_count};

/// Recognisers of the same parts.
pub(in crate::engine) struct Family {
    model_type: &'static str,
    /// Whether weight files have the decoder beside the encoder.
    pub(in crate::engine) is_whole: fn(&WeightFiles) -> bool,
    /// The keys of the tasks, before anything is loaded.
    pub(in crate::engine) tasks: fn(&Checkpoint) -> Result<Vec<String>, LoadError>,
    /// What tells the times of words.
    pub(in crate::engine) times: WordTimes,
    load: fn(&Checkpoint, &Placement) -> Result<Recogniser, LoadError>,
    /// Loads the decoder, and gives the range of the values of encoder and decoder.
    pub(in crate::engine) range:
        fn(&Checkpoint, SpeechEncoder, &Placement) -> Result<Option<ValueRange>, LoadError>,
    /// The values of the decoder, as far as the placement reads them.
    pub(in crate::engine) parameters: fn(&Checkpoint, &Placement) -> Result<usize, LoadError>,
    /// Rows of the vocabulary.
    pub(in crate::engine) rows: fn(&Checkpoint) -> Result<usize, LoadError>,
    /// Bytes of work on a segment.
    pub(in crate::engine) working: fn(&Checkpoint) -> Result<u64, LoadError>,
}

/// A recogniser that is loaded.
pub(super) struct Recogniser {
    pub(super) ears: Ears,
    pub(super) writer: AnyWriter,
    /// Seconds of a piece at most.
    pub(super) longest: f64,
}

/// All families, a line each.
static FAMILIES: [Family; 3] = [
    Family {
        model_type: WHISPER,
        is_whole: WhisperDecoder::is_in,
        tasks: |checkpoint| Ok(whisper::tasks(checkpoint)?),
        times: WordTimes::Writer,
        load: |checkpoint, placement| {
            let (ears, writer, longest) = whisper::load(checkpoint, placement)?;
            Ok(Recogniser { ears, writer: AnyWriter::Whisper(Box::new(writer)), longest })
        },
        range: |checkpoint, encoder, placement| {
            let decoder = WhisperDecoder::load(checkpoint, placement.clone())?;
            Ok(ValueRange::of(&(encoder, decoder)))
        },
        parameters: |checkpoint, placement| {
            Ok(parameter_count(WhisperDecoder::load(checkpoint, placement.clone())?))
        },
        rows: |checkpoint| Ok(WhisperDecoderConfig::from_checkpoint(checkpoint)?.vocab_size),
        working: |checkpoint| {
            let states = WhisperDecoderConfig::from_checkpoint(checkpoint)?.max_source_positions;
            let hearing = encoder::sizes(checkpoint)?.working_bytes(1, 2 * states);
            Ok(hearing.max(whisper::working_bytes(checkpoint)?))
        },
    },
    Family {
        model_type: CANARY,
        is_whole: |files| SpeechDecoder::is_in(files, CANARY),
        tasks: canary::tasks,
        times: WordTimes::Nothing,
        load: |checkpoint, placement| {
            let writer = RecogniserWriter::load(checkpoint, placement, CanaryPrompts::from_checkpoint)?;
            prompted(checkpoint, placement, writer, canary::LONGEST)
        },
        range: range_prompted,
        parameters: parameters_prompted,
        rows: rows_prompted,
        working: |checkpoint| working(checkpoint, canary::LONGEST),
    },
    Family {
        model_type: COHERE_ASR,
        is_whole: |files| SpeechDecoder::is_in(files, COHERE_ASR),
        tasks: |_| Ok(cohere::tasks()),
        times: WordTimes::Nothing,
        load: |checkpoint, placement| {
            let prompts = |_: &Checkpoint, tokenizer: &_| CoherePrompts::new(tokenizer);
            let writer = RecogniserWriter::load(checkpoint, placement, prompts)?;
            prompted(checkpoint, placement, writer, cohere::LONGEST)
        },
        range: range_prompted,
        parameters: parameters_prompted,
        rows: rows_prompted,
        working: |checkpoint| working(checkpoint, cohere::LONGEST),
    },
];

/// The family whose checkpoints have this `model_type`.
pub(in crate::engine) fn named(model_type: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.model_type == model_type)
}

/// The family of a checkpoint.
pub(in crate::engine) fn of(checkpoint: &Checkpoint) -> Result<&'static Family, JsonError> {
    let found = checkpoint.model_type()?;
    let found = found.as_deref().unwrap_or("absent");
    named(found).ok_or_else(|| {
        let known: Vec<String> = FAMILIES.iter().map(|family| format!("`{}`", family.model_type)).collect();
        let problem = format!("`model_type` is `{found}`, recognisers are {}", known.join(", "));
        JsonError::Invalid { path: checkpoint.path_of(CONFIG_FILE), problems: vec![problem] }
    })
}

/// Loads the recogniser of a checkpoint.
pub(super) fn load(checkpoint: &Checkpoint, placement: &Placement) -> Result<Recogniser, LoadError> {
    (of(checkpoint)?.load)(checkpoint, placement)
}

/// With the encoder of the checkpoint and its features.
fn prompted(
    checkpoint: &Checkpoint,
    placement: &Placement,
    writer: RecogniserWriter,
    longest: f64,
) -> Result<Recogniser, LoadError> {
    let features = FeatureExtractor::from_checkpoint(checkpoint)?;
    let encoder = SpeechEncoder::load(checkpoint, placement)?;
    let ears = Ears::new(features, encoder, None);
    Ok(Recogniser { ears, writer: AnyWriter::Recogniser(Box::new(writer)), longest })
}

fn range_prompted(
    checkpoint: &Checkpoint,
    encoder: SpeechEncoder,
    placement: &Placement,
) -> Result<Option<ValueRange>, LoadError> {
    let decoder = SpeechDecoder::load(checkpoint, placement.clone())?;
    Ok(ValueRange::of(&(encoder, decoder)))
}

fn parameters_prompted(checkpoint: &Checkpoint, placement: &Placement) -> Result<usize, LoadError> {
    Ok(parameter_count(SpeechDecoder::load(checkpoint, placement.clone())?))
}

fn rows_prompted(checkpoint: &Checkpoint) -> Result<usize, LoadError> {
    Ok(SpeechDecoderConfig::from_checkpoint(checkpoint)?.vocab_size)
}

fn working(checkpoint: &Checkpoint, seconds: f64) -> Result<u64, LoadError> {
    // Without its settings the usual 10 ms.
    let hop = FeatureExtractor::from_checkpoint(checkpoint).map_or(160, |features| features.hop());
    let frames = (seconds * f64::from(SAMPLE_RATE) / hop as f64) as usize;
    let sizes = encoder::sizes(checkpoint)?;
    let states = frames.div_ceil(sizes.stride().max(1));
    let writing = SpeechDecoderConfig::from_checkpoint(checkpoint)?;
    let writing = writing.working_bytes(1, states, token_limit(seconds));
    Ok(sizes.working_bytes(1, frames).max(writing))
}
