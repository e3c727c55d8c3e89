//! What its texts begin with: what is spoken and what is wanted, as the folder's chat template renders it.
//!
//! Reference: transformers 5.23.0, `CanaryProcessor.apply_transcription_request`.

use serde_json::{Map, json};

use crate::checkpoint::Checkpoint;
use crate::engine::speech::error::{LoadError, SpeechError};
use crate::engine::speech::recogniser::prompts::{Beginning, KnownLanguages, Prompts, pieces, unknown};
use crate::prompt::{PromptError, Task};
use crate::text::TextTokenizer;
use crate::text::chat::{ChatEnd, ChatError, ChatMessage, ChatTemplate};

/// Its languages.
const LANGUAGES: [&str; 25] = [
    "bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it", "lv", "lt", "mt", "pl",
    "pt", "ro", "sk", "sl", "es", "sv", "ru", "uk",
];
/// The longest piece in seconds: it was trained on 40 s, and pieces that part within speech share a little more.
pub(in crate::engine::speech) const LONGEST: f64 = 39.0;
/// What each piece of a prompt begins with.
const MARK: &str = "<|";

/// The prompts of a folder.
#[derive(Debug)]
pub struct CanaryPrompts {
    /// `None` in a folder without one.
    template: Option<ChatTemplate>,
    tokenizer: TextTokenizer,
    known: KnownLanguages,
}

impl CanaryPrompts {
    /// Those of a checkpoint with this tokenizer.
    ///
    /// # Errors
    ///
    /// [`LoadError`] for a template that fails, and for a tokenizer without languages or without the pieces of a prompt.
    pub fn from_checkpoint(checkpoint: &Checkpoint, tokenizer: &TextTokenizer) -> Result<Self, LoadError> {
        let template = ChatTemplate::find(checkpoint)?;
        let known = KnownLanguages::of(&LANGUAGES, tokenizer);
        known.check()?;
        let found = Self { template, tokenizer: tokenizer.clone(), known };
        for code in found.known.codes() {
            let text = found.text(code, code)?;
            let (ids, expected) = (tokenizer.encode(&text)?, text.matches(MARK).count());
            // A piece that is none to the tokenizer falls into characters.
            if ids.len() != expected {
                let found = ids.len();
                let problem = format!("`{text}` has {found} tokens in the tokenizer, expected {expected}");
                return Err(LoadError::Mismatch { problems: vec![problem] });
            }
        }
        Ok(found)
    }

    fn text(&self, source: &str, target: &str) -> Result<String, ChatError> {
        match &self.template {
            None => Ok(pieces(source, target).concat()),
            Some(template) => {
                let content = json!([{
                    "type": "text", "source_language": source, "target_language": target, "punctuation": true,
                }]);
                let message = [("role".to_owned(), json!("user")), ("content".to_owned(), content)];
                let message: ChatMessage = message.into_iter().collect();
                template.render(&[message], ChatEnd::Answer, &Map::new())
            }
        }
    }
}

impl Prompts for CanaryPrompts {
    fn tasks(&self) -> Vec<String> {
        keys(&self.known)
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        let known = self.tasks();
        if known.contains(&task.key()) { Ok(()) } else { Err(unknown(task, known)) }
    }

    fn begin(&self, task: &Task, language: Option<&str>) -> Result<Beginning, SpeechError> {
        self.knows(task)?;
        let (source, target) = if let Task::Translate { to } = task {
            self.known.translation(language, to)?
        } else {
            let spoken = self.known.spoken(language)?;
            (spoken, spoken)
        };
        let ids = self.tokenizer.encode(&self.text(source, target).map_err(PromptError::from)?)?;
        Ok(Beginning { ids, language: source })
    }
}

fn keys(known: &KnownLanguages) -> Vec<String> {
    [Task::Transcribe.key()].into_iter().chain(known.translations()).collect()
}

/// The keys of the tasks of a checkpoint; without a tokenizer those of all its languages.
pub(in crate::engine::speech) fn tasks(checkpoint: &Checkpoint) -> Result<Vec<String>, LoadError> {
    let tokenizer = TextTokenizer::find(checkpoint)?;
    let known = match &tokenizer {
        Some(tokenizer) => KnownLanguages::of(&LANGUAGES, tokenizer),
        None => KnownLanguages::all(&LANGUAGES),
    };
    Ok(keys(&known))
}
