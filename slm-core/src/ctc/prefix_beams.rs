//! Prefix beam search: the labellings that are most probable over all of their paths.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*, section 3.2, prefix search decoding, with a fixed
//! number of prefixes kept at each frame (Hannun et al. 2014, arXiv 1408.2873, algorithm 1, without a language model).
//! A prefix has two probabilities: that of its paths that end in a blank, and that of those that end in its last label.
//! Only after a blank does the same label again make the prefix longer.

use rustc_hash::FxHashMap;

use super::best_path::Labelling;
use super::posteriors::CtcPosteriors;
use crate::nn::Watch;

/// How far a label may fall behind the best of its frame to make prefixes longer.
const LABEL_BEAM: f32 = 12.0;
/// The prefix without labels.
const EMPTY: u32 = 0;

/// Prefixes as a tree: each has the one that it is longer than by its last label. Each is there once.
struct Prefixes {
    nodes: Vec<(u32, u32)>,
    numbers: FxHashMap<(u32, u32), u32>,
}

/// The logs of the probabilities of a prefix.
#[derive(Debug, Clone, Copy)]
struct Mass {
    /// Of the paths that end in a blank.
    blank: f64,
    /// Of those that end in its last label.
    label: f64,
}

impl Prefixes {
    /// The empty one alone; `blank` stands for its last label.
    fn new(blank: u32) -> Self {
        Self { nodes: vec![(EMPTY, blank)], numbers: FxHashMap::default() }
    }

    /// The number of the prefix that is `parent` and `label`.
    fn number(&mut self, (parent, label): (u32, u32)) -> u32 {
        *self.numbers.entry((parent, label)).or_insert_with(|| {
            self.nodes.push((parent, label));
            (self.nodes.len() - 1) as u32
        })
    }

    fn labels(&self, mut prefix: u32) -> Vec<u32> {
        let mut labels = Vec::new();
        while prefix != EMPTY {
            let (parent, label) = self.nodes[prefix as usize];
            labels.push(label);
            prefix = parent;
        }
        labels.reverse();
        labels
    }
}

impl Mass {
    const NONE: Self = Self { blank: f64::NEG_INFINITY, label: f64::NEG_INFINITY };

    fn total(self) -> f64 {
        log_add(self.blank, self.label)
    }
}

/// The log of the sum of two numbers given by their logs.
fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// The most probable labellings, at most `beams`, the best first; once `watch` stops, those of the frames until then.
pub fn search(posteriors: &CtcPosteriors, beams: usize, watch: &Watch) -> Vec<Labelling> {
    let blank = posteriors.blank();
    let mut prefixes = Prefixes::new(blank);
    let mut kept = vec![(EMPTY, Mass { blank: 0.0, label: f64::NEG_INFINITY })];
    // By the parent and the last label, so that only those that are kept get a number.
    let mut next: FxHashMap<(u32, u32), Mass> = FxHashMap::default();
    for t in 0..posteriors.frames() {
        if watch.is_stopped() {
            break;
        }
        let frame = posteriors.frame(t);
        let (_, best) = posteriors.best(t);
        let p = |label: u32| f64::from(frame[label as usize]);
        let near: Vec<u32> = (0..)
            .zip(frame)
            .filter(|&(label, &p)| label != blank && p >= best - LABEL_BEAM)
            .map(|(label, _)| label)
            .collect();
        next.clear();
        for &(prefix, mass) in &kept {
            let place = prefixes.nodes[prefix as usize];
            let (last, total) = (place.1, mass.total());
            let stays = next.entry(place).or_insert(Mass::NONE);
            stays.blank = log_add(stays.blank, total + p(blank));
            if prefix != EMPTY {
                stays.label = log_add(stays.label, mass.label + p(last));
            }
            for &label in &near {
                let before = if label == last { mass.blank } else { total };
                // No path leads there.
                if before == f64::NEG_INFINITY {
                    continue;
                }
                let longer = next.entry((prefix, label)).or_insert(Mass::NONE);
                longer.label = log_add(longer.label, before + p(label));
            }
        }
        let mut places: Vec<((u32, u32), Mass)> = next.drain().collect();
        // Equals in the order of their labels, so that the same sound has the same text.
        places.sort_by(|(a, one), (b, other)| other.total().total_cmp(&one.total()).then(a.cmp(b)));
        places.truncate(beams.max(1));
        kept.clear();
        for (place, mass) in places {
            let is_empty = place == (EMPTY, blank);
            kept.push((if is_empty { EMPTY } else { prefixes.number(place) }, mass));
        }
    }
    kept.into_iter()
        .map(|(prefix, mass)| Labelling { labels: prefixes.labels(prefix), log_prob: mass.total() })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ctc::best_path::collapse;

    const BLANK: u32 = 2;

    fn posteriors(rows: &[[f64; 3]]) -> CtcPosteriors {
        let values = rows.iter().flatten().map(|p| p.ln() as f32).collect();
        CtcPosteriors::new(values, 3, BLANK)
    }

    /// The probability of every labelling, by going through all paths.
    fn all(rows: &[[f64; 3]]) -> BTreeMap<Vec<u32>, f64> {
        let mut found = BTreeMap::new();
        for path in 0..3_usize.pow(rows.len() as u32) {
            let labels: Vec<u32> =
                (0..rows.len() as u32).map(|t| (path / 3_usize.pow(t) % 3) as u32).collect();
            let p: f64 = labels.iter().zip(rows).map(|(&label, row)| row[label as usize]).product();
            *found.entry(collapse(labels, BLANK)).or_insert(0.0) += p;
        }
        found
    }

    #[test]
    fn a_wide_search_finds_the_sum_over_all_paths_of_every_labelling() {
        let rows = [[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.45, 0.1, 0.45], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]];
        let expected = all(&rows);
        let found = search(&posteriors(&rows), 1000, &Watch::default());
        assert_eq!(found.len(), expected.len());
        for Labelling { labels, log_prob } in &found {
            assert!((log_prob.exp() - expected[labels]).abs() < 1e-6, "{labels:?}");
        }
        assert!(found.windows(2).all(|two| two[0].log_prob >= two[1].log_prob));
    }

    #[test]
    fn many_improbable_paths_beat_the_best_one() {
        // The best path is all blanks, with 0.36; the paths of one label `0` have 0.64 together.
        let rows = [[0.4, 0.0001, 0.5999]; 2];
        assert_eq!(posteriors(&rows).best(0).0, BLANK);
        let found = search(&posteriors(&rows), 8, &Watch::default());
        assert_eq!(found[0].labels, [0]);
        assert_eq!(found[1].labels, [0_u32; 0]);
    }

    #[test]
    fn a_label_comes_again_after_a_blank_only() {
        let [sure, none] = [[0.98, 0.01, 0.01], [0.01, 0.01, 0.98]];
        let best = |rows: &[[f64; 3]]| search(&posteriors(rows), 4, &Watch::default())[0].labels.clone();
        assert_eq!(best(&[sure, sure]), [0]);
        assert_eq!(best(&[sure, none, sure]), [0, 0]);
        assert_eq!(best(&[]), [0_u32; 0]);
    }

    #[test]
    fn at_most_the_beams_are_given() {
        let rows = [[0.4, 0.3, 0.3]; 6];
        assert_eq!(search(&posteriors(&rows), 3, &Watch::default()).len(), 3);
        assert_eq!(search(&posteriors(&rows), 0, &Watch::default()).len(), 1);
    }
}
