//! What its texts begin with: the start of a word, then the pieces of NeMo's models, the language twice.
//!
//! Reference: transformers 5.23.0, `CohereAsrProcessor.get_decoder_prompt_ids`.

use crate::engine::speech::error::{LoadError, SpeechError};
use crate::engine::speech::recogniser::prompts::{Beginning, KnownLanguages, Prompts, pieces, unknown};
use crate::prompt::Task;
use crate::text::TextTokenizer;

/// Its languages.
const LANGUAGES: [&str; 14] =
    ["ar", "de", "el", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "vi", "zh"];
/// The longest piece in seconds: it was trained on 35 s, and pieces that part within speech share a little more.
pub(in crate::engine::speech) const LONGEST: f64 = 34.0;
/// The piece that every text begins with.
const FIRST: &str = "▁";

/// The prompts of a tokenizer.
#[derive(Debug)]
pub struct CoherePrompts {
    /// Those of each language, by its code.
    begun: Vec<Beginning>,
    known: KnownLanguages,
}

impl CoherePrompts {
    /// Looks the pieces up.
    ///
    /// # Errors
    ///
    /// [`LoadError::Mismatch`] naming the pieces that the tokenizer lacks.
    pub fn new(tokenizer: &TextTokenizer) -> Result<Self, LoadError> {
        let known = KnownLanguages::of(&LANGUAGES, tokenizer);
        known.check()?;
        let mut problems = Vec::new();
        let mut begun = Vec::new();
        for &language in known.codes() {
            let pieces = [FIRST.to_owned()].into_iter().chain(pieces(language, language));
            let mut ids = Vec::new();
            for piece in pieces {
                match tokenizer.id_of(&piece) {
                    Some(id) => ids.push(id),
                    None => problems.push(format!("the tokenizer has no piece `{piece}`")),
                }
            }
            begun.push(Beginning { ids, language });
        }
        problems.sort();
        problems.dedup();
        if problems.is_empty() { Ok(Self { begun, known }) } else { Err(LoadError::Mismatch { problems }) }
    }
}

impl Prompts for CoherePrompts {
    fn tasks(&self) -> Vec<String> {
        tasks()
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        match task {
            Task::Transcribe => Ok(()),
            _ => Err(unknown(task, tasks())),
        }
    }

    fn begin(&self, task: &Task, language: Option<&str>) -> Result<Beginning, SpeechError> {
        self.knows(task)?;
        let language = self.known.spoken(language)?;
        let found = self.begun.iter().find(|begun| begun.language == language);
        found.cloned().ok_or_else(|| unknown(task, tasks()))
    }
}

/// The keys of its tasks.
pub(in crate::engine::speech) fn tasks() -> Vec<String> {
    vec![Task::Transcribe.key()]
}
