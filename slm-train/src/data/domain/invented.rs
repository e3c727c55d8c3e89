//! Invented words and names: what no training text has, in the spelling of what it has.

use rand::{Rng, RngExt};

use super::{NamePool, names};

const ONSETS: [&str; 37] = [
    "", "b", "bl", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p",
    "pl", "pr", "qu", "r", "s", "sh", "sk", "sl", "st", "t", "th", "tr", "v", "w", "y", "z", "kn",
];
const VOWELS: [&str; 18] =
    ["a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ee", "ea", "ai", "ou", "oo", "y", "ie", "oa"];
const CODAS: [&str; 24] = [
    "", "", "", "", "n", "m", "r", "l", "s", "t", "d", "k", "ck", "nd", "st", "rt", "x", "ng", "p", "b",
    "ll", "ss", "sh", "th",
];

/// A word of one to three syllables.
pub(super) fn word<R: Rng>(rng: &mut R) -> String {
    let mut word = String::new();
    for _ in 0..rng.random_range(1..=3) {
        word.push_str(ONSETS[rng.random_range(0..ONSETS.len())]);
        word.push_str(VOWELS[rng.random_range(0..VOWELS.len())]);
        word.push_str(CODAS[rng.random_range(0..CODAS.len())]);
    }
    word
}

/// Letters of a name.
const NAME_LETTERS: std::ops::RangeInclusive<usize> = 3..=10;

/// A first name: mostly the beginning of a training name before the end of another, sometimes an invented word. Never
/// a name of a pool.
pub(super) fn name<R: Rng>(rng: &mut R) -> String {
    loop {
        let name = if rng.random_ratio(1, 4) { word(rng) } else { recombined(rng) };
        let known =
            [NamePool::Train, NamePool::Test].into_iter().any(|pool| names(pool).contains(&name.as_str()));
        if NAME_LETTERS.contains(&name.len()) && !known {
            return name;
        }
    }
}

/// What stands before a vowel of one training name, and what begins with a vowel in another.
fn recombined<R: Rng>(rng: &mut R) -> String {
    let mut half = |part: fn(&'static str, usize) -> &'static str| {
        let all = names(NamePool::Train);
        let name = all[rng.random_range(0..all.len())];
        let vowels: Vec<usize> =
            name.match_indices(['a', 'e', 'i', 'o', 'u']).map(|(place, _)| place).collect();
        vowels.get(rng.random_range(0..vowels.len().max(1))).map_or(name, |&place| part(name, place))
    };
    let beginning = half(|name, place| &name[..place]);
    format!("{beginning}{}", half(|name, place| &name[place..]))
}
