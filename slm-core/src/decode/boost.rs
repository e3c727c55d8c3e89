//! Favours given phrases while text is generated: shallow fusion with a prefix tree of their tokens.
//!
//! Each id that goes on with a phrase earns a bonus; when the text leaves a phrase before its end, what was earned on
//! the way is taken back. So a whole phrase of `n` tokens is worth `n` times the bonus, and part of one nothing. The
//! tree is an Aho-Corasick automaton (1975): where a text leaves one phrase, the longest start of another that it
//! still is in the midst of goes on. A phrase earns once, and the next begins after it: else a text that repeats one for
//! ever would score best.

use std::collections::{BTreeMap, VecDeque};

/// A prefix tree of token ids and the bonus for following it. The empty one favours nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Boost {
    phrases: Vec<Vec<u32>>,
    nodes: Vec<Node>,
    bonus: f32,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    children: BTreeMap<u32, usize>,
    /// The node of the longest proper suffix of this one's path.
    fail: usize,
    depth: usize,
    /// The phrase that ends here, by its index.
    phrase: Option<usize>,
}

const ROOT: usize = 0;

impl Boost {
    /// Favours `phrases`, each a row of token ids, by `bonus` a token, in units of log-probability.
    pub fn new<'a>(phrases: impl IntoIterator<Item = &'a [u32]>, bonus: f32) -> Self {
        let phrases: Vec<Vec<u32>> =
            phrases.into_iter().filter(|phrase| !phrase.is_empty()).map(<[u32]>::to_vec).collect();
        let mut nodes = vec![Node::default()];
        for (index, phrase) in phrases.iter().enumerate() {
            let mut at = ROOT;
            for &id in phrase {
                let (next, depth) = (nodes.len(), nodes[at].depth + 1);
                at = *nodes[at].children.entry(id).or_insert(next);
                if at == next {
                    nodes.push(Node { depth, ..Node::default() });
                }
            }
            nodes[at].phrase = Some(index);
        }
        let mut boost = Self { phrases, nodes, bonus };
        boost.link();
        boost
    }

    /// Whether it favours nothing.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() < 2 || self.bonus <= 0.0
    }

    /// Raises and lowers the logits of what may follow `ids`.
    pub(super) fn apply(&self, ids: &[u32], logits: &mut [f32]) {
        if self.is_empty() {
            return;
        }
        let mut state = ROOT;
        for (position, &id) in ids.iter().enumerate() {
            state = self.next(state, id);
            if let Some(written) = self.nodes[state].phrase.and_then(|index| self.phrases.get(index)) {
                let left = self.phrases.iter().filter(|phrase| *phrase != written).map(Vec::as_slice);
                return Self::new(left, self.bonus).apply(&ids[position + 1..], logits);
            }
        }
        self.favour(state, logits);
    }

    /// Raises and lowers the logits of what may follow a node.
    fn favour(&self, state: usize, logits: &mut [f32]) {
        // What every id loses that leaves the phrase.
        let pending = self.bonus * self.nodes[state].depth as f32;
        if pending > 0.0 {
            for logit in logits.iter_mut() {
                *logit -= pending;
            }
        }
        // From the shortest suffix to the longest, whose own children count.
        let mut suffixes = vec![state];
        while let Some(&last) = suffixes.last()
            && last != ROOT
        {
            suffixes.push(self.nodes[last].fail);
        }
        let mut gains: BTreeMap<u32, f32> = BTreeMap::new();
        for &node in suffixes.iter().rev() {
            for (&id, &child) in &self.nodes[node].children {
                gains.insert(id, self.bonus * self.nodes[child].depth as f32);
            }
        }
        for (id, gain) in gains {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit += gain;
            }
        }
    }

    fn next(&self, mut state: usize, id: u32) -> usize {
        loop {
            if let Some(&child) = self.nodes[state].children.get(&id) {
                return child;
            }
            if state == ROOT {
                return ROOT;
            }
            state = self.nodes[state].fail;
        }
    }

    /// Sets `fail` of every node, level by level.
    fn link(&mut self) {
        let mut queue: VecDeque<usize> = VecDeque::from([ROOT]);
        while let Some(at) = queue.pop_front() {
            let children: Vec<(u32, usize)> =
                self.nodes[at].children.iter().map(|(&id, &child)| (id, child)).collect();
            for (id, child) in children {
                self.nodes[child].fail = if at == ROOT { ROOT } else { self.next(self.nodes[at].fail, id) };
                queue.push_back(child);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text of `ids` earns in all.
    fn total(boost: &Boost, ids: &[u32]) -> f32 {
        (0..ids.len())
            .map(|n| {
                let mut logits = [0.0; 10];
                boost.apply(&ids[..n], &mut logits);
                logits[ids[n] as usize]
            })
            .sum()
    }

    #[test]
    fn whole_phrases_earn_and_parts_do_not() {
        let phrases: [&[u32]; 3] = [&[1, 2, 3], &[2, 4], &[1, 2]];
        let boost = Boost::new(phrases, 1.0);
        for (ids, earned) in [
            (&[9, 2, 4, 9][..], 2.0),
            // Left in the midst.
            (&[2, 9], 0.0),
            (&[1, 1, 9], 0.0),
            // `1 2` counts, and what follows begins anew.
            (&[1, 2, 9], 2.0),
            (&[1, 2, 3, 9], 2.0),
            (&[1, 2, 4, 9], 2.0),
            (&[1, 2, 2, 4, 9], 4.0),
            (&[1, 1, 2, 3, 1, 9], 2.0),
            // Once.
            (&[2, 4, 2, 4, 2, 4], 2.0),
        ] {
            assert!((total(&boost, ids) - earned).abs() < 1e-6, "{ids:?}");
        }
        assert!(total(&Boost::default(), &[1, 2, 3]).abs() < 1e-6);
    }
}
