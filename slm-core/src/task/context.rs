//! Phrases that may be said, ready to be looked for in the sound.

use std::sync::Arc;

use crate::context::{PhraseList, Retrieved, Retriever};
use crate::decode::Boost;
use crate::encoder::CtcPosteriors;

use super::error::SpeechError;
use super::model::SpeechModel;
use super::request::Task;
use super::respell::Respelling;

/// Phrases that an instruction names at most: the reference model has learnt with one to six.
const DEFAULT_TOP: usize = 5;

/// Phrases that may be said, and what is done with those that the sound supports. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    retriever: Arc<Retriever>,
    /// The most phrases that are put into the instruction.
    pub top: usize,
    /// What each token of such a phrase is favoured by in decoding, in units of log-probability; 0 for not at all.
    pub boost: f32,
    /// What is done with a phrase that the model did not write.
    pub respelling: Respelling,
}

impl Context {
    /// The phrases that the posteriors support.
    pub(super) fn search(&self, posteriors: &CtcPosteriors) -> Vec<Retrieved> {
        self.retriever.search(posteriors, self.top)
    }
}

impl SpeechModel {
    /// Prepares phrases for requests: at most five in an instruction, none favoured in decoding, and put into
    /// a transcript where the sound supports them.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoLabels`] when the encoder has no CTC head or the bundle no tokenizer for its labels.
    pub fn context(&self, phrases: &PhraseList) -> Result<Context, SpeechError> {
        let labels = self.parts.labels.as_ref().filter(|_| self.parts.encoder.labels().is_some());
        let labels = labels.ok_or(SpeechError::NoLabels)?;
        let retriever = Arc::new(Retriever::new(phrases, labels)?);
        Ok(Context { retriever, top: DEFAULT_TOP, boost: 0.0, respelling: Respelling::default() })
    }

    /// Favours `phrases` in decoding, each as the language model's tokenizer spells it.
    /// One that it cannot spell is left out.
    pub(super) fn boost(&self, phrases: &[Retrieved], bonus: f32) -> Boost {
        if bonus <= 0.0 {
            return Boost::default();
        }
        let tokenizer = &self.parts.tokenizer;
        let rows: Vec<Vec<u32>> =
            phrases.iter().filter_map(|found| tokenizer.encode(&found.phrase).ok()).collect();
        Boost::new(rows.iter().map(Vec::as_slice), bonus)
    }

    /// The task with the phrases that were found: transcribing becomes spelling, where the bundle has a template for it.
    pub(super) fn with_phrases(&self, task: &Task, found: &[Retrieved]) -> Task {
        let spell = || Task::Spell { phrases: found.iter().map(|one| one.phrase.clone()).collect() };
        match task {
            Task::Transcribe if !found.is_empty() => {
                let spell = spell();
                let known = !self.parts.templates.phrasings(&spell.key()).is_empty();
                if known { spell } else { Task::Transcribe }
            }
            other => other.clone(),
        }
    }
}
