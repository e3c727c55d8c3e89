//! What two texts have in common, in n-grams.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::AddAssign;

/// Numbers of n-grams of one order, summed over a corpus.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overlap {
    pub(super) reference: usize,
    pub(super) hypothesis: usize,
    pub(super) matched: usize,
}

impl AddAssign for Overlap {
    fn add_assign(&mut self, other: Self) {
        self.reference += other.reference;
        self.hypothesis += other.hypothesis;
        self.matched += other.matched;
    }
}

impl Overlap {
    /// Adds the n-grams of one pair; a hypothesis n-gram matches as often as the reference holds it.
    pub(super) fn add<T: Hash + Eq>(&mut self, reference: &[T], hypothesis: &[T], order: usize) {
        let mut available: HashMap<&[T], usize> = HashMap::new();
        for gram in reference.windows(order) {
            self.reference += 1;
            *available.entry(gram).or_default() += 1;
        }
        for gram in hypothesis.windows(order) {
            self.hypothesis += 1;
            if let Some(left) = available.get_mut(gram).filter(|left| **left > 0) {
                *left -= 1;
                self.matched += 1;
            }
        }
    }
}
