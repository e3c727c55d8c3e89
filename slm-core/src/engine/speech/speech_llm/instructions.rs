//! What a speech language model is told for each task: the words of its model card.

use std::collections::BTreeMap;

use super::config::SpeechLlmConfig;
use super::model::SpeechLlm;
use crate::ctc::FoundPhrase;
use crate::engine::speech::error::SpeechError;
use crate::prompt::{Instruction, Phrases, Slots, Task, TemplateError, Templates};

/// What asks for a transcript.
const TRANSCRIBE: &str = "{speech}can you transcribe the speech into a written format?";
/// What asks for a transcript with the spellings of names; the models with an adapter have not learnt it.
const SPELL: &str = "{speech}transcribe the speech to text. Keywords: {phrases}";
/// Languages of all models.
const LANGUAGES: [&str; 5] = ["English", "French", "German", "Spanish", "Portuguese"];
/// A language of all but the one that tells who speaks.
const JAPANESE: &str = "Japanese";
/// One that the models with an adapter translate to.
const CHINESE: &str = "Chinese";

/// The phrasings of the tasks of a model.
pub(super) fn templates(config: &SpeechLlmConfig) -> Result<Templates, TemplateError> {
    let mut phrasings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |key: &str, text: String| drop(phrasings.insert(key.to_owned(), vec![text]));
    add("transcribe", TRANSCRIBE.to_owned());
    add("ask", "{speech}{question}".to_owned());
    if !config.has_lora_adapter && !config.is_plus() {
        add("spell", SPELL.to_owned());
    }
    let others = [(JAPANESE, !config.is_plus()), (CHINESE, config.has_lora_adapter)];
    let others = others.into_iter().filter(|(_, is_known)| *is_known).map(|(language, _)| language);
    for language in LANGUAGES.into_iter().chain(others) {
        let key = Task::Translate { to: language.to_lowercase() }.key();
        add(&key, format!("{{speech}}translate the speech to {language}."));
    }
    Templates::parse(&phrasings)
}

impl SpeechLlm {
    /// The instruction of a task: its first phrasing, filled.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoTask`] and [`SpeechError::Template`].
    pub fn instruction(&self, task: &Task) -> Result<Instruction, SpeechError> {
        let key = task.key();
        match (self.templates.phrasings(&key).first(), task) {
            (Some(template), Task::Spell { phrases }) => {
                let phrases = phrases.join(", ");
                Ok(template.fill(&Slots { phrases: Some(&phrases), ..Slots::default() })?)
            }
            (Some(template), _) => Ok(task.with_slots(|slots| template.fill(slots))?),
            (None, Task::Instruction(text)) => {
                Ok(Instruction { before: String::new(), after: text.trim().to_owned() })
            }
            (None, _) => {
                let available = self.templates.keys().map(str::to_owned).collect();
                Err(SpeechError::NoTask { key, available })
            }
        }
    }

    /// The instruction with the phrases that were found: transcribing becomes spelling, where the model has learnt that.
    pub(super) fn with_phrases(
        &self,
        task: &Task,
        found: &[FoundPhrase],
        phrases: Option<&Phrases>,
    ) -> Result<Instruction, SpeechError> {
        let asked = phrases.filter(|_| *task == Task::Transcribe && !found.is_empty());
        let Some(phrases) = asked else { return self.instruction(task) };
        // Its tokens are bytes in the end, so that it knows every phrase as it is.
        let names = found.iter().map(|one| phrases.name(&one.phrase, |_| true)).collect();
        let spell = Task::Spell { phrases: names };
        let is_known = !self.templates.phrasings(&spell.key()).is_empty();
        self.instruction(if is_known { &spell } else { task })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_tasks_of_its_card() {
        let keys = |model_type: &str, has_lora_adapter| {
            let model_type = model_type.to_owned();
            let config = SpeechLlmConfig { model_type, has_lora_adapter, ..SpeechLlmConfig::default() };
            templates(&config).unwrap().keys().map(str::to_owned).collect::<Vec<_>>()
        };
        let has = |keys: &[String], key: &str| keys.iter().any(|one| one == key);
        let with_adapter = keys("granite_speech", true);
        assert!(has(&with_adapter, "translate.chinese") && !has(&with_adapter, "spell"));
        let without = keys("granite_speech", false);
        assert!(has(&without, "spell") && has(&without, "translate.japanese"));
        assert!(!has(&without, "translate.chinese"));
        let plus = keys("granite_speech_plus", false);
        assert!(!has(&plus, "spell") && !has(&plus, "translate.japanese") && has(&plus, "ask"));
    }
}
