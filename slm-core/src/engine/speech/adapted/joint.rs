//! Weighing the sound beside the language model, where the encoder has a CTC head whose labels are known.

use std::sync::{Arc, OnceLock};

use super::Adapted;
use crate::ctc::SpelledLabels;
use crate::decode::{BoostedPhrases, DecodeConfig, JointCtc, SpelledIds};
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::writer::Heard;
use crate::prompt::{Phrases, Task};
use crate::text::{TextTokenizer, TokenizerError};

/// What the labels and the language model's tokens spell, which is found out when it is asked for first. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::engine::speech) struct Spelling {
    labels: TextTokenizer,
    found: Arc<OnceLock<Spelled>>,
}

#[derive(Debug)]
struct Spelled {
    labels: SpelledLabels,
    /// What each id of the language model adds to a text.
    tokens: SpelledIds,
}

impl Spelling {
    /// Of labels that `labels` names.
    pub(in crate::engine::speech) fn of(labels: &TextTokenizer) -> Self {
        Self { labels: labels.clone(), found: Arc::default() }
    }

    fn spelled(&self, llm: &TextTokenizer) -> Result<&Spelled, TokenizerError> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let spelled =
            Spelled { labels: SpelledLabels::new(&self.labels)?, tokens: SpelledIds::new(llm.spellings()?) };
        Ok(self.found.get_or_init(|| spelled))
    }
}

impl Adapted {
    /// Whether the sound can be weighed for a task: where what is written is what was said.
    pub(super) fn can_weigh(&self, task: &Task) -> bool {
        self.spelling.is_some() && matches!(task, Task::Transcribe | Task::Spell { .. })
    }

    /// Weighs the sound of all that was heard as `decode` asks for it, and the `phrases` that were found in it.
    pub(super) fn joint<'a>(
        &'a self,
        heard: &'a [Heard],
        phrases: Option<&'a Phrases>,
        decode: &DecodeConfig,
    ) -> Result<Option<JointCtc<'a>>, SpeechError> {
        let (Some(weight), Some(spelling)) = (decode.ctc_weight, &self.spelling) else { return Ok(None) };
        let posteriors: Option<Vec<_>> = heard.iter().map(|one| one.output.posteriors.as_ref()).collect();
        let Some(posteriors) = posteriors else { return Ok(None) };
        let spelled = spelling.spelled(&self.tokenizer)?;
        let joint = JointCtc::new(&spelled.labels, posteriors, &spelled.tokens, self.llm.ends(), weight);
        let (Some(phrases), Some(weight)) = (phrases, decode.phrase_weight) else { return Ok(Some(joint)) };
        let of_row = |one: &'a Heard| {
            let ids = self.ids_of(one.boosted.iter().map(|found| found.phrase.as_str()))?;
            Ok(BoostedPhrases { boost: phrases.boost(&one.boosted), ids, weight })
        };
        let boosted = heard.iter().map(of_row).collect::<Result<Vec<_>, TokenizerError>>()?;
        Ok(Some(joint.with_phrases(boosted)))
    }

    /// The ids of phrases, in the midst of a text and at its start, as they are given and in lower case.
    fn ids_of<'p>(&self, phrases: impl Iterator<Item = &'p str>) -> Result<Vec<Vec<u32>>, TokenizerError> {
        let mut all = Vec::new();
        for phrase in phrases {
            for text in [phrase.to_owned(), phrase.to_lowercase()] {
                for text in [format!(" {text}"), text] {
                    let ids = self.tokenizer.encode(&text)?;
                    if !ids.is_empty() && !all.contains(&ids) {
                        all.push(ids);
                    }
                }
            }
        }
        Ok(all)
    }
}
