//! Inputs, how answers are shown, and phrases that may be said.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use slm_core::Respelling;

use super::decoding::MAX_BEAMS;
use super::outputs::{Format, names};
use super::{ColorChoice, DecodeArgs, MannerArgs, OutputArgs, ReadingArgs, SegmentArgs, UsageError, numbers};

/// The most phrases of an instruction.
const MAX_TOP: i64 = 50;

/// The inputs, and how they are answered.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct InputArgs {
    /// Recordings: files, patterns such as `*.mp3`, folders with `--recursive`; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Take the audio files in the folders that are named, and in the folders in these
    #[arg(long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) segments: SegmentArgs,
    #[command(flatten)]
    pub(crate) manners: MannerArgs,
    /// Write one JSON record a line instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Write text as soon as it can no longer change
    #[arg(long, conflicts_with_all = ["json", "timestamps", "n_best"])]
    pub(crate) stream: bool,
    /// Write a line a segment or word, with the seconds where it begins and ends
    #[arg(long, value_name = "STRETCH", conflicts_with_all = ["json", "n_best"])]
    pub(crate) timestamps: Option<Stretches>,
    /// Write this many texts, with their scores, the best first
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_BEAMS))]
    pub(crate) n_best: Option<u16>,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    /// Stop at the first input that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Treat warnings about an input as its failure
    #[arg(long)]
    pub(crate) strict: bool,
}

impl InputArgs {
    /// What is done with folders.
    pub(crate) fn folders(&self) -> Folders {
        if self.recursive { Folders::Entered } else { Folders::Refused }
    }

    /// Refuses colours where no word has one.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        if self.manners.color != Some(ColorChoice::Always) {
            return Ok(());
        }
        let plain = match self {
            Self { json: true, .. } => "--json".to_owned(),
            Self { stream: true, .. } => "--stream".to_owned(),
            Self { timestamps: Some(Stretches::Segments), .. } => "--timestamps segments".to_owned(),
            Self { n_best: Some(2..), .. } => "--n-best".to_owned(),
            Self { outputs, .. } if outputs.output_dir.is_some() => "--output-dir".to_owned(),
            Self { outputs, .. } => match outputs.formats().as_slice() {
                [] | [Format::Txt] => return Ok(()),
                formats => format!("--format {}", names(formats)),
            },
        };
        Err(UsageError {
            message: format!("`--color always` has no effect on `{plain}`"),
            hint: Some("words are coloured in text, and in the lines of `--timestamps words`".into()),
        })
    }
}

/// What is done with folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folders {
    /// Nothing: naming one is an error.
    Refused,
    /// The audio files in them, and in the folders in them, are taken.
    Entered,
}

/// What has a line of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stretches {
    /// What went through the model at once, 30 s at most
    Segments,
    /// Words, of transcripts only
    Words,
}

/// Phrases that may be said, and what is done with them.
#[derive(Debug, Clone, Args)]
pub(crate) struct ContextArgs {
    #[command(flatten)]
    pub(crate) phrases: PhraseArgs,
    /// The most phrases that are put into the instruction of each 30 s [default: 5]
    #[arg(long, value_name = "N", requires = "PhraseArgs", value_parser = value_parser!(u16).range(1..=MAX_TOP))]
    pub(crate) context_top: Option<u16>,
    /// What each letter of a phrase that the sound supports counts while a transcript is searched with a CTC weight, 0 for
    /// nothing [default: as the bundle says]
    #[arg(long, value_name = "X", requires = "PhraseArgs", value_parser = numbers::not_negative)]
    pub(crate) context_boost: Option<f64>,
    /// What is done with a phrase that is heard and not written [default: by-sound; with `--stream` nothing]
    #[arg(long, value_name = "HOW", requires = "PhraseArgs", conflicts_with = "stream")]
    pub(crate) context_respell: Option<Respell>,
}

/// Where phrases come from. The parser knows these two by the name of this type: one at least is needed for the others.
#[derive(Debug, Clone, Args)]
pub(crate) struct PhraseArgs {
    /// A word or name that may be said; can be repeated
    #[arg(long = "phrase", value_name = "TEXT", conflicts_with = "task")]
    pub(crate) named: Vec<String>,
    /// A file of such, a line each; the few that the sound supports are put into the instruction
    #[arg(long, value_name = "FILE", conflicts_with = "task")]
    pub(crate) context: Option<PathBuf>,
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

impl PhraseArgs {
    /// Whether there may be phrases.
    pub(crate) fn is_given(&self) -> bool {
        self.context.is_some() || !self.named.is_empty()
    }
}
