//! How long the utterances of a corpus are to the adapter, guessed from a few of them.

use crate::data::rows::Rows;

/// Utterances that are looked at.
const LOOKED_AT: usize = 16;
/// Seconds, squared, by which these have to differ for a length to depend on them.
const SPREAD: f64 = 1e-6;

/// Rows of an utterance by its seconds: a line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Guess {
    at_once: f64,
    each_second: f64,
}

/// Utterances from the shortest to the longest.
pub(super) fn some(rows: &Rows) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| rows.seconds(a).total_cmp(&rows.seconds(b)));
    let last = order.len().saturating_sub(1);
    let place = |n: usize| n * last / (LOOKED_AT - 1);
    let mut some: Vec<usize> = (0..LOOKED_AT).filter_map(|n| order.get(place(n)).copied()).collect();
    some.sort_unstable();
    some.dedup();
    some
}

impl Guess {
    /// The line nearest to utterances of which seconds and rows are known.
    pub(super) fn from_known(known: &[(f64, usize)]) -> Self {
        let count = known.len().max(1) as f64;
        let mean = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
            known.iter().map(|&(seconds, rows)| value(seconds, rows as f64)).sum::<f64>() / count
        };
        let (seconds, rows) = (mean(&|seconds, _| seconds), mean(&|_, rows| rows));
        let spread = mean(&|other, _| (other - seconds).powi(2));
        let together = mean(&|other, of_other| (other - seconds) * (of_other - rows));
        let each_second = if spread > SPREAD { together / spread } else { 0.0 };
        Self { at_once: rows - each_second * seconds, each_second }
    }

    /// The rows of an utterance of so many seconds.
    pub(super) fn rows(self, seconds: f64) -> usize {
        (self.at_once + self.each_second * seconds).round().max(1.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::manifest::Utterance;

    #[test]
    fn rows_follow_from_seconds_where_they_do() {
        let line = Guess::from_known(&[(1.0, 13), (2.0, 25), (4.0, 50), (8.0, 100)]);
        for (seconds, expected) in [(1.0, 13), (3.0, 38), (20.0, 250)] {
            assert!(line.rows(seconds).abs_diff(expected) <= 1, "{seconds}: {line:?}");
        }
        let window = Guess::from_known(&[(1.0, 1500), (2.0, 1500), (30.0, 1500)]);
        assert_eq!((window.rows(5.0), window.rows(29.0)), (1500, 1500));
        let one = Guess::from_known(&[(2.0, 7)]);
        assert_eq!(one.rows(9.0), 7);
        assert_eq!(Guess::default().rows(3.0), 1);
    }

    #[test]
    fn the_shortest_and_the_longest_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let rows = |count: usize| {
            let row =
                |n: usize| Utterance { duration: 1.0 + ((n * 7) % count) as f64, ..Utterance::default() };
            Rows::keep(dir.path(), &(0..count).map(row).collect::<Vec<_>>()).unwrap()
        };
        let many = rows(100);
        let some = some(&many);
        assert_eq!(some.len(), LOOKED_AT);
        let seconds: Vec<f64> = some.iter().map(|&row| many.seconds(row)).collect();
        assert!(seconds.contains(&1.0) && seconds.contains(&100.0), "{seconds:?}");
        assert_eq!(super::some(&rows(3)), [0, 1, 2]);
        assert!(super::some(&Rows::keep(dir.path(), &[]).unwrap()).is_empty());
    }
}
