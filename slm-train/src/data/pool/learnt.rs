//! A task as it is learnt: its words are those of one language, and its slots are filled by rows alone.

use std::collections::BTreeMap;

use slm_core::models::prompt::Instruction;

use super::TaskPool;
use super::languages::{LANGUAGE, TARGET_LANGUAGE};
use super::phrasing::Phrasing;
use super::task::{Medium, PoolTask, RowLanguages};

/// A task as it is learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct LearntTask {
    /// Its name, as the bundle has it.
    pub name: String,
    /// What it is about.
    pub medium: Medium,
    /// How it is asked, the usual way first.
    pub phrasings: Vec<Phrasing>,
    /// The names of what fills the slots of its phrasings.
    pub slots: Vec<String>,
    /// Its place in the pool.
    pub(super) entry: usize,
    /// What a bundle is to have of it.
    templates: Vec<String>,
}

impl LearntTask {
    pub(super) fn new(task: &PoolTask, entry: usize, medium: Medium, languages: &RowLanguages) -> Self {
        let [language, target] = languages;
        let value = |slot: &str| match slot {
            LANGUAGE => language.clone(),
            TARGET_LANGUAGE => target.clone(),
            _ => None,
        };
        let settled = |all: &[Phrasing]| all.iter().map(|one| one.settled(value)).collect::<Vec<_>>();
        let phrasings = settled(&task.phrasings);
        let templates = task.templates.as_deref().map_or_else(|| phrasings.clone(), settled);
        let mut slots: Vec<String> = Vec::new();
        for slot in phrasings.iter().flat_map(Phrasing::slots) {
            if !slots.iter().any(|known| known == slot) {
                slots.push(slot.to_owned());
            }
        }
        let mut name = task.name.clone();
        for (slot, language) in [(LANGUAGE, language), (TARGET_LANGUAGE, target)] {
            if let Some(language) = language {
                name = name.replace(&format!("{{{slot}}}"), &language.to_lowercase());
            }
        }
        let templates = templates.iter().filter(|one| one.template().is_ok()).map(Phrasing::text).collect();
        Self { name, medium, phrasings, slots, entry, templates }
    }

    /// The task of the pool that it is.
    pub fn of<'p>(&self, pool: &'p TaskPool) -> &'p PoolTask {
        &pool.tasks[self.entry]
    }

    /// Its name, told apart from the same task about another medium.
    pub fn label(&self) -> String {
        match self.medium {
            Medium::Speech => self.name.clone(),
            Medium::Text => format!("{}_text", self.name),
        }
    }

    /// What it asks in one of its phrasings, with `slots` in the order of [`Self::slots`].
    pub fn instruction(&self, phrasing: &Phrasing, slots: &[String]) -> Instruction {
        phrasing.fill(|name| {
            let place = self.slots.iter().position(|slot| slot == name)?;
            slots.get(place).map(String::as_str)
        })
    }
}

/// The task of instructions in the user's words.
pub(super) const INSTRUCTION: &str = "instruction";

impl TaskPool {
    /// The templates of a bundle that has learnt `tasks`: their phrasings that an engine can fill, those of the tasks that
    /// are not learnt, and one for the user's own words.
    pub fn templates(&self, tasks: &[LearntTask]) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let zero_shot =
            self.zero_shot.iter().map(|(name, phrasings)| (name, phrasings.iter().map(Phrasing::text)));
        let zero_shot = zero_shot.map(|(name, texts)| (name, texts.collect::<Vec<_>>()));
        let learnt = tasks.iter().map(|task| (&task.name, task.templates.clone()));
        for (name, texts) in learnt.chain(zero_shot) {
            for text in texts {
                let known = all.entry(name.clone()).or_default();
                if !known.contains(&text) {
                    known.push(text);
                }
            }
        }
        all.entry(INSTRUCTION.to_owned()).or_insert_with(|| vec![self.free.text()]);
        all
    }
}
