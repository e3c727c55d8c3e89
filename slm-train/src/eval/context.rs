//! Lists of phrases for an evaluation with a context.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::{PhraseError, PhraseList, Respelling};

use crate::data::domain::{NamePool, names};
use crate::data::manifest::Utterance;

/// Whether a list has the names of its utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamesInList {
    /// All of them, among others.
    Present,
    /// None of them.
    Absent,
}

/// The context of every utterance: a list of names, drawn for each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextLists {
    /// Phrases of a list.
    pub phrases: usize,
    /// Whether the names of the utterance are among them.
    pub names: NamesInList,
    /// What is done with a phrase that the model did not write.
    #[serde(default)]
    pub respelling: Respelling,
    /// Where the random numbers start.
    #[serde(default)]
    pub seed: u64,
}

impl ContextLists {
    /// The list of one utterance. Other names are drawn from the manifest and from the domain's.
    ///
    /// # Errors
    ///
    /// As [`PhraseList::new`].
    pub fn list(&self, utterances: &[Utterance], index: usize) -> Result<PhraseList, PhraseError> {
        let own = &utterances[index].names;
        let spoken = format!(" {} ", utterances[index].text);
        let is_spoken = |name: &&str| spoken.contains(&format!(" {name} "));
        let mut others: Vec<&str> = utterances
            .iter()
            .flat_map(|utterance| &utterance.names)
            .map(String::as_str)
            .chain([NamePool::Train, NamePool::Test].into_iter().flat_map(|pool| names(pool).iter().copied()))
            .filter(|name| !is_spoken(name))
            .collect();
        others.sort_unstable();
        others.dedup();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index as u64);
        let mut list: Vec<&str> = match self.names {
            NamesInList::Present => own.iter().map(String::as_str).collect(),
            NamesInList::Absent => Vec::new(),
        };
        while list.len() < self.phrases && !others.is_empty() {
            let drawn = rng.random_range(0..others.len() as u64) as usize;
            list.push(others.swap_remove(drawn));
        }
        // The place in the list tells nothing.
        for last in (1..list.len()).rev() {
            list.swap(last, rng.random_range(0..=last as u64) as usize);
        }
        PhraseList::new(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_names_or_none_of_them() {
        let utterance = Utterance {
            text: "call anna and otto".into(),
            names: vec!["anna".into(), "otto".into()],
            ..Utterance::default()
        };
        let of = |names| {
            let lists = ContextLists { phrases: 200, names, respelling: Respelling::Off, seed: 1 };
            lists.list(std::slice::from_ref(&utterance), 0).unwrap()
        };
        let present = of(NamesInList::Present);
        assert_eq!(present.len(), 200);
        let has = |list: &PhraseList, name: &str| list.phrases().iter().any(|one| one == name);
        assert!(has(&present, "anna") && has(&present, "otto"));
        let absent = of(NamesInList::Absent);
        assert!(absent.len() == 200 && !has(&absent, "anna") && !has(&absent, "otto"));
        assert_eq!(present, of(NamesInList::Present));
    }
}
