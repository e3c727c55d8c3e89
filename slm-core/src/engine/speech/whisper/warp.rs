//! From attention to times: which states each token of a text belongs to.
//!
//! The heads that follow the sound are smoothed and averaged, and the cheapest path through the map goes on by a token or
//! a state at a time. Paper of the path: Sakoe and Chiba 1978, *Dynamic programming algorithm optimization for spoken word
//! recognition*. Reference: transformers 5.23.0, `_median_filter`, `_dynamic_time_warping`.
//! Shapes: `N` heads, `L` tokens, `S` states.

/// Seconds of a state.
pub(super) const STATE_SECONDS: f64 = 0.02;

/// The map of several heads, `[N, L, S]`.
#[derive(Debug, Clone, Copy)]
pub struct AttentionMap<'a> {
    /// The weights.
    pub weights: &'a [f32],
    /// Heads, tokens and states.
    pub dims: [usize; 3],
}

impl AttentionMap<'_> {
    /// The second in which each of `tokens` begins to be looked for in the sound, of which there are `states`; `width` is
    /// that of the median filter. It is where the token before ends. Empty for a map without heads.
    pub fn times(&self, tokens: std::ops::Range<usize>, states: usize, width: usize) -> Vec<f64> {
        let [heads, all_tokens, all_states] = self.dims;
        let states = states.min(all_states);
        let tokens = tokens.start.min(all_tokens)..tokens.end.min(all_tokens);
        if heads == 0 || states == 0 || tokens.is_empty() {
            return Vec::new();
        }
        let mut mean = vec![0.0_f32; tokens.len() * states];
        for head in 0..heads {
            let row = |token: usize| &self.weights[(head * all_tokens + token) * all_states..][..states];
            let rows: Vec<&[f32]> = tokens.clone().map(row).collect();
            for (one, sum) in normed(&rows).chunks_exact(states).zip(mean.chunks_exact_mut(states)) {
                for (value, sum) in median_filtered(one, width).into_iter().zip(sum) {
                    *sum += value / heads as f32;
                }
            }
        }
        first_states(&mean, states).into_iter().map(|state| state as f64 * STATE_SECONDS).collect()
    }
}

/// Each state less its mean over the tokens, divided by its deviation, `[L, S]`.
fn normed(rows: &[&[f32]]) -> Vec<f32> {
    let count = rows.len() as f64;
    let states = rows.first().map_or(0, |row| row.len());
    let mut values = vec![0.0; rows.len() * states];
    for state in 0..states {
        let column = || rows.iter().map(|row| f64::from(row[state]));
        let mean = column().sum::<f64>() / count;
        let deviation = (column().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        // What is the same for all tokens says nothing.
        let scale = if deviation > 0.0 { deviation.recip() } else { 0.0 };
        for (token, value) in column().enumerate() {
            values[token * states + state] = ((value - mean) * scale) as f32;
        }
    }
    values
}

/// The median of `width` values around each; those past an end are mirrored. A row that is too short for that stays.
fn median_filtered(row: &[f32], width: usize) -> Vec<f32> {
    let (half, last) = (width / 2, row.len().saturating_sub(1));
    if row.len() <= half {
        return row.to_vec();
    }
    let mirrored = |at: isize| {
        let at = at.unsigned_abs();
        row[if at > last { 2 * last - at } else { at }]
    };
    (0..row.len() as isize)
        .map(|at| {
            let mut window: Vec<f32> = (at - half as isize..=at + half as isize).map(mirrored).collect();
            window.sort_by(f32::total_cmp);
            window[half]
        })
        .collect()
}

/// How a path came to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Both,
    Token,
    State,
}

/// The first state of each token on the path of the largest sum through a map `[L, S]`.
fn first_states(map: &[f32], states: usize) -> Vec<usize> {
    let tokens = map.len() / states;
    let mut before = vec![f32::INFINITY; states + 1];
    before[0] = 0.0;
    let mut steps = vec![Step::State; map.len()];
    for token in 0..tokens {
        let mut costs = vec![f32::INFINITY; states + 1];
        for state in 0..states {
            let (both, by_token, by_state) = (before[state], before[state + 1], costs[state]);
            let (cost, step) = if both < by_token && both < by_state {
                (both, Step::Both)
            } else if by_token < both && by_token < by_state {
                (by_token, Step::Token)
            } else {
                (by_state, Step::State)
            };
            costs[state + 1] = cost - map[token * states + state];
            steps[token * states + state] = step;
        }
        before = costs;
    }
    let mut first = vec![0; tokens];
    let (mut token, mut state) = (tokens - 1, states - 1);
    loop {
        first[token] = state;
        match steps[token * states + state] {
            _ if token == 0 && state == 0 => break,
            Step::Both if token > 0 && state > 0 => (token, state) = (token - 1, state - 1),
            Step::Token if token > 0 => token -= 1,
            _ if state > 0 => state -= 1,
            _ => token -= 1,
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_begin_where_their_heads_turn_to_them() {
        // Two heads look at states 0..3, 3..8 and 8..10 for three tokens.
        let looks = |token: usize, state: usize| [0..3, 3..8, 8..10][token].contains(&state);
        let one: Vec<f32> = (0..30).map(|at| if looks(at / 10, at % 10) { 0.9 } else { 0.01 }).collect();
        let weights = [one.clone(), one].concat();
        let map = AttentionMap { weights: &weights, dims: [2, 3, 10] };
        let states =
            |times: Vec<f64>| times.iter().map(|time| (time / STATE_SECONDS).round()).collect::<Vec<_>>();
        assert_eq!(states(map.times(0..3, 10, 1)), [0.0, 3.0, 8.0]);
        assert_eq!(states(map.times(1..3, 10, 1)), [0.0, 8.0]);
        assert!(AttentionMap { weights: &[], dims: [0, 3, 0] }.times(0..3, 10, 1).is_empty());
    }

    #[test]
    fn medians_mirror_the_ends() {
        assert_eq!(median_filtered(&[5.0, 1.0, 2.0, 9.0], 3), [1.0, 2.0, 2.0, 2.0]);
        assert_eq!(median_filtered(&[5.0, 1.0], 7), [5.0, 1.0]);
    }
}
