//! Length reduction: which of the encoder's states reach the adapter.
//!
//! Papers: SLM, arXiv 2310.00230, section 3 (striding and random dropping); blank filtering, arXiv
//! 2307.03917; averaging of equal labels, Gaido et al., arXiv 2102.01578. A row for each of the language model's own
//! tokens does what LegoSLM (arXiv 2505.11352) does by a CTC head over its vocabulary, with the head that is there.
//! Shapes: `T` states of width `E` in; `T'` rows of width `E'` out.

use std::ops::Range;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::nn::EncodedSpeech;

/// How a sequence of states is made shorter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
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
    /// Cuts the text that the CTC head hears into the language model's tokens: a row for each is the average of the states
    /// behind it, with the token's embedding beside them.
    LlmTokens,
    /// Concatenates `count` neighbouring states.
    Stack {
        /// States for one row.
        count: usize,
    },
}

/// A token of the language model in what the CTC head hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardToken {
    /// Its id.
    pub id: u32,
    /// The states behind it.
    pub states: Range<usize>,
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
    /// The token of the language model that each row stands for, whose embedding belongs beside it; empty where rows stand
    /// for none.
    pub tokens: Vec<u32>,
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
        matches!(self, Self::CtcBlank { .. } | Self::CtcAverage) || self.needs_texts()
    }

    /// Whether a tokenizer has to say what the CTC head's labels spell.
    pub fn needs_texts(self) -> bool {
        self == Self::LlmTokens
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

    /// Reduces one utterance for inference; it always leaves a row where there was a state. `tokens` are those that are
    /// heard, in their order; [`Self::LlmTokens`] alone reads them.
    pub fn apply(self, speech: &EncodedSpeech, tokens: &[HeardToken]) -> ReducedSpeech {
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
            Self::LlmTokens => {
                let spans: Vec<_> = tokens.iter().map(|token| token.states.clone()).collect();
                let tokens = tokens.iter().map(|token| token.id).collect();
                ReducedSpeech { tokens, ..average(speech, &spans) }
            }
            Self::Stack { count } => stack(speech, count),
        }
    }

    /// Reduces one utterance in training, where [`Self::Random`] draws.
    pub fn apply_in_training<R: Rng>(
        self,
        speech: &EncodedSpeech,
        tokens: &[HeardToken],
        rng: &mut R,
    ) -> ReducedSpeech {
        if let Self::Random { keep } = self {
            let kept: Vec<usize> = (0..speech.len()).filter(|_| rng.random_bool(keep)).collect();
            if !kept.is_empty() {
                return pick(speech, kept);
            }
        }
        self.apply(speech, tokens)
    }
}

fn pick(speech: &EncodedSpeech, kept: impl IntoIterator<Item = usize>) -> ReducedSpeech {
    let origins: Vec<usize> = kept.into_iter().collect();
    let rows = origins.iter().flat_map(|&t| speech.state(t)).copied().collect();
    ReducedSpeech { rows, width: speech.width, origins, tokens: Vec::new() }
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
    let mut spans = Vec::new();
    let mut start = 0;
    for run in speech.ctc.chunk_by(|before, after| before.label == after.label) {
        let states = start..start + run.len();
        start = states.end;
        if run.iter().any(|frame| frame.label != speech.blank) {
            spans.push(states);
        }
    }
    if spans.is_empty() { pick(speech, least_blank(speech)) } else { average(speech, &spans) }
}

/// The average of each span of states.
fn average(speech: &EncodedSpeech, spans: &[Range<usize>]) -> ReducedSpeech {
    let mut rows = vec![0.0; spans.len() * speech.width];
    for (span, row) in spans.iter().zip(rows.chunks_exact_mut(speech.width.max(1))) {
        let scale = 1.0 / span.len() as f32;
        for t in span.clone() {
            for (sum, value) in row.iter_mut().zip(speech.state(t)) {
                *sum += value * scale;
            }
        }
    }
    let origins = spans.iter().map(|span| span.start).collect();
    ReducedSpeech { rows, width: speech.width, origins, tokens: Vec::new() }
}

/// The last row is filled up with zeros.
fn stack(speech: &EncodedSpeech, count: usize) -> ReducedSpeech {
    let width = speech.width * count;
    let origins: Vec<usize> = (0..speech.len()).step_by(count).collect();
    let mut rows = speech.states.clone();
    rows.resize(origins.len() * width, 0.0);
    ReducedSpeech { rows, width, origins, tokens: Vec::new() }
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
        let rows = |reduction: LengthReduction| reduction.apply(&speech(), &[]).rows;
        assert_eq!(rows(LengthReduction::Stride { every: 2 }), [1.0, 3.0, 5.0]);
        assert_eq!(rows(LengthReduction::Random { keep: 0.4 }), [1.0, 3.0]);
        assert_eq!(rows(LengthReduction::CtcBlank { threshold: 0.5 }), [1.0, 2.0, 4.0]);
        assert_eq!(rows(LengthReduction::CtcAverage), [1.5, 4.0]);
        assert_eq!(rows(LengthReduction::Stack { count: 2 }), [1.0, 2.0, 3.0, 4.0, 5.0, 0.0]);
        assert_eq!(LengthReduction::CtcAverage.apply(&speech(), &[]).origins, [0, 3]);
    }

    #[test]
    fn a_token_of_the_language_model_has_the_average_of_its_states() {
        let heard = |id, states| HeardToken { id, states };
        let tokens = [heard(7, 0..2), heard(8, 0..2), heard(9, 3..4)];
        let reduced = LengthReduction::LlmTokens.apply(&speech(), &tokens);
        assert_eq!(
            (reduced.rows.as_slice(), reduced.tokens.as_slice()),
            (&[1.5, 1.5, 4.0][..], &[7, 8, 9][..])
        );
        assert_eq!(reduced.origins, [0, 0, 3]);
        assert!(LengthReduction::LlmTokens.needs_ctc());
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
            assert_eq!(reduction.apply(&silent, &[]).rows, [3.0]);
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
            assert!(!kind.apply(&unlabelled, &[]).rows.is_empty(), "{kind:?}");
            assert!(kind.apply(&empty, &[]).rows.is_empty(), "{kind:?}");
        }
    }
}
