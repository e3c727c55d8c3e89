//! Inputs, how answers are shown, and phrases that may be said.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use slm_core::task::Respelling;

use super::DecodeArgs;

/// The most phrases of an instruction.
const MAX_TOP: i64 = 50;

/// The inputs, and how they are answered.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct InputArgs {
    /// WAV files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write one JSON record a line instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Write text as soon as it can no longer change
    #[arg(long, conflicts_with_all = ["json", "timestamps"])]
    pub(crate) stream: bool,
    /// Write a line a segment or word, with the seconds where it begins and ends
    #[arg(long, value_name = "STRETCH", conflicts_with = "json")]
    pub(crate) timestamps: Option<Stretches>,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    /// Stop at the first input that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Treat warnings about an input as its failure
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What has a line of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stretches {
    /// What went through the model at once, 30 s at most
    Segments,
    /// Words, of transcripts only
    Words,
}

/// Phrases that may be said.
#[derive(Debug, Clone, Args)]
pub(crate) struct ContextArgs {
    /// A word or name that may be said; can be repeated
    #[arg(long = "phrase", value_name = "TEXT", conflicts_with = "task")]
    pub(crate) phrases: Vec<String>,
    /// A file of such, a line each; the few that the sound supports are put into the instruction
    #[arg(long, value_name = "FILE", conflicts_with = "task")]
    pub(crate) context: Option<PathBuf>,
    /// The most phrases that are put into the instruction of each 30 s
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u16).range(1..=MAX_TOP))]
    pub(crate) context_top: u16,
    /// Also favour those phrases when tokens are chosen, by this much a token, such as 1
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub(crate) context_boost: f32,
    /// What is done with a phrase that is heard and not written; nothing with `--stream`
    #[arg(long, value_name = "HOW", default_value = "by-sound")]
    pub(crate) context_respell: Respell,
}

/// What is done with a phrase that is heard and not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Respell {
    /// Nothing
    Off,
    /// It takes the place of the words that were said at its time
    BySound,
}

impl From<Respell> for Respelling {
    fn from(respell: Respell) -> Self {
        match respell {
            Respell::Off => Self::Off,
            Respell::BySound => Self::BySound,
        }
    }
}

impl ContextArgs {
    /// Whether there may be phrases.
    pub(crate) fn is_given(&self) -> bool {
        self.context.is_some() || !self.phrases.is_empty()
    }
}
