//! What a text is worth for the phrases in it, letter by letter.
//!
//! Paper: Zhao et al. 2019, *Shallow-Fusion End-to-End Contextual Biasing*, section 3: the letters of a phrase count while a text
//! spells it, so that the text stays among the beams, and what they counted is taken back where the text goes on otherwise. Here
//! a phrase begins and ends where a word does, and a letter of two phrases counts once.

use super::phrase_search::{FoundPhrase, PhraseSearch};
use super::prefix_tree::{PrefixTree, ROOT};
use super::spelling::LabelSpelling;

/// Phrases whose letters count.
#[derive(Debug, Clone)]
pub struct PhraseBoost<'a> {
    tree: PrefixTree,
    spelling: &'a LabelSpelling,
}

/// The phrases in a text so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosted {
    /// Letters of phrases that are whole.
    whole: u32,
    /// Phrases that the end of the text has begun.
    begun: Vec<Begun>,
    /// Whether a word ended last.
    is_between: bool,
}

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Begun {
    node: u32,
    letters: u32,
    /// Those of them that are part of a whole phrase.
    counted: u32,
}

impl Boosted {
    /// That of no text.
    pub const EMPTY: Self = Self { whole: 0, begun: Vec::new(), is_between: true };

    /// The letters that count while the text goes on.
    pub fn letters(&self) -> f64 {
        let begun = self.begun.iter().map(|one| one.letters - one.counted).max().unwrap_or_default();
        f64::from(self.whole + begun)
    }
}

impl<'a> PhraseBoost<'a> {
    /// Of those phrases of `search` that were found.
    pub fn new(search: &'a PhraseSearch, found: &[FoundPhrase]) -> Self {
        let spelling = search.spelling();
        let ways: Vec<Vec<String>> = found.iter().map(|one| spelling.ways(&one.phrase)).collect();
        let numbered = (0..).zip(&ways).flat_map(|(index, ways)| ways.iter().map(move |way| (index, way)));
        Self { tree: PrefixTree::new(numbered), spelling }
    }

    /// Those of a text and `more` behind it.
    #[must_use]
    pub fn extend(&self, text: &Boosted, more: &str) -> Boosted {
        let mut text = text.clone();
        for letter in more.chars().flat_map(char::to_lowercase) {
            if letter.is_whitespace() {
                self.end_word(&mut text);
            } else {
                // What labels cannot spell is not written.
                let spelled = self.spelling.letters(letter).unwrap_or_default();
                spelled.chars().for_each(|letter| self.add(&mut text, letter));
            }
        }
        text
    }

    /// The letters that count where the text ends.
    pub fn ended(&self, text: &Boosted) -> f64 {
        let mut text = text.clone();
        self.end_word(&mut text);
        f64::from(text.whole)
    }

    fn add(&self, text: &mut Boosted, letter: char) {
        if std::mem::take(&mut text.is_between) {
            text.begun.push(Begun { node: ROOT, letters: 0, counted: 0 });
            self.walk(text, ' ');
        }
        self.walk(text, letter);
        for one in &mut text.begun {
            one.letters += 1;
        }
    }

    /// Follows `letter`, and drops what does not go on with it.
    fn walk(&self, text: &mut Boosted, letter: char) {
        text.begun.retain_mut(|one| match self.tree.walk(one.node, &[letter]) {
            Some(node) => {
                one.node = node;
                true
            }
            None => false,
        });
    }

    /// Counts the phrases that end here.
    fn end_word(&self, text: &mut Boosted) {
        if text.is_between {
            return;
        }
        text.is_between = true;
        // The one that began first has the letters of the others.
        let ended = text.begun.iter().filter(|one| self.tree.end(one.node).is_some());
        let Some(&Begun { letters: longest, counted, .. }) = ended.max_by_key(|one| one.letters) else {
            return;
        };
        text.whole += longest - counted;
        for one in &mut text.begun {
            one.counted = one.counted.max(longest.min(one.letters));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::PhraseList;
    use crate::ctc::made_up::labels;

    fn search(phrases: &[&str]) -> PhraseSearch {
        let letters: Vec<String> = ('a'..='z').map(String::from).chain(["▁".to_owned()]).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        PhraseSearch::new(&PhraseList::new(phrases).unwrap(), &labels(&letters)).unwrap()
    }

    /// The letters that count in `text`, while it goes on and where it ends.
    fn of(phrases: &[&str], text: &str) -> (f64, f64) {
        let search = search(phrases);
        let found: Vec<FoundPhrase> = phrases
            .iter()
            .map(|phrase| FoundPhrase { phrase: (*phrase).to_owned(), support: 0.0, frames: (0, 1) })
            .collect();
        let boost = PhraseBoost::new(&search, &found);
        let whole = boost.extend(&Boosted::EMPTY, text);
        // Piece by piece it is the same.
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let pieces = letters.iter().fold(Boosted::EMPTY, |text, piece| boost.extend(&text, piece));
        assert_eq!(pieces, whole, "{text}");
        (whole.letters(), boost.ended(&whole))
    }

    #[test]
    fn letters_count_while_they_spell_a_phrase() {
        let phrases = ["Anna", "otto"];
        assert_eq!(of(&phrases, "call ann"), (3.0, 0.0));
        assert_eq!(of(&phrases, "call anna"), (4.0, 4.0));
        assert_eq!(of(&phrases, "call anna "), (4.0, 4.0));
        assert_eq!(of(&phrases, "call annabel"), (0.0, 0.0));
        assert_eq!(of(&phrases, "joanna"), (0.0, 0.0));
        assert_eq!(of(&phrases, "Ánna and OTTO"), (8.0, 8.0));
    }

    #[test]
    fn a_letter_of_two_phrases_counts_once() {
        let phrases = ["new york", "york city", "new york city", "york"];
        assert_eq!(of(&phrases, "in new york"), (7.0, 7.0));
        assert_eq!(of(&phrases, "new york c"), (8.0, 7.0));
        assert_eq!(of(&phrases, "new york city"), (11.0, 11.0));
        assert_eq!(of(&phrases, "old york city"), (8.0, 8.0));
        assert_eq!(of(&phrases, "new york york"), (11.0, 11.0));
        assert_eq!(of(&phrases, "new yorker"), (0.0, 0.0));
        assert_eq!(of(&[], "new york"), (0.0, 0.0));
    }
}
