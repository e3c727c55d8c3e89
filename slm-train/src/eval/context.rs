//! Lists of phrases for an evaluation with a context: what is said in an utterance, among what is not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::{PhraseError, PhraseList, Respelling};

use super::normalise::normalise;
use crate::data::domain::{NamePool, invented_name, names};
use crate::data::manifest::Utterance;

/// The share of all words of a manifest that its common words make up; the others are rare. As in LibriSpeech's lists,
/// whose 5,000 common words do.
const COMMON_SHARE: f64 = 0.9;

/// Whether a list has the names of its utterance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamesInList {
    /// All of them, among others.
    #[default]
    Present,
    /// None of them.
    Absent,
}

/// The context of every utterance: a list of names, drawn for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
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

/// A list of phrases from a file, for every utterance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenPhrases {
    /// Phrases of the list.
    pub phrases: usize,
    /// The file.
    pub file: String,
    /// The phrases themselves.
    #[serde(skip)]
    pub list: Arc<PhraseList>,
}

/// The phrases that may be said in an utterance.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PhraseContext {
    /// A list that is drawn for each.
    Drawn(ContextLists),
    /// One list for all of them.
    Given(GivenPhrases),
}

impl GivenPhrases {
    /// Reads a file with a phrase a line.
    ///
    /// # Errors
    ///
    /// As [`PhraseList::read`], and for a file without a phrase.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let list = PhraseList::read(path)?;
        anyhow::ensure!(!list.is_empty(), "phrases `{}`: the file has none", path.display());
        Ok(Self { phrases: list.len(), file: path.display().to_string(), list: Arc::new(list) })
    }

    /// The name of the file.
    pub fn name(&self) -> String {
        let path = Path::new(&self.file);
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }
}

/// The lists of all utterances of a manifest.
#[derive(Debug)]
pub struct PhraseLists<'a> {
    settings: ContextLists,
    utterances: &'a [Utterance],
    /// What is said in each.
    own: Vec<Vec<String>>,
    /// All that may be drawn, sorted.
    others: Vec<String>,
}

impl ContextLists {
    /// The lists for a manifest. What is said in its utterances is their names or, where no utterance has one, their rare
    /// words (Le et al. 2021, arXiv 2104.02194, section 4.1).
    pub fn of<'a>(&self, utterances: &'a [Utterance]) -> PhraseLists<'a> {
        let has_names = utterances.iter().any(|utterance| !utterance.names.is_empty());
        let own: Vec<Vec<String>> = if has_names {
            utterances.iter().map(|utterance| utterance.names.clone()).collect()
        } else {
            rare_words(utterances)
        };
        let of_domain = [NamePool::Train, NamePool::Test].into_iter().flat_map(|pool| names(pool).iter());
        let mut others: Vec<String> = own.iter().flatten().cloned().collect();
        if has_names {
            others.extend(of_domain.map(|name| (*name).to_owned()));
        }
        others.sort_unstable();
        others.dedup();
        PhraseLists { settings: *self, utterances, own, others }
    }
}

impl PhraseLists<'_> {
    /// What is done with a phrase that the model did not write.
    pub fn respelling(&self) -> Respelling {
        self.settings.respelling
    }

    /// The list of one utterance, for a model.
    ///
    /// # Errors
    ///
    /// As [`PhraseList::new`].
    pub fn list(&self, index: usize) -> Result<PhraseList, PhraseError> {
        PhraseList::new(self.phrases(index))
    }

    /// The phrases of one utterance: other phrases are drawn from the whole manifest, and invented where it has too few.
    pub fn phrases(&self, index: usize) -> Vec<String> {
        let spoken = format!(" {} ", self.utterances[index].text);
        let is_spoken = |phrase: &str| spoken.contains(&format!(" {phrase} "));
        let own = &self.own[index];
        let mut others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        others.retain(|phrase| !is_spoken(phrase) && !own.iter().any(|own| own == phrase));
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        rng.set_stream(index as u64);
        let mut list: Vec<String> = match self.settings.names {
            NamesInList::Present => own.clone(),
            NamesInList::Absent => Vec::new(),
        };
        while list.len() < self.settings.phrases {
            if others.is_empty() {
                let phrase = invented_name(&mut rng);
                if !is_spoken(&phrase) && !list.contains(&phrase) {
                    list.push(phrase);
                }
            } else {
                let drawn = rng.random_range(0..others.len() as u64) as usize;
                list.push(others.swap_remove(drawn).to_owned());
            }
        }
        // The place in the list tells nothing.
        for last in (1..list.len()).rev() {
            list.swap(last, rng.random_range(0..=last as u64) as usize);
        }
        list
    }
}

/// The rare words of each utterance, each once: those beside the commonest, which make up most of what is said.
fn rare_words(utterances: &[Utterance]) -> Vec<Vec<String>> {
    let texts: Vec<String> = utterances.iter().map(|utterance| normalise(&utterance.text)).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in texts.iter().flat_map(|text| text.split(' ')).filter(|word| !word.is_empty()) {
        *counts.entry(word).or_default() += 1;
    }
    let mut ranked: Vec<(&str, usize)> = counts.iter().map(|(word, count)| (*word, *count)).collect();
    ranked.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then(a.cmp(b)));
    let common = COMMON_SHARE * ranked.iter().map(|(_, count)| *count as f64).sum::<f64>();
    let mut covered = 0.0;
    for (word, count) in ranked {
        if covered >= common {
            break;
        }
        covered += count as f64;
        counts.remove(word);
    }
    let rare = |text: &str| {
        let mut words: Vec<String> =
            text.split(' ').filter(|word| counts.contains_key(word)).map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    texts.iter().map(|text| rare(text)).collect()
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
        let of = |names, phrases| {
            let lists = ContextLists { phrases, names, respelling: Respelling::Off, seed: 1 };
            lists.of(std::slice::from_ref(&utterance)).list(0).unwrap()
        };
        let has = |list: &PhraseList, name: &str| list.phrases().iter().any(|one| one == name);
        // More than the domain has names.
        for phrases in [100, 500, 1000] {
            let present = of(NamesInList::Present, phrases);
            assert_eq!(present.len(), phrases);
            assert!(has(&present, "anna") && has(&present, "otto"));
            assert_eq!(present, of(NamesInList::Present, phrases));
        }
        let absent = of(NamesInList::Absent, 200);
        assert!(absent.len() == 200 && !has(&absent, "anna") && !has(&absent, "otto"));
    }

    #[test]
    fn a_list_is_that_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.txt");
        std::fs::write(&path, "anna\notto\n").unwrap();
        let given = GivenPhrases::read(&path).unwrap();
        assert_eq!((given.phrases, given.name().as_str()), (2, "names.txt"));
        assert_eq!(given.list.phrases(), ["anna", "otto"]);
        let context = serde_json::to_value(PhraseContext::Given(given)).unwrap();
        assert_eq!(context, serde_json::json!({"phrases": 2, "file": path.display().to_string()}));
        std::fs::write(&path, "\n").unwrap();
        assert!(GivenPhrases::read(&path).unwrap_err().to_string().ends_with("the file has none"));
    }

    #[test]
    fn without_names_the_rare_words_are_looked_for() {
        let row = |text: &str| Utterance { text: text.into(), ..Utterance::default() };
        let mut rows: Vec<Utterance> = (0..20).map(|_| row("so it goes on and on")).collect();
        rows.push(row("Quokkas, it goes: quokkas"));
        rows.push(row("So Axolotl"));
        let settings =
            ContextLists { phrases: 2, names: NamesInList::Present, respelling: Respelling::Off, seed: 1 };
        let lists = settings.of(&rows);
        assert!(lists.own[0].is_empty());
        assert_eq!((&lists.own[20], &lists.own[21]), (&vec!["quokkas".into()], &vec!["axolotl".into()]));
        let mut drawn = lists.phrases(20);
        drawn.sort();
        assert_eq!(drawn, ["axolotl", "quokkas"]);
    }
}
