//! The instructions of a stage, as the frozen language model reads them.

use slm_core::models::checkpoint::PromptSettings;
use slm_core::models::prompt::PromptIds;

use super::examples::{Example, NewExample};
use crate::data::pool::{Asked, LearntTask, Medium, Misfit, Phrasing, PromptWriter};

/// The instructions of the tasks that are learnt.
pub(super) struct Prompts {
    writer: PromptWriter,
    tasks: Vec<Phrased>,
}

/// A task.
struct Phrased {
    task: LearntTask,
    /// Its prompts in each phrasing, where they are the same for all rows.
    fixed: Option<Vec<PromptIds>>,
}

impl Prompts {
    pub(super) fn new(writer: PromptWriter) -> Self {
        Self { writer, tasks: Vec::new() }
    }

    /// What the bundle is to say of prompts.
    pub(super) fn settings(&self) -> &PromptSettings {
        &self.writer.settings
    }

    /// Takes those of `tasks` that are not known yet.
    ///
    /// # Errors
    ///
    /// A phrasing that cannot be put to the language model.
    pub(super) fn learn(&mut self, tasks: &[LearntTask]) -> anyhow::Result<()> {
        for task in tasks.iter().skip(self.tasks.len()) {
            let is_fixed = task.slots.is_empty() && task.medium == Medium::Speech;
            let fixed = is_fixed.then(|| self.writer.prompts(task, &[], None)).transpose();
            let fixed = fixed.map_err(|error| anyhow::anyhow!("task `{}`: {error}", task.name))?;
            self.tasks.push(Phrased { task: task.clone(), fixed });
        }
        Ok(())
    }

    /// The tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &LearntTask> {
        self.tasks.iter().map(|one| &one.task)
    }

    /// What is asked of a row of which `text` is said, as an example.
    ///
    /// # Errors
    ///
    /// [`Misfit`] where a phrasing or the answer cannot be put to the language model.
    pub(super) fn example(&self, asked: &Asked, text: &str) -> Result<NewExample, Misfit> {
        let Asked { task, slots, target } = asked;
        let Phrased { task: learnt, fixed } = &self.tasks[*task];
        let words = match learnt.medium {
            Medium::Speech => None,
            Medium::Text => Some(text.to_owned()),
        };
        let first = |prompts: &[PromptIds]| prompts.first().map_or(0, PromptIds::len);
        let prompt_tokens = match fixed {
            Some(fixed) => first(fixed),
            None => first(&self.writer.prompts(learnt, slots, words.as_deref())?),
        };
        let target = self.writer.answer(target)?;
        Ok(NewExample { words, task: *task, slots: slots.clone(), prompt_tokens, target })
    }

    /// The id that an answer ends with.
    pub(super) fn end(&self) -> u32 {
        self.writer.end()
    }

    /// The number of phrasings of a task; the first one is used where none is drawn.
    pub(super) fn phrasings(&self, task: usize) -> usize {
        self.tasks[task].task.phrasings.len()
    }

    /// What the language model reads for an example, with a place for speech where it has some.
    pub(super) fn prompt(&self, example: &Example, phrasing: usize) -> PromptIds {
        let Phrased { task, fixed } = &self.tasks[example.task];
        if let Some(fixed) = fixed {
            return fixed[phrasing].clone();
        }
        let written = self.writer.prompt(task, &task.phrasings[phrasing], example.slots, example.words);
        // An example that had no prompt in one of its phrasings did not become one.
        written.unwrap_or_else(|_| PromptIds::new(vec![Vec::new(), Vec::new()]))
    }

    /// What the language model reads for an example with `text` in the place of speech, in each phrasing.
    ///
    /// # Errors
    ///
    /// [`Misfit`] for a text without tokens, or too long.
    pub(super) fn taught(&self, example: &Example, text: &str) -> Result<Vec<PromptIds>, Misfit> {
        Ok(self.writer.prompts(&self.tasks[example.task].task, example.slots, Some(text))?)
    }

    /// The same in one phrasing.
    ///
    /// # Errors
    ///
    /// As [`Self::taught`].
    pub(super) fn taught_by(
        &self,
        example: &Example,
        phrasing: usize,
        text: &str,
    ) -> Result<PromptIds, Misfit> {
        let task = &self.tasks[example.task].task;
        Ok(self.writer.prompt(task, &task.phrasings[phrasing], example.slots, Some(text))?)
    }

    /// What is asked by each task, for a fingerprint.
    pub(super) fn phrased(&self) -> Vec<(String, Vec<String>)> {
        let texts = |task: &LearntTask| task.phrasings.iter().map(Phrasing::text).collect();
        self.tasks().map(|task| (task.label(), texts(task))).collect()
    }
}
