//! How much is told, and in which colours.

use clap::{Args, ValueEnum};

/// How much is told, and in which colours.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Terminal")]
pub(crate) struct MannerArgs {
    /// Tell errors only: no warnings, no counts, no bar
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell every warning by itself, and how long it took
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Colour words by how well the sound supports them: green, yellow, red [default: auto; `NO_COLOR` and
    /// `CLICOLOR_FORCE` are followed]
    #[arg(long, value_name = "WHEN")]
    pub(crate) color: Option<ColorChoice>,
}

/// How much is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Level {
    /// Errors.
    Quiet,
    /// Warnings too, those that are many together.
    #[default]
    Normal,
    /// All that there is to tell.
    Verbose,
}

/// When words are coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl MannerArgs {
    /// How much is told.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self { quiet: true, .. } => Level::Quiet,
            Self { verbose: true, .. } => Level::Verbose,
            _ => Level::Normal,
        }
    }
}
