//! What the ids of a language model spell, and which of them spell the beginning of a text.

use rustc_hash::FxHashMap;

/// The most letters of an id that is looked for.
const LONGEST: usize = 16;

/// What each id adds to a text.
#[derive(Debug, Clone)]
pub struct SpelledIds {
    spelled: Vec<String>,
    /// The lowest id that spells a text.
    by_text: FxHashMap<String, u32>,
}

impl SpelledIds {
    /// Ids that add `spelled` to a text, in their order.
    pub fn new(spelled: Vec<String>) -> Self {
        let mut by_text = FxHashMap::default();
        for (id, text) in (0..).zip(&spelled) {
            if !text.trim().is_empty() {
                by_text.entry(text.clone()).or_insert(id);
            }
        }
        Self { spelled, by_text }
    }

    /// What an id adds, nothing where it is none.
    pub fn text(&self, id: u32) -> &str {
        self.spelled.get(id as usize).map_or("", String::as_str)
    }

    /// The ids that spell the beginning of `letters`, the shortest first.
    pub fn beginning(&self, letters: &[char]) -> impl Iterator<Item = u32> {
        let mut text = String::new();
        letters.iter().take(LONGEST).filter_map(move |letter| {
            text.push(*letter);
            self.by_text.get(&text).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_spell_the_beginnings_of_a_text() {
        let ids = SpelledIds::new(["h", " ho", "hosting", " ", " h", "", " ho"].map(str::to_owned).to_vec());
        let beginning = |text: &str| ids.beginning(&text.chars().collect::<Vec<_>>()).collect::<Vec<_>>();
        assert_eq!(beginning(" hosting ft"), [4, 1]);
        assert_eq!(beginning("hosting"), [0, 2]);
        assert_eq!(beginning(""), [] as [u32; 0]);
        assert_eq!((ids.text(4), ids.text(99)), (" h", ""));
    }
}
