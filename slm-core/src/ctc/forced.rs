//! The best path of given labels through CTC posteriors.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*, section 4.1, with the maximum in place of the
//! sum (Viterbi). Shapes: `T` frames, `V` labels, `L` labels of the text.

use super::posteriors::CtcPosteriors;

/// Where one label of a text was emitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Emission {
    /// Its first frame.
    pub first: usize,
    /// Its last frame.
    pub last: usize,
}

/// The best path of a text through the posteriors.
#[derive(Debug, Clone, PartialEq)]
pub struct ForcedPath {
    /// One entry a label of the text.
    pub emissions: Vec<Emission>,
    /// For each frame how much less probable the path's label is than the best one: the log of their ratio, 0 or less.
    pub support: Vec<f32>,
}

/// Lays `labels` onto the posteriors; `None` where there are too few frames for them, a label is unknown or the blank.
pub fn align(posteriors: &CtcPosteriors, labels: &[u32]) -> Option<ForcedPath> {
    let (frames, blank) = (posteriors.frames(), posteriors.blank());
    if labels.iter().any(|&label| label == blank || label as usize >= posteriors.labels()) {
        return None;
    }
    // State 2i is the blank before label i, state 2i + 1 the label.
    let states = 2 * labels.len() + 1;
    let label_of = |state: usize| if state.is_multiple_of(2) { blank } else { labels[state / 2] };
    let mut best = vec![f64::NEG_INFINITY; states];
    // How many states the path moved on to get to a state, frame by frame.
    let mut moves: Vec<u8> = Vec::with_capacity(frames * states);
    for t in 0..frames {
        let frame = posteriors.frame(t);
        let mut next = vec![f64::NEG_INFINITY; states];
        for (state, value) in next.iter_mut().enumerate() {
            let skips = state % 2 == 1 && state > 1 && label_of(state) != label_of(state - 2);
            let (step, from) = if t == 0 {
                // A path begins in one of the first two states.
                (0, if state < 2 { 0.0 } else { f64::NEG_INFINITY })
            } else {
                (0..=1 + usize::from(skips))
                    .filter(|&step| step <= state)
                    .map(|step| (step, best[state - step]))
                    .fold((0, f64::NEG_INFINITY), |kept, one| if one.1 > kept.1 { one } else { kept })
            };
            moves.push(step as u8);
            *value = from + f64::from(frame[label_of(state) as usize]);
        }
        best = next;
    }
    let last = states - 1;
    let mut state = match best.len() {
        0 | 1 => last,
        _ if best[last - 1] > best[last] => last - 1,
        _ => last,
    };
    if frames == 0 || best[state] == f64::NEG_INFINITY {
        return None;
    }
    let mut emissions = vec![Emission { first: 0, last: 0 }; labels.len()];
    let mut seen = vec![false; labels.len()];
    let mut support = vec![0.0; frames];
    for t in (0..frames).rev() {
        support[t] = posteriors.frame(t)[label_of(state) as usize] - posteriors.best(t).1;
        if state % 2 == 1 {
            let emission = &mut emissions[state / 2];
            emission.first = t;
            if !seen[state / 2] {
                (seen[state / 2], emission.last) = (true, t);
            }
        }
        state -= usize::from(moves[t * states + state]);
    }
    Some(ForcedPath { emissions, support })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::best_path::collapse;

    /// Frames that are sure of one label each, but for a little left to the others.
    fn posteriors(labels: &[u32], count: usize, blank: u32) -> CtcPosteriors {
        let rest = 0.1 / (count - 1) as f32;
        let rows = labels.iter().flat_map(|&best| {
            (0..count as u32).map(move |label| if label == best { 0.9_f32 } else { rest }.ln())
        });
        CtcPosteriors::new(rows.collect(), count, blank)
    }

    /// The log of the path's probability over that of the best path of all.
    fn total_support(path: &ForcedPath) -> f64 {
        path.support.iter().map(|&ratio| f64::from(ratio)).sum()
    }

    #[test]
    fn the_labels_of_the_best_path_lie_on_it() {
        let best = [4, 0, 0, 4, 1, 1, 4, 1, 2, 4];
        let path = align(&posteriors(&best, 5, 4), &[0, 1, 1, 2]).unwrap();
        let frames: Vec<(usize, usize)> = path.emissions.iter().map(|e| (e.first, e.last)).collect();
        assert_eq!(frames, [(1, 2), (4, 5), (7, 7), (8, 8)]);
        assert!(total_support(&path).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_fit_has_no_path() {
        let sound = posteriors(&[4, 0, 1], 5, 4);
        assert!(align(&sound, &[0, 1, 2, 3]).is_none());
        // A repeated label needs a blank between.
        assert!(align(&sound, &[0, 0, 0]).is_none());
        assert!(align(&sound, &[4]).is_none() && align(&sound, &[9]).is_none());
        let silent = align(&sound, &[]).unwrap();
        assert!(total_support(&silent) < -5.0);
    }

    /// Against the best of all paths of a small lattice.
    #[test]
    fn no_path_is_better() {
        let (frames, count, blank) = (6, 3_u32, 2);
        let values: Vec<f32> =
            (0..frames * count as usize).map(|i| ((i * 37 % 11) as f32 * 0.4).sin()).collect();
        let rows: Vec<f32> = values
            .chunks(count as usize)
            .flat_map(|row| {
                let sum: f32 = row.iter().map(|x| x.exp()).sum();
                row.iter().map(move |x| x - sum.ln()).collect::<Vec<_>>()
            })
            .collect();
        let posteriors = CtcPosteriors::new(rows, count as usize, blank);
        let ceiling: f64 = (0..frames).map(|t| f64::from(posteriors.best(t).1)).sum();
        for text in [&[0_u32][..], &[0, 1], &[1, 1], &[0, 1, 0], &[]] {
            let mut best = f64::NEG_INFINITY;
            for path in 0..count.pow(frames as u32) {
                let labels: Vec<u32> = (0..frames as u32).map(|t| path / count.pow(t) % count).collect();
                if collapse(labels.iter().copied(), blank) == text {
                    let sum = |(t, &l): (usize, &u32)| f64::from(posteriors.frame(t)[l as usize]);
                    best = best.max(labels.iter().enumerate().map(sum).sum());
                }
            }
            let found = total_support(&align(&posteriors, text).unwrap()) + ceiling;
            assert!((found - best).abs() < 1e-5, "{text:?}: {found} {best}");
        }
    }
}
