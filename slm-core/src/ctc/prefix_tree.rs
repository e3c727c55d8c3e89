//! A prefix tree of phrases by their characters.
//!
//! It takes the place of the word network in token passing (Young et al. 1989), where words that begin alike share a
//! beginning. By characters and not by labels, because a name can be spelled in labels in many ways and the CTC head
//! does not keep to the tokenizer's: every label is a step of several characters.

use rustc_hash::FxHashMap;

/// Phrases with a space before each word, in lower case, by character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrefixTree {
    children: FxHashMap<(u32, char), u32>,
    /// For each node the phrase that ends there, and the characters on the way to it.
    ends: Vec<Option<(u32, u16)>>,
    /// For each node the characters of the longest phrase that goes through it.
    longest: Vec<u16>,
}

/// The node before the first character.
pub(super) const ROOT: u32 = 0;

impl PrefixTree {
    /// The tree of phrases, each with its number; a phrase may be there in several spellings. Of those that are the same
    /// in lower case it knows the first.
    pub fn new<S: AsRef<str>>(phrases: impl IntoIterator<Item = (u32, S)>) -> Self {
        let mut tree = Self { children: FxHashMap::default(), ends: vec![None], longest: vec![0] };
        for (index, phrase) in phrases {
            let mut node = ROOT;
            let length = u16::try_from(phrase.as_ref().chars().count()).unwrap_or(u16::MAX);
            let words = phrase.as_ref().split_whitespace().flat_map(|word| [" ", word]);
            for c in words.flat_map(|part| part.chars().flat_map(char::to_lowercase)) {
                let next = tree.ends.len() as u32;
                node = *tree.children.entry((node, c)).or_insert(next);
                if node == next {
                    tree.ends.push(None);
                    tree.longest.push(0);
                }
                let longest = &mut tree.longest[node as usize];
                *longest = length.max(*longest);
            }
            if node != ROOT {
                tree.ends[node as usize].get_or_insert((index, length));
            }
        }
        tree
    }

    /// The node that `text` leads to from `node`.
    pub(super) fn walk(&self, node: u32, text: &[char]) -> Option<u32> {
        text.iter().try_fold(node, |node, &c| self.children.get(&(node, c)).copied())
    }

    /// The phrase that ends at a node, by its number, and its characters.
    pub(super) fn end(&self, node: u32) -> Option<(u32, u16)> {
        self.ends.get(node as usize).copied().flatten()
    }

    /// The characters of the longest phrase that goes through a node.
    pub(super) fn longest(&self, node: u32) -> u16 {
        self.longest.get(node as usize).copied().unwrap_or_default()
    }

    /// Nodes, the root included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no phrase.
    pub fn is_empty(&self) -> bool {
        self.len() < 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_share_their_beginnings() {
        let tree = PrefixTree::new((0..).zip(["Anna", "anna lee", "ann", "ANNA"]));
        assert_eq!(tree.len(), 1 + " anna lee".len());
        let at = |text: &str| tree.walk(ROOT, &text.chars().collect::<Vec<_>>());
        assert_eq!(at(" anna").and_then(|node| tree.end(node)), Some((0, 4)));
        assert_eq!(at(" anna lee").and_then(|node| tree.end(node)), Some((1, 8)));
        assert_eq!(at(" ann").and_then(|node| tree.end(node)), Some((2, 3)));
        assert_eq!(at(" ann").map(|node| tree.longest(node)), Some(8));
        assert!(at("anna").is_none() && at(" an").is_some_and(|node| tree.end(node).is_none()));
        assert!(PrefixTree::new([(0, "")]).is_empty());
    }
}
