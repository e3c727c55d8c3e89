//! Length reduction: which of the encoder's states reach the adapter.
//!
//! Papers: SLM, arXiv 2310.00230, section 3 (striding and random dropping); blank filtering, arXiv
//! 2307.03917; averaging of equal labels, Gaido et al., arXiv 2102.01578.
//! Shapes: `T` states of width `E` in; `T'` rows of width `E'` out.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::nn::EncodedSpeech;

/// How a sequence of states is made shorter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LengthReduction {
    /// Keeps every `every`-th state.
    Stride {
        /// States for one that is kept.
        every: usize,
    },
    /// Keeps each state with probability `keep` in training and every `1 / keep`-th otherwise.
    Random {
        /// The share that is kept.
        keep: f64,
    },
    /// Drops states that the CTC head calls blank.
    CtcBlank {
        /// A state is dropped when the blank's probability is over this.
        threshold: f32,
    },
    /// Averages each run of states with the same CTC label and drops the blanks: one row for one label.
    CtcAverage,
    /// Concatenates `count` neighbouring states.
    Stack {
        /// States for one row.
        count: usize,
    },
}

/// Rows for the adapter, row-major `[T', E']`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReducedSpeech {
    /// The values.
    pub rows: Vec<f32>,
    /// Width `E'`.
    pub width: usize,
    /// The index of the first state behind each row: the row's time.
    pub origins: Vec<usize>,
}

impl LengthReduction {
    /// Width of a row, for states of width `width`.
    pub fn output_width(self, width: usize) -> usize {
        match self {
            Self::Stack { count } => width * count,
            _ => width,
        }
    }

    /// Whether the CTC head's labels are needed.
    pub fn needs_ctc(self) -> bool {
        matches!(self, Self::CtcBlank { .. } | Self::CtcAverage)
    }

    /// What is wrong with the settings; empty when nothing is.
    pub fn problems(self) -> Vec<String> {
        let problem = match self {
            Self::Stride { every: 0 } => "`every` is 0".to_owned(),
            Self::Stack { count: 0 } => "`count` is 0".to_owned(),
            Self::Random { keep } if !(keep > 0.0 && keep <= 1.0) => {
                format!("`keep` {keep} is not in (0, 1]")
            }
            Self::CtcBlank { threshold } if !(0.0..=1.0).contains(&threshold) => {
                format!("`threshold` {threshold} is not in [0, 1]")
            }
            _ => return Vec::new(),
        };
        vec![problem]
    }

    /// Reduces one utterance for inference; it always leaves a row where there was a state.
    pub fn apply(self, speech: &EncodedSpeech) -> ReducedSpeech {
        match self {
            Self::Stride { every } => pick(speech, (0..speech.len()).step_by(every)),
            Self::Random { keep } => {
                let count = ((speech.len() as f64 * keep).round() as usize).max(1).min(speech.len());
                pick(speech, (0..count).map(|i| i * speech.len() / count))
            }
            Self::CtcBlank { threshold } => {
                let kept: Vec<usize> =
                    (0..speech.len()).filter(|&t| blank_at(speech, t) <= threshold).collect();
                if kept.is_empty() { pick(speech, least_blank(speech)) } else { pick(speech, kept) }
            }
            Self::CtcAverage => average_runs(speech),
            Self::Stack { count } => stack(speech, count),
        }
    }

    /// Reduces one utterance in training, where [`Self::Random`] draws.
    pub fn apply_in_training<R: Rng>(self, speech: &EncodedSpeech, rng: &mut R) -> ReducedSpeech {
        match self {
            Self::Random { keep } => {
                let kept: Vec<usize> = (0..speech.len()).filter(|_| rng.random_bool(keep)).collect();
                if kept.is_empty() { self.apply(speech) } else { pick(speech, kept) }
            }
            _ => self.apply(speech),
        }
    }
}

fn pick(speech: &EncodedSpeech, kept: impl IntoIterator<Item = usize>) -> ReducedSpeech {
    let origins: Vec<usize> = kept.into_iter().collect();
    let rows = origins.iter().flat_map(|&t| speech.state(t)).copied().collect();
    ReducedSpeech { rows, width: speech.width, origins }
}

/// The state that is the least likely blank: what is left of an utterance without a label.
fn least_blank(speech: &EncodedSpeech) -> Option<usize> {
    (0..speech.len()).min_by(|&a, &b| blank_at(speech, a).total_cmp(&blank_at(speech, b)))
}

/// The probability of the blank; that of an encoder without a CTC head, which is refused elsewhere, is 0.
fn blank_at(speech: &EncodedSpeech, state: usize) -> f32 {
    speech.ctc.get(state).map_or(0.0, |frame| frame.blank)
}

fn average_runs(speech: &EncodedSpeech) -> ReducedSpeech {
    let mut reduced = ReducedSpeech { rows: Vec::new(), width: speech.width, origins: Vec::new() };
    let mut start = 0;
    for run in speech.ctc.chunk_by(|before, after| before.label == after.label) {
        let states = start..start + run.len();
        start = states.end;
        if run.iter().all(|frame| frame.label == speech.blank) {
            continue;
        }
        let scale = 1.0 / run.len() as f32;
        let mut mean = vec![0.0; speech.width];
        reduced.origins.push(states.start);
        for t in states {
            for (sum, value) in mean.iter_mut().zip(speech.state(t)) {
                *sum += value * scale;
            }
        }
        reduced.rows.extend(mean);
    }
    if reduced.origins.is_empty() { pick(speech, least_blank(speech)) } else { reduced }
}

/// The last row is filled up with zeros.
fn stack(speech: &EncodedSpeech, count: usize) -> ReducedSpeech {
    let width = speech.width * count;
    let origins: Vec<usize> = (0..speech.len()).step_by(count).collect();
    let mut rows = speech.states.clone();
    rows.resize(origins.len() * width, 0.0);
    ReducedSpeech { rows, width, origins }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::CtcFrame;

    /// Five states of width 1, labels 3 3 blank 4 blank.
    fn speech() -> EncodedSpeech {
        let frame = |label: u32| CtcFrame { label, blank: if label == 9 { 0.9 } else { 0.1 } };
        EncodedSpeech {
            states: vec![1.0, 2.0, 3.0, 4.0, 5.0],
            width: 1,
            ctc: [3, 3, 9, 4, 9].map(frame).to_vec(),
            blank: 9,
        }
    }

    #[test]
    fn each_kind_keeps_what_it_says() {
        let rows = |reduction: LengthReduction| reduction.apply(&speech()).rows;
        assert_eq!(rows(LengthReduction::Stride { every: 2 }), [1.0, 3.0, 5.0]);
        assert_eq!(rows(LengthReduction::Random { keep: 0.4 }), [1.0, 3.0]);
        assert_eq!(rows(LengthReduction::CtcBlank { threshold: 0.5 }), [1.0, 2.0, 4.0]);
        assert_eq!(rows(LengthReduction::CtcAverage), [1.5, 4.0]);
        assert_eq!(rows(LengthReduction::Stack { count: 2 }), [1.0, 2.0, 3.0, 4.0, 5.0, 0.0]);
        assert_eq!(LengthReduction::CtcAverage.apply(&speech()).origins, [0, 3]);
    }

    #[test]
    fn an_utterance_of_blanks_keeps_one_state() {
        let mut silent = speech();
        for frame in &mut silent.ctc {
            frame.label = 9;
            frame.blank = 0.99;
        }
        silent.ctc[2].blank = 0.98;
        for reduction in [LengthReduction::CtcAverage, LengthReduction::CtcBlank { threshold: 0.5 }] {
            assert_eq!(reduction.apply(&silent).rows, [3.0]);
        }
    }
    /// Encoders without a CTC head are refused where models are joined; here they do no harm.
    #[test]
    fn without_labels_or_without_states_nothing_breaks() {
        let kinds = [
            LengthReduction::Stride { every: 2 },
            LengthReduction::Random { keep: 0.4 },
            LengthReduction::CtcBlank { threshold: 0.5 },
            LengthReduction::CtcAverage,
            LengthReduction::Stack { count: 2 },
        ];
        let unlabelled = EncodedSpeech { ctc: Vec::new(), ..speech() };
        let empty = EncodedSpeech { states: Vec::new(), ..unlabelled.clone() };
        for kind in kinds {
            assert!(!kind.apply(&unlabelled).rows.is_empty(), "{kind:?}");
            assert!(kind.apply(&empty).rows.is_empty(), "{kind:?}");
        }
    }
}
