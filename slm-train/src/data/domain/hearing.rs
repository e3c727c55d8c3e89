//! Text as it is heard: what a listener, or the speech encoder's CTC head, makes of words it half knows.

use std::borrow::Cow;

use rand::{Rng, RngExt};

/// Letters that sound alike; `^` ties the left side to the start of a word, `$` to its end.
const SOUNDS: [(&str, &str); 66] = [
    ("ph", "f"),
    ("f", "ph"),
    ("ck", "k"),
    ("ck", "c"),
    ("ca", "ka"),
    ("co", "ko"),
    ("cl", "kl"),
    ("cr", "kr"),
    ("k", "c"),
    ("k", "ck"),
    ("ch", "k"),
    ("ch", "tch"),
    ("x", "ks"),
    ("qu", "kw"),
    ("ce", "se"),
    ("ci", "si"),
    ("se", "ze"),
    ("si", "zi"),
    ("s$", "z"),
    ("s$", "ss"),
    ("z", "s"),
    ("^j", "g"),
    ("^g", "j"),
    ("sh", "sch"),
    ("th", "t"),
    ("t$", "tt"),
    ("^kn", "n"),
    ("^wr", "r"),
    ("^wh", "w"),
    ("gh", ""),
    ("^h", ""),
    ("mb$", "m"),
    ("ee", "ea"),
    ("ea", "ee"),
    ("ie", "ee"),
    ("ie$", "y"),
    ("y$", "ie"),
    ("y$", "i"),
    ("y$", "ey"),
    ("i", "y"),
    ("y", "i"),
    ("ai", "ay"),
    ("ay", "ai"),
    ("ou", "ow"),
    ("ow", "ou"),
    ("oo", "u"),
    ("au", "aw"),
    ("er", "ur"),
    ("or", "er"),
    ("an", "en"),
    ("en", "an"),
    ("in", "en"),
    ("a$", "ah"),
    ("e$", ""),
    ("ah$", "a"),
    ("o$", "oh"),
    ("ll", "l"),
    ("l", "ll"),
    ("nn", "n"),
    ("n", "nn"),
    ("tt", "t"),
    ("mm", "m"),
    ("m", "mm"),
    ("rr", "r"),
    ("ss", "s"),
    ("v", "w"),
];

/// One replacement in `word`, or `None` where the rule does not fit.
fn apply<R: Rng>(word: &str, from: &str, to: &str, rng: &mut R) -> Option<String> {
    if let Some(from) = from.strip_prefix('^') {
        return word.strip_prefix(from).map(|rest| format!("{to}{rest}"));
    }
    if let Some(from) = from.strip_suffix('$') {
        return word.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    }
    let places: Vec<usize> = word.match_indices(from).map(|(place, _)| place).collect();
    if places.is_empty() {
        return None;
    }
    let place = places[rng.random_range(0..places.len())];
    let (before, after) = word.split_at(place);
    Some(format!("{before}{to}{}", after.strip_prefix(from)?))
}

/// The word with one or two of its sounds spelled another way; never the word itself.
pub fn respell<R: Rng>(word: &str, rng: &mut R) -> String {
    let mut heard: Cow<'_, str> = Cow::Borrowed(word);
    let wanted = if word.len() > 4 && rng.random_bool(0.5) { 2 } else { 1 };
    let mut done = 0;
    for _ in 0..200 {
        let (from, to) = SOUNDS[rng.random_range(0..SOUNDS.len())];
        match apply(&heard, from, to, rng) {
            Some(next) if next != word && next.len() > 1 && !tripled(&next) => {
                heard = Cow::Owned(next);
                done += 1;
            }
            _ => {}
        }
        if done >= wanted {
            break;
        }
    }
    if heard == word { format!("{word}e") } else { heard.into_owned() }
}

/// The text as a listener might mishear it: some words spelled by ear, now and then one missing a letter or
/// gone altogether. At least one word is left.
pub fn mishear<R: Rng>(text: &str, rng: &mut R) -> String {
    let mut heard: Vec<Cow<'_, str>> = Vec::new();
    for word in text.split(' ') {
        match rng.random_range(0..100) {
            0..3 => {}
            3..15 if word.len() > 2 => heard.push(respell(word, rng).into()),
            15..22 if word.len() > 2 => {
                let gone = rng.random_range(0..word.chars().count());
                heard.push(word.chars().enumerate().filter(|(i, _)| *i != gone).map(|(_, c)| c).collect());
            }
            _ => heard.push(word.into()),
        }
    }
    if heard.is_empty() { text.to_owned() } else { heard.join(" ") }
}

/// Whether a letter stands three times in a row.
fn tripled(word: &str) -> bool {
    word.as_bytes().windows(3).any(|three| three[0] == three[1] && three[1] == three[2])
}

/// Least and greatest share of pieces that [`mishear_pieces`] damages in one text.
const DAMAGE: std::ops::RangeInclusive<f64> = 0.03..=0.15;

/// The pieces as a CTC head might mishear them: some gone, some another (one of `ids`), some twice, some too many.
/// Unlike [`mishear`], it damages what a word is made of without regard to how it sounds. At least one piece is left.
pub fn mishear_pieces<R: Rng>(pieces: &[u32], ids: std::ops::Range<u32>, rng: &mut R) -> Vec<u32> {
    let share = rng.random_range(DAMAGE);
    let mut heard = Vec::with_capacity(pieces.len() + 4);
    for &piece in pieces {
        if !rng.random_bool(share) {
            heard.push(piece);
            continue;
        }
        match rng.random_range(0..20) {
            0..9 => {}
            9..15 => heard.push(rng.random_range(ids.clone())),
            15..18 => heard.extend([piece, rng.random_range(ids.clone())]),
            _ => heard.extend([piece, piece]),
        }
    }
    if heard.is_empty() { pieces.to_vec() } else { heard }
}
