//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};
use slm_core::decode::{DecodeConfig, settings};
use slm_core::weights::ComputeType;

/// The most tokens an answer may have.
pub(crate) const MAX_NEW_TOKENS: i64 = settings::MAX_NEW_TOKENS as i64;
/// The most beams.
pub(crate) const MAX_BEAMS: i64 = settings::MAX_BEAMS as i64;

/// Transcribe, translate and ask questions of speech.
#[derive(Debug, Parser)]
#[command(name = "slm-cli", version, about)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which model, and where it runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
    /// Backend to compute on; `slm-cli devices` lists them [default: the first of this build]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) backend: Option<String>,
    /// Type of the large matrices: f32, f16 or bf16, where the backend computes in it; the rest is f32 always
    #[arg(long, value_name = "TYPE", global = true, default_value = "f32", value_parser = compute_type)]
    pub(crate) dtype: ComputeType,
    /// Folder of the model [default: the nearest `weights/slm-tiny`, else the one in the program]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) bundle: Option<PathBuf>,
}

/// The type of this name.
fn compute_type(name: &str) -> Result<ComputeType, String> {
    let names = ComputeType::ALL.map(ComputeType::name).join(", ");
    let found = ComputeType::ALL.into_iter().find(|compute| compute.name() == name);
    found.ok_or_else(|| format!("types are {names}"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write down what is said
    Transcribe(TranscribeArgs),
    /// Translate what is said
    Translate(TranslateArgs),
    /// Answer a question about what is said
    Ask(AskArgs),
    /// Follow an instruction about what is said
    Run(RunArgs),
    /// List the backends, and the devices they find
    Devices,
    /// Check the backends against reference numbers, and measure them
    Doctor(DoctorArgs),
    /// Download a folder of the Hugging Face hub
    Fetch(FetchArgs),
    /// Describe the model, or the limits on inputs
    Info(InfoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TranscribeArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Another task of the model, such as `reply`, `continue` or `field.name`
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// A word or name that may be said; can be repeated
    #[arg(long = "phrase", value_name = "TEXT", conflicts_with = "task")]
    pub(crate) phrases: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// Language to translate to, such as `german`
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// The question
    pub(crate) question: String,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The instruction, put after the speech
    #[arg(long, value_name = "TEXT")]
    pub(crate) instruction: String,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Write one JSON record a backend
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// The repository, such as `google/flan-t5-base`
    #[arg(value_name = "REPO")]
    pub(crate) repo: String,
    /// Branch, tag or commit
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) revision: String,
    /// Folder for the files [default: the repository's name]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The hub's address [default: `HF_ENDPOINT`, else https://huggingface.co]
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Only files of such names, where `*` stands for any text; can be repeated
    #[arg(long, value_name = "PATTERN", conflicts_with = "all")]
    pub(crate) include: Vec<String>,
    /// Every file, and not what SLM reads alone
    #[arg(long)]
    pub(crate) all: bool,
    /// Replace files that are there with another content
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// A bundle, a speech encoder or a language model [default: the bundle that the other commands use]
    #[arg(value_name = "DIR", conflicts_with = "bundle")]
    pub(crate) dir: Option<PathBuf>,
    /// Also load everything and check it, every tensor included
    #[arg(long)]
    pub(crate) load: bool,
    /// Write one JSON record
    #[arg(long)]
    pub(crate) json: bool,
    /// Show the limits on inputs instead
    #[arg(long, conflicts_with_all = ["dir", "load"])]
    pub(crate) limits: bool,
}

/// The inputs, and how they are answered.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// WAV files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write one JSON record a line instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Search with this many beams; 1 is greedy [default: as the bundle says]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_BEAMS))]
    pub(crate) beam: Option<u16>,
    /// Most tokens of an answer (of each 30 s when transcribing or translating) [default: as the bundle says]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_NEW_TOKENS))]
    pub(crate) max_new_tokens: Option<u16>,
    /// Stop at the first input that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Treat warnings about an input as its failure
    #[arg(long)]
    pub(crate) strict: bool,
}

impl InputArgs {
    /// The way of decoding that `bundle` asks for, with what was chosen in its place.
    pub(crate) fn decode(&self, bundle: DecodeConfig) -> DecodeConfig {
        let mut decode = bundle;
        if let Some(size) = self.beam {
            decode.strategy = decode.strategy.with_beams(size.into());
        }
        if let Some(count) = self.max_new_tokens {
            decode.max_new_tokens = count.into();
        }
        decode
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use slm_core::decode::Strategy;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_go_before_and_after_the_verb() {
        for line in [
            "slm-cli --backend flex --bundle b transcribe a.wav",
            "slm-cli transcribe --backend flex a.wav --bundle b",
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.model.backend.as_deref(), Some("flex"));
            assert_eq!(cli.model.bundle, Some(PathBuf::from("b")));
        }
    }

    #[test]
    fn verbs_take_their_arguments() {
        let cli = parse("slm-cli ask who a.wav b.wav --json --beam 4").unwrap();
        let Command::Ask(ask) = cli.command else {
            panic!("expected ask");
        };
        assert_eq!(ask.question, "who");
        assert_eq!(ask.inputs.files.len(), 2);
        let strategy = Strategy::Beam { size: 2, length_penalty: 0.5 };
        let bundle = DecodeConfig { strategy, max_new_tokens: 50, ..DecodeConfig::default() };
        let decode = ask.inputs.decode(bundle);
        assert_eq!(decode.strategy, Strategy::Beam { size: 4, length_penalty: 0.5 });
        assert_eq!(decode.max_new_tokens, 50);
        assert!(parse("slm-cli translate --to german a.wav").is_ok());
        assert!(parse("slm-cli run --instruction reply a.wav").is_ok());
        assert!(parse("slm-cli devices").is_ok());
        assert!(parse("slm-cli --backend flex doctor --json").is_ok());
        assert!(parse("slm-cli info --limits").is_ok());
        assert!(parse("slm-cli fetch google/flan-t5-base --out x --include *.json --force").is_ok());
        assert!(parse("slm-cli info some/folder --load").is_ok());
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "slm-cli",
            "slm-cli transcribe",
            "slm-cli ask who",
            "slm-cli translate a.wav",
            "slm-cli transcribe a.wav --beam 0",
            "slm-cli info some/folder --limits",
            "slm-cli transcribe a.wav --max-new-tokens 449",
            "slm-cli transcribe a.wav --task reply --phrase anna",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
