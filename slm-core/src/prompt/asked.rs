//! What a language model is asked about speech.

use super::dialog::Dialog;
use super::template::Instruction;
use crate::checkpoint::PromptExample;

/// What a language model is asked about speech.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Examples of the task, which go before all else.
    pub examples: Vec<PromptExample>,
    /// What was said before, where it is not told in the words of the instruction.
    pub dialog: Dialog,
    /// The instruction around the speech.
    pub instruction: Instruction,
}

impl From<Instruction> for Asked {
    fn from(instruction: Instruction) -> Self {
        Self { instruction, ..Self::default() }
    }
}
