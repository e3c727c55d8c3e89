//! The ids that mean something to Whisper: languages, tasks, no times, and what is never written.
//!
//! `generation_config.json` has them; folders from before it have some in `config.json`, and the tokenizer has all by
//! their names.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, GENERATION_FILE};
use crate::engine::speech::error::{LoadError, SpeechError};
use crate::engine::speech::recogniser::languages::{LANGUAGES, code};
use crate::llm::whisper::WhisperDecoderConfig;
use crate::prompt::Task;
use crate::text::TextTokenizer;

/// From this many rows on a vocabulary is that of many languages, where nothing else is said.
const MULTILINGUAL_ROWS: usize = 51_865;
/// The language that it translates to.
const TARGET: &str = "english";

/// What is read of the files; `-1` stands for no id.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    suppress_tokens: Option<Vec<i64>>,
    begin_suppress_tokens: Option<Vec<i64>>,
    no_timestamps_token_id: Option<u32>,
    lang_to_id: Option<BTreeMap<String, u32>>,
    task_to_id: Option<BTreeMap<String, u32>>,
    is_multilingual: Option<bool>,
    alignment_heads: Option<Vec<(usize, usize)>>,
}

impl File {
    fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let old: Self = checkpoint.json(CONFIG_FILE)?;
        if !checkpoint.has(GENERATION_FILE) {
            return Ok(old);
        }
        let file: Self = checkpoint.json(GENERATION_FILE)?;
        Ok(Self {
            suppress_tokens: file.suppress_tokens.or(old.suppress_tokens),
            begin_suppress_tokens: file.begin_suppress_tokens.or(old.begin_suppress_tokens),
            ..file
        })
    }

    /// The heads that follow the sound.
    fn alignment_heads(&self, decoder: &WhisperDecoderConfig) -> Vec<(usize, usize)> {
        self.alignment_heads.clone().unwrap_or_else(|| {
            let layers = decoder.decoder_layers / 2..decoder.decoder_layers;
            let heads = 0..decoder.decoder_attention_heads;
            layers.flat_map(|layer| heads.clone().map(move |head| (layer, head))).collect()
        })
    }

    fn is_multilingual(&self, rows: usize) -> bool {
        self.is_multilingual.unwrap_or(rows >= MULTILINGUAL_ROWS)
    }
}

/// The ids that mean something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhisperTokens {
    /// What every text begins with.
    pub start: u32,
    /// The languages that it tells apart, by their codes; none for a model of English alone.
    pub languages: BTreeMap<String, u32>,
    /// Says that a text is in the language that is spoken; `None` for a model of English alone.
    pub transcribe: Option<u32>,
    /// Says that a text is in English, whatever is spoken.
    pub translate: Option<u32>,
    /// Says that a text has no times.
    pub no_times: u32,
    /// Ids that are never written.
    pub suppressed: Vec<u32>,
    /// Ids that no text begins with.
    pub suppressed_at_begin: Vec<u32>,
    /// The heads that follow the sound in time, each by its layer and its number there. Where no file names them, all of
    /// the later half of the layers.
    pub alignment_heads: Vec<(usize, usize)>,
}

impl WhisperTokens {
    /// Those of a checkpoint with this decoder and tokenizer.
    ///
    /// # Errors
    ///
    /// [`LoadError::Decode`] naming the file, and ids that are missing or have no row.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        decoder: &WhisperDecoderConfig,
        tokenizer: &TextTokenizer,
    ) -> Result<Self, LoadError> {
        let file = File::from_checkpoint(checkpoint)?;
        let rows = decoder.vocab_size;
        let is_multilingual = file.is_multilingual(rows);
        let of_task = |name: &str| {
            let known = file.task_to_id.as_ref().and_then(|ids| ids.get(name)).copied();
            known.or_else(|| tokenizer.id_of(&format!("<|{name}|>"))).filter(|_| is_multilingual)
        };
        let (transcribe, translate) = (of_task("transcribe"), of_task("translate"));
        let languages =
            if is_multilingual { languages(file.lang_to_id.as_ref(), tokenizer) } else { BTreeMap::new() };
        let no_times = file.no_timestamps_token_id.or_else(|| tokenizer.id_of("<|notimestamps|>"));
        let mut problems = Vec::new();
        if is_multilingual && (transcribe.is_none() || languages.is_empty()) {
            problems.push("neither it nor the tokenizer has the tokens of languages and tasks".to_owned());
        }
        if no_times.is_none() {
            problems.push("neither it nor the tokenizer has `no_timestamps_token_id`".to_owned());
        }
        let heads = file.alignment_heads(decoder);
        let ids = |list: Option<Vec<i64>>| -> Vec<u32> {
            list.unwrap_or_default().into_iter().filter_map(|id| u32::try_from(id).ok()).collect()
        };
        let found = Self {
            start: decoder.ids().decoder_start,
            languages,
            transcribe,
            translate,
            no_times: no_times.unwrap_or_default(),
            suppressed: ids(file.suppress_tokens),
            suppressed_at_begin: ids(file.begin_suppress_tokens),
            alignment_heads: heads,
        };
        let is_head = |&&(layer, head): &&(usize, usize)| {
            layer < decoder.decoder_layers && head < decoder.decoder_attention_heads
        };
        problems.extend(found.alignment_heads.iter().filter(|head| !is_head(head)).map(|(layer, head)| {
            format!("`alignment_heads` has head {head} of layer {layer}, which is not there")
        }));
        let told = [found.transcribe, found.translate, Some(found.no_times)].into_iter().flatten();
        let all = told.chain(found.languages.values().copied());
        problems.extend(
            all.filter(|id| *id as usize >= rows).map(|id| format!("token {id}, vocabulary has {rows}")),
        );
        if problems.is_empty() {
            return Ok(found);
        }
        Err(JsonError::Invalid { path: checkpoint.path_of(GENERATION_FILE), problems }.into())
    }

    /// Says, as the second token, that there is no speech. It has no name of its own in the files: it is the id before that of
    /// no times.
    pub fn no_speech(&self) -> u32 {
        self.no_times.saturating_sub(1)
    }

    /// The keys of the tasks that it knows.
    pub fn tasks(&self) -> Vec<String> {
        keys(self.translate.is_some())
    }

    /// The id of a language that is given by its code or its English name.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Language`].
    pub fn language(&self, name: &str) -> Result<Option<u32>, SpeechError> {
        let code = code(name);
        if self.languages.is_empty() && code == Some("en") {
            return Ok(None);
        }
        let id = code.and_then(|code| self.languages.get(code)).copied();
        let known = || match self.languages.len() {
            0 => "en".to_owned(),
            _ => self.languages.keys().cloned().collect::<Vec<_>>().join(", "),
        };
        id.map(Some).ok_or_else(|| SpeechError::Language { found: name.to_owned(), known: known() })
    }

    /// The code of the language that a text begins with, which is not in a model of English alone.
    pub fn language_of(&self, prompt: &[u32]) -> Option<&str> {
        let id = prompt.get(1)?;
        self.languages.iter().find(|(_, language)| *language == id).map(|(code, _)| code.as_str())
    }

    /// The id that says the task, where the model has any; an error for one that it does not know.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Recogniser`].
    pub fn task(&self, task: &Task) -> Result<Option<u32>, SpeechError> {
        match task {
            Task::Transcribe => Ok(self.transcribe),
            Task::Translate { to } if to == TARGET && self.translate.is_some() => Ok(self.translate),
            _ => Err(SpeechError::Recogniser {
                wanted: format!("do `{}`", task.key()),
                available: self.tasks(),
            }),
        }
    }

    /// What a text of a task begins with, in a language where there are several.
    pub fn prompt(&self, language: Option<u32>, task: Option<u32>) -> Vec<u32> {
        [Some(self.start), language, task, Some(self.no_times)].into_iter().flatten().collect()
    }
}

/// The ids of languages, by their codes.
fn languages(file: Option<&BTreeMap<String, u32>>, tokenizer: &TextTokenizer) -> BTreeMap<String, u32> {
    let bare = |token: &str| token.trim_start_matches("<|").trim_end_matches("|>").to_owned();
    match file {
        Some(ids) => ids.iter().map(|(token, id)| (bare(token), *id)).collect(),
        None => LANGUAGES
            .iter()
            .filter_map(|(code, _)| Some(((*code).to_owned(), tokenizer.id_of(&format!("<|{code}|>"))?)))
            .collect(),
    }
}

/// The keys of tasks.
fn keys(translates: bool) -> Vec<String> {
    let translate = Task::Translate { to: TARGET.to_owned() };
    [Some(Task::Transcribe), translates.then_some(translate)]
        .into_iter()
        .flatten()
        .map(|task| task.key())
        .collect()
}

/// Bytes of writing for a window, from the configs alone.
pub(in crate::engine::speech) fn working_bytes(checkpoint: &Checkpoint) -> Result<u64, JsonError> {
    let config = WhisperDecoderConfig::from_checkpoint(checkpoint)?;
    let heads = File::from_checkpoint(checkpoint)?.alignment_heads(&config).len();
    Ok(config.writing_bytes(1, config.max_source_positions, heads))
}

/// The keys of the tasks that a checkpoint knows, without its tokenizer.
pub(in crate::engine::speech) fn tasks(checkpoint: &Checkpoint) -> Result<Vec<String>, JsonError> {
    let file = File::from_checkpoint(checkpoint)?;
    Ok(keys(file.is_multilingual(WhisperDecoderConfig::from_checkpoint(checkpoint)?.vocab_size)))
}
