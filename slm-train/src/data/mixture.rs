//! Several sources of training data in one corpus: how much of each an epoch has, and which rows are left out.

use std::fmt;
use std::path::PathBuf;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::buckets;
use super::groups::Group;
use super::manifest::{self, Audio, ReadSettings, Utterance};
use crate::random::rng_for;

/// The stream of random numbers that the order of a source draws from.
const DRAW_STREAM: u64 = 0x6d69_7874;

/// A corpus: one path, or several sources with weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Corpus {
    /// All rows at this path.
    Path(PathBuf),
    /// Parts of several.
    Mixture(Mixture),
}

/// Several sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mixture {
    /// The sources.
    pub sources: Vec<Source>,
    /// Above 1, small sources have a larger share than their rows: a source of `n` rows counts as `n^(1 / temperature)`.
    #[serde(default = "one")]
    pub temperature: f64,
    /// The folder that holds all audio, see [`ReadSettings::data_root`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_root: Option<PathBuf>,
    /// The rows that are taken.
    #[serde(default)]
    pub filter: Filter,
}

/// A source of a mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A name, by which tasks read this source and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A manifest, folder or archive, see [`manifest`].
    pub path: PathBuf,
    /// Its share of an epoch, multiplied by this.
    #[serde(default = "one")]
    pub weight: f64,
}

/// Which rows are taken: those within all limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Shortest utterance in seconds.
    pub min_seconds: Option<f64>,
    /// Longest utterance in seconds.
    pub max_seconds: Option<f64>,
    /// Fewest characters of the text a second.
    pub min_rate: Option<f64>,
    /// Most characters of the text a second: more is read faster than people speak, so that the text is another one.
    pub max_rate: Option<f64>,
}

/// The rows of a corpus.
#[derive(Debug, Clone, Default)]
pub struct MixedRows {
    /// The rows that are taken, source by source.
    pub utterances: Vec<Utterance>,
    /// Of each source how many rows are taken.
    pub counts: Vec<usize>,
}

fn one() -> f64 {
    1.0
}

impl Corpus {
    /// All fields that are out of range, one text each; empty when sound. `name` is the setting's name.
    pub fn problems(&self, name: &str) -> Vec<String> {
        let Self::Mixture(mixture) = self else { return Vec::new() };
        let mut problems = Vec::new();
        if mixture.sources.is_empty() {
            problems.push(format!("`{name}.sources` is empty"));
        }
        if !(mixture.temperature.is_finite() && mixture.temperature > 0.0) {
            problems.push(format!("`{name}.temperature` is {}, must be above 0", mixture.temperature));
        }
        for (index, source) in mixture.sources.iter().enumerate() {
            if !(source.weight.is_finite() && source.weight >= 0.0) {
                problems.push(format!(
                    "`{name}.sources[{index}].weight` is {}, must be 0 or more",
                    source.weight
                ));
            }
        }
        if mixture.sources.iter().all(|source| source.weight == 0.0) {
            problems.push(format!("`{name}.sources` have no weight"));
        }
        problems
    }

    /// Reads all rows, and leaves out those that the filter does not take.
    ///
    /// # Errors
    ///
    /// As [`Self::stream`].
    pub fn read(&self, note: &dyn Fn(String)) -> anyhow::Result<MixedRows> {
        let mut utterances = Vec::new();
        let mut take = |_, row| {
            utterances.push(row);
            Ok(())
        };
        let counts = self.stream(Audio::Required, &mut take, note)?;
        Ok(MixedRows { utterances, counts })
    }

    /// Gives the rows that the filter takes to `take`, each with the place of its source, source by source, and says of each
    /// source how many they are. `audio` says whether rows may have none, which the filter then takes. `note` is told how many
    /// rows it leaves out.
    ///
    /// # Errors
    ///
    /// Sources that cannot be read, or whose rows are bad, all of them named; a source of which nothing is left; the first
    /// error of `take`.
    pub fn stream(
        &self,
        audio: Audio,
        take: &mut dyn FnMut(usize, Utterance) -> anyhow::Result<()>,
        note: &dyn Fn(String),
    ) -> anyhow::Result<Vec<usize>> {
        let (sources, settings, filter) = match self {
            Self::Path(path) => {
                (vec![path], ReadSettings { audio, ..ReadSettings::default() }, Filter::default())
            }
            Self::Mixture(mixture) => {
                let settings =
                    ReadSettings { audio, data_root: mixture.data_root.clone(), ..ReadSettings::default() };
                (mixture.sources.iter().map(|source| &source.path).collect(), settings, mixture.filter)
            }
        };
        let mut counts = Vec::new();
        for (source, path) in sources.into_iter().enumerate() {
            let (mut rows, mut count, mut taken) = (0, 0, Ok(()));
            manifest::stream(path, &settings, &mut |row| {
                rows += 1;
                if taken.is_ok() && filter.takes(&row) {
                    count += 1;
                    taken = take(source, row);
                }
            })?;
            taken?;
            anyhow::ensure!(count > 0, "the filter leaves no row of `{}`", path.display());
            if count < rows {
                note(format!(
                    "the filter leaves out {} of {rows} rows of `{}`",
                    rows - count,
                    path.display()
                ));
            }
            counts.push(count);
        }
        Ok(counts)
    }

    /// The names of its sources; without names and for a path alone, `None`.
    pub fn names(&self) -> Vec<Option<&str>> {
        match self {
            Self::Path(_) => vec![None],
            Self::Mixture(mixture) => mixture.sources.iter().map(|source| source.name.as_deref()).collect(),
        }
    }

    /// The weights and the temperature, where there are some: what the shares of an epoch follow from.
    pub fn weights(&self) -> Option<(Vec<f64>, f64)> {
        match self {
            Self::Path(_) => None,
            Self::Mixture(mixture) => {
                Some((mixture.sources.iter().map(|source| source.weight).collect(), mixture.temperature))
            }
        }
    }

    /// The items of an epoch, sorted.
    ///
    /// An epoch has as many items as all groups together. Without weights and temperature every item is there once. Else a
    /// group goes through its items in a random order, again and again from epoch to epoch, so that none is left out.
    fn epoch(&self, groups: &[Group], seed: u64, epoch: u64) -> Vec<usize> {
        let total: usize = groups.iter().map(|group| group.items.len()).sum();
        let mut items = Vec::with_capacity(total);
        if self.weights().is_none() && groups.iter().all(|group| group.share.is_none()) {
            items.extend(groups.iter().flat_map(|group| &group.items));
        } else {
            let shares = self.shares(groups);
            let sum: f64 = shares.iter().sum();
            for (index, (group, share)) in groups.iter().zip(shares).enumerate() {
                let count = (total as f64 * share / sum).round() as usize;
                draw(&group.items, count, source_seed(seed, index), epoch, &mut items);
            }
        }
        items.sort_unstable();
        items
    }

    /// How large the part of each group is: what its source has by weight and size, shared among the groups of the source.
    fn shares(&self, groups: &[Group]) -> Vec<f64> {
        let (weights, temperature) = self.weights().unwrap_or((Vec::new(), 1.0));
        let of_source = |source: usize, value: &dyn Fn(&Group) -> f64| -> f64 {
            groups.iter().filter(|group| group.source == source).map(value).sum()
        };
        let share = |group: &Group| group.share.unwrap_or(1.0);
        groups
            .iter()
            .map(|group| {
                let size = of_source(group.source, &|group| group.items.len() as f64);
                let weight = weights.get(group.source).copied().unwrap_or(1.0);
                weight * size.powf(temperature.recip()) * (share(group) / of_source(group.source, &share))
            })
            .collect()
    }

    /// The batches of an epoch, see [`buckets::batches`]; item `i` has `lengths[i]`.
    pub fn batches(
        &self,
        groups: &[Group],
        lengths: &[usize],
        budget: usize,
        seed: u64,
        epoch: u64,
    ) -> Vec<Vec<usize>> {
        let items = self.epoch(groups, seed, epoch);
        let drawn: Vec<usize> = items.iter().map(|&item| lengths[item]).collect();
        let mut batches = buckets::batches(&drawn, budget, seed, epoch);
        batches.iter_mut().flatten().for_each(|place| *place = items[*place]);
        batches
    }
}

impl From<PathBuf> for Corpus {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Mixture(mixture) => {
                let paths = mixture.sources.iter().map(|source| source.path.display().to_string());
                f.write_str(&paths.collect::<Vec<_>>().join("`, `"))
            }
        }
    }
}

fn source_seed(seed: u64, source: usize) -> u64 {
    seed.wrapping_add((source as u64) << 32)
}

/// Items `epoch * count ..` of an endless walk through `group`, each pass in an order of its own.
fn draw(group: &[usize], count: usize, seed: u64, epoch: u64, items: &mut Vec<usize>) {
    if group.is_empty() {
        return;
    }
    let (mut place, mut left) = (epoch as usize * count, count);
    while left > 0 {
        let mut pass = group.to_vec();
        pass.shuffle(&mut rng_for(seed, DRAW_STREAM, (place / group.len()) as u64));
        let rest = pass.iter().skip(place % group.len()).take(left);
        let before = items.len();
        items.extend(rest);
        left -= items.len() - before;
        place += items.len() - before;
    }
}

impl Filter {
    /// Whether a row is within all limits, which are about speech.
    pub fn takes(&self, row: &Utterance) -> bool {
        if !row.has_audio() {
            return true;
        }
        let rate = row.text.chars().count() as f64 / row.duration;
        let above = |limit: Option<f64>, value: f64| limit.is_none_or(|limit| value >= limit);
        let below = |limit: Option<f64>, value: f64| limit.is_none_or(|limit| value <= limit);
        above(self.min_seconds, row.duration)
            && below(self.max_seconds, row.duration)
            && above(self.min_rate, rate)
            && below(self.max_rate, rate)
    }
}

#[cfg(test)]
mod tests {
    use super::super::groups::divided;
    use super::*;

    fn mixture(weights: [f64; 2], temperature: f64) -> Corpus {
        let sources = weights.map(|weight| Source { name: None, path: "x".into(), weight }).to_vec();
        Corpus::Mixture(Mixture { sources, temperature, data_root: None, filter: Filter::default() })
    }

    fn of_sources(items: [Vec<usize>; 2]) -> Vec<Group> {
        let group = |(source, items)| Group { source, share: None, items };
        items.into_iter().enumerate().map(group).collect()
    }

    #[test]
    fn an_epoch_without_weights_has_every_item_once() {
        let groups = of_sources([(0..10).collect(), (10..13).collect()]);
        let all: Vec<usize> = (0..13).collect();
        assert_eq!(Corpus::Path("x".into()).epoch(&groups, 1, 0), all);
        for epoch in 0..4 {
            assert_eq!(mixture([1.0, 1.0], 1.0).epoch(&groups, 1, epoch), all);
        }
    }

    #[test]
    fn weights_and_temperature_change_the_shares_and_leave_nothing_out() {
        let groups = of_sources([(0..90).collect(), (90..100).collect()]);
        let small = |corpus: &Corpus, epoch| {
            let items = corpus.epoch(&groups, 7, epoch);
            assert_eq!(items.len(), 100);
            items.iter().filter(|item| **item >= 90).count()
        };
        // 9 * 90 : 1 * 10 and 1 * 90 : 9 * 10.
        assert_eq!(small(&mixture([9.0, 1.0], 1.0), 0), 1);
        assert_eq!(small(&mixture([1.0, 9.0], 1.0), 0), 50);
        // sqrt(90) : sqrt(10) = 3 : 1
        assert_eq!(small(&mixture([1.0, 1.0], 2.0), 0), 25);
        assert_eq!(small(&mixture([0.0, 1.0], 1.0), 3), 100);

        let corpus = mixture([1.0, 9.0], 1.0);
        assert_eq!(corpus.epoch(&groups, 7, 2), corpus.epoch(&groups, 7, 2));
        assert_ne!(corpus.epoch(&groups, 7, 2), corpus.epoch(&groups, 8, 2));
        // Nine epochs of 50 take each of the 90 five times.
        let mut times = [0; 100];
        for epoch in 0..9 {
            corpus.epoch(&groups, 7, epoch).into_iter().for_each(|item| times[item] += 1);
        }
        assert!(times[..90].iter().all(|&count| count == 5), "{times:?}");
        assert_eq!(mixture([0.0, 0.0], 1.0).problems("train"), ["`train.sources` have no weight"]);

        let lengths: Vec<usize> = (0..100).map(|item| 1 + item % 7).collect();
        let batches = corpus.batches(&groups, &lengths, 20, 7, 2);
        let mut items = batches.concat();
        items.sort_unstable();
        assert_eq!(items, corpus.epoch(&groups, 7, 2));
    }

    #[test]
    fn kinds_have_their_share_of_every_source() {
        // Of 80 items of one source 60 are of kind 0, of 20 of the other 10.
        let groups = of_sources([(0..80).collect(), (80..100).collect()]);
        let kind_of = |item: usize| usize::from((60..80).contains(&item) || item >= 90);
        assert_eq!(divided(groups.clone(), kind_of, &[1.0, 1.0], 1.0), groups);
        let counts = |corpus: &Corpus, weights: [f64; 2], temperature: f64| {
            let parts = divided(groups.clone(), kind_of, &weights, temperature);
            let items = corpus.epoch(&parts, 3, 1);
            let count = |kind: usize, range: std::ops::Range<usize>| {
                items.iter().filter(|item| range.contains(item) && kind_of(**item) == kind).count()
            };
            [count(0, 0..80), count(1, 0..80), count(0, 80..100), count(1, 80..100)]
        };
        // 60 : 3 * 20 and 10 : 3 * 10.
        assert_eq!(counts(&Corpus::Path("x".into()), [1.0, 3.0], 1.0), [40, 40, 5, 15]);
        assert_eq!(counts(&mixture([1.0, 4.0], 1.0), [1.0, 3.0], 1.0), [25, 25, 13, 38]);
        // sqrt(60) : sqrt(20) = 1.73 : 1
        assert_eq!(counts(&Corpus::Path("x".into()), [1.0, 1.0], 2.0), [51, 29, 10, 10]);
    }

    #[test]
    fn rows_outside_of_the_limits_are_left_out() {
        let row = |seconds: f64, text: &str| Utterance {
            audio_filepath: "a.wav".into(),
            duration: seconds,
            text: text.to_owned(),
            ..Utterance::default()
        };
        let filter = Filter {
            min_seconds: Some(1.0),
            max_seconds: Some(30.0),
            min_rate: Some(2.0),
            max_rate: Some(25.0),
        };
        for (seconds, text, expected) in [
            (1.0, "hello there", true),
            (0.9, "hello there", false),
            (31.0, &*"word ".repeat(60), false),
            (10.0, "hello there", false),
            (1.0, "a text that nobody says in a second", false),
        ] {
            assert_eq!(filter.takes(&row(seconds, text)), expected, "{seconds} {text}");
        }
        // Words alone are as long as they are.
        assert!(filter.takes(&Utterance { text: "words".into(), ..Utterance::default() }));
    }

    #[test]
    fn a_path_or_a_table() {
        let plain: Corpus = serde_json::from_str("\"a.jsonl\"").unwrap();
        assert_eq!(plain, Corpus::Path("a.jsonl".into()));
        let text = r#"{"sources": [{"path": "a.tar", "weight": -1}], "temperature": 0, "filter": {"max_seconds": 30}}"#;
        let table: Corpus = serde_json::from_str(text).unwrap();
        assert_eq!(table.problems("train").len(), 2, "{:?}", table.problems("train"));
    }
}
