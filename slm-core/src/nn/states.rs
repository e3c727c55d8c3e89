//! The host-side form in which the outputs of a speech encoder are kept.
//!
//! Shapes: `T'` states of width `E`.

/// What the encoder's CTC head says of one state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CtcFrame {
    /// The most probable label.
    pub label: u32,
    /// The probability of the blank.
    pub blank: f32,
}

/// The encoder's output for one utterance, on the host: small, storable, the same for every backend.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedSpeech {
    /// Hidden states, row-major `[T', E]`.
    pub states: Vec<f32>,
    /// Width `E`.
    pub width: usize,
    /// One entry a state; empty when the encoder has no CTC head.
    pub ctc: Vec<CtcFrame>,
    /// The blank label.
    pub blank: u32,
}

impl EncodedSpeech {
    /// The number of states, `T'`.
    pub fn len(&self) -> usize {
        self.states.len() / self.width.max(1)
    }

    /// Whether there is no state.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// State `t`, of `E` values.
    pub fn state(&self, t: usize) -> &[f32] {
        &self.states[t * self.width..(t + 1) * self.width]
    }
}
