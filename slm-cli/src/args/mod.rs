//! The command line.

mod check;
mod decoding;
mod inputs;
mod manners;
mod numbers;
mod outputs;
mod reading;
mod segments;
mod usage;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use slm_core::ComputeType;

pub(crate) use decoding::DecodeArgs;
pub(crate) use inputs::{ContextArgs, Folders, InputArgs, Stretches};
pub(crate) use manners::{ColorChoice, Level, MannerArgs};
pub(crate) use outputs::{Format, Layout, OutputArgs};
pub(crate) use reading::{ChannelChoice, ReadingArgs};
pub(crate) use segments::SegmentArgs;
pub(crate) use usage::UsageError;

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
    /// Type of the large matrices: f32, f16 or bf16, where the backend computes in it, or on flex q8_0 (int8), q4_k or q4_0,
    /// which leave what the files have in few bits as it is; the rest is f32 always [default: mixed: what the files have in
    /// few bits stays so on flex, all else is f32]
    #[arg(long, value_name = "TYPE", global = true, value_parser = compute_type)]
    pub(crate) dtype: Option<ComputeType>,
    /// Memory that work may take beside the weights, such as 800M or 4G: how long audio for a question may be follows
    /// from it [default: half of what is free]
    #[arg(long, value_name = "BYTES", global = true, value_parser = numbers::bytes)]
    pub(crate) memory: Option<u64>,
    /// The model: a folder or a `.nemo` file of any kind that answers, `slm-cli models` lists published ones [default: the
    /// nearest `weights/slm-tiny`, else the one in the program]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) bundle: Option<PathBuf>,
    /// Answer with the adapter in this folder: a LoRA adapter of PEFT for the language model, an adapter as a bundle has it, or
    /// both; or another bundle, whose adapter it is
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) adapter: Option<PathBuf>,
    /// Other phrasings of instructions: a JSON file of the form of `templates` in a bundle's `slm.json`
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) templates: Option<PathBuf>,
}

impl ModelArgs {
    /// The type of the large matrices.
    pub(crate) fn compute(&self) -> ComputeType {
        self.dtype.unwrap_or(ComputeType::Mixed)
    }
}

/// The type of this name.
fn compute_type(name: &str) -> Result<ComputeType, String> {
    let names = ComputeType::ALL.map(ComputeType::name).join(", ");
    let name = if name == "int8" { ComputeType::Q8_0.name() } else { name };
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
    /// Say what the speaker would say next
    Continue(ContinueArgs),
    /// Talk with the model, by recordings or by typing
    Chat(ChatArgs),
    /// Follow an instruction about what is said
    Run(RunArgs),
    /// List the backends, and the devices they find
    Devices,
    /// Check the backends against reference numbers and measure them, or check whether a model has all that it needs
    Doctor(DoctorArgs),
    /// Have a backend compile what it needs ahead, so that the first recording does not wait for it
    Warmup,
    /// Download a folder of the Hugging Face hub
    Fetch(FetchArgs),
    /// Describe the model, or the limits on inputs
    Info(InfoArgs),
    /// Store a model with its large matrices in few bits, so that it is smaller and loads so at once
    Quantize(QuantizeArgs),
    /// List the published models that can be fetched: what they can do, and what they take
    Models(ModelsArgs),
    /// Write what a shell needs to complete command lines
    Completions(CompletionsArgs),
    /// Write the manual
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TranscribeArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    /// Another task of the model, such as `reply`, `continue` or `field.name`
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// The language that is spoken, such as `german` or `de`, for a model that is told it [default: as the model hears it, where it can]
    #[arg(long, value_name = "LANGUAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) language: Option<String>,
    #[command(flatten)]
    pub(crate) context: ContextArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ContinueArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// Recordings, a turn each, `-` being standard input; without any, turns are read there: a line of text, or `/file
    /// FILE`
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write one JSON record a turn instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Words of earlier turns that the instruction has at most
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) history: usize,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) segments: SegmentArgs,
    #[command(flatten)]
    pub(crate) manners: MannerArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// Language to translate to, such as `german`
    #[arg(long, value_name = "LANGUAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) to: String,
    /// The language that is spoken, such as `german` or `de`, for a model that is told it [default: as the model hears it, where it can]
    #[arg(long, value_name = "LANGUAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) language: Option<String>,
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
    /// A model, which is checked in the place of the backends: a folder, or a `.nemo` or `.gguf` file
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Write one JSON record a backend, or a finding
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
    /// The file of the model, where a repository has several that each hold one: a `.gguf` or `.nemo` file
    #[arg(long, value_name = "NAME", conflicts_with_all = ["include", "all"])]
    pub(crate) file: Option<String>,
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
    /// A model of any kind: a folder, or a `.nemo` or `.gguf` file [default: the bundle that the other commands use]
    #[arg(value_name = "DIR")]
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

#[derive(Debug, Args)]
pub(crate) struct QuantizeArgs {
    /// The model: a bundle, a folder as the hub has it, or a `.gguf` file; `--dtype` says which type its matrices get
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Folder for the result, which must not be there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Write a table in Markdown, as the one in the README
    #[arg(long)]
    pub(crate) markdown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for a page a command [default: the page of the program, to standard output]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
