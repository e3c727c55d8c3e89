//! The command line of `slm-train`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use slm_train::data::corpus::Split;
use slm_train::data::mixture::Filter;
use slm_train::data::vocabulary::Purpose;
use slm_train::eval::normalise::Normaliser;

/// Makes corpora, trains the parts of an SLM bundle, and evaluates it.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    /// Where tensors live: flex, wgpu, ndarray, tch-cpu, tch-cuda, tch-mps or cuda.
    #[arg(long, default_value = "flex", global = true)]
    pub(crate) backend: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a speech corpus of the domain's sentences with espeak-ng and flite.
    Synth(SynthArgs),
    /// Checks training data and sums up what it has.
    Validate(ValidateArgs),
    /// Trains a tokenizer of the reference model on the domain's sentences.
    Tokenizer(TokenizerArgs),
    /// Trains a small Conformer encoder with CTC.
    Ctc(StageArgs),
    /// Trains layers with a CTC head on top of a frozen encoder that has none.
    CtcLayers(StageArgs),
    /// Trains a small T5 on text tasks.
    Text(StageArgs),
    /// Trains the adapter between a frozen encoder and a frozen language model.
    Adapter(AdapterArgs),
    /// Writes the result of a run with the mean of several of its checkpoints.
    Average(AverageArgs),
    /// Shows the settings in which runs differ, and what came of them.
    Compare(CompareArgs),
    /// Writes `report.html` of runs: curves, samples and settings.
    Report(ReportArgs),
    /// Scores a bundle on a manifest, by speech and by the true text.
    Eval(EvalArgs),
}

/// Arguments of `synth`.
#[derive(Debug, Args)]
pub(crate) struct SynthArgs {
    /// Folder of the corpus; `manifest.jsonl` and `wav/` go there.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Which sentences and voices.
    #[arg(long, value_enum)]
    pub(crate) split: Split,
    /// Utterances.
    #[arg(long)]
    pub(crate) count: u64,
    /// Seed of sentences and takes.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// No noise and no rooms.
    #[arg(long)]
    pub(crate) clean: bool,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Manifests (JSON lines, tables of Common Voice and CoVoST 2, Lhotse cuts), LibriSpeech folders or tar shards. With
    /// `--tasks`, `NAME=PATH` for a source that tasks name.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) sources: Vec<PathBuf>,
    /// The folder that holds all audio: relative paths begin there, and none may leave it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_root: Option<PathBuf>,
    /// A file of tasks: what each of them finds in all sources together.
    #[arg(long, value_name = "FILE")]
    pub(crate) tasks: Option<PathBuf>,
    /// A language model, whose tokenizer counts the tokens of the texts, and of the prompts of tasks.
    #[arg(long, value_name = "DIR")]
    pub(crate) llm: Option<PathBuf>,
    /// A speech encoder, whose features count the frames.
    #[arg(long, value_name = "DIR")]
    pub(crate) encoder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// JSON on stdout, an object a source, and one of the tasks.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which good rows are counted, as `filter` in the settings of a stage has it.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Leaves shorter utterances out.
    #[arg(long, value_name = "SECONDS")]
    min_seconds: Option<f64>,
    /// Leaves longer utterances out.
    #[arg(long, value_name = "SECONDS")]
    max_seconds: Option<f64>,
    /// Leaves texts with fewer characters a second out.
    #[arg(long, value_name = "RATE")]
    min_rate: Option<f64>,
    /// Leaves texts with more characters a second out.
    #[arg(long, value_name = "RATE")]
    max_rate: Option<f64>,
}

impl FilterArgs {
    /// The filter.
    pub(crate) fn filter(&self) -> Filter {
        let Self { min_seconds, max_seconds, min_rate, max_rate } = *self;
        Filter { min_seconds, max_seconds, min_rate, max_rate }
    }
}

/// Arguments of `tokenizer`.
#[derive(Debug, Args)]
pub(crate) struct TokenizerArgs {
    /// Folder for `tokenizer.json`.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// What it is for.
    #[arg(long, value_enum)]
    pub(crate) purpose: Purpose,
    /// Pieces.
    #[arg(long)]
    pub(crate) size: usize,
    /// Sentences of the domain to learn from.
    #[arg(long, default_value_t = 60_000, conflicts_with = "manifest")]
    pub(crate) items: usize,
    /// Learns from the texts of a manifest, in place of the domain's.
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest: Option<PathBuf>,
    /// Seed of the sentences.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Arguments of a training stage.
#[derive(Debug, Args)]
pub(crate) struct StageArgs {
    /// Settings, a TOML file.
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Folder of checkpoints and metrics; a run that is there already goes on.
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// Folder for the result.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Overrides of the settings, `key.path=value`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Tells what the training would take, from a few real steps: parameters, memory, steps, time, and in stage `adapter` what
    /// encoding takes before. Nothing is kept but the encoder's outputs of stage `ctc-layers`, which needs them first.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Learns the first N examples only, again and again: shows that the pipeline learns.
    #[arg(long, value_name = "N")]
    pub(crate) overfit: Option<usize>,
}

/// Arguments of `average`.
#[derive(Debug, Args)]
pub(crate) struct AverageArgs {
    /// The run's folder.
    pub(crate) run: PathBuf,
    /// So many last checkpoints.
    #[arg(long, value_name = "N", required_unless_present = "best")]
    pub(crate) last: Option<usize>,
    /// So many best checkpoints, of a run with a judge.
    #[arg(long, value_name = "N", conflicts_with = "last")]
    pub(crate) best: Option<usize>,
    /// Folder for the result.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The runs' folders.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// JSON on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The runs' folders.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
}

/// Arguments of `adapter`.
#[derive(Debug, Args)]
pub(crate) struct AdapterArgs {
    #[command(flatten)]
    pub(crate) stage: StageArgs,
    /// Folder of the speech encoder, in place of the settings'.
    #[arg(long, value_name = "DIR")]
    pub(crate) encoder: Option<PathBuf>,
    /// Folder of the language model, in place of the settings'.
    #[arg(long, value_name = "DIR")]
    pub(crate) llm: Option<PathBuf>,
    /// Whether the encoder's outputs for the training data are kept on disk, in place of the settings' `encode`.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub(crate) cache: Option<Cache>,
    /// The bundle points to the two folders and does not copy them.
    #[arg(long)]
    pub(crate) link: bool,
}

/// Whether outputs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cache {
    /// They are computed once.
    On,
    /// They are computed in every step, as augmentation needs it.
    Off,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The bundle; with a suite, in place of the one that it names.
    #[arg(long, required_unless_present = "suite")]
    pub(crate) bundle: Option<PathBuf>,
    /// Utterances with references; audio paths are relative to it. With `--tasks`, `NAME=PATH` for a source that tasks name.
    #[arg(long, value_name = "PATH", required_unless_present = "suite", conflicts_with = "suite")]
    pub(crate) manifest: Option<PathBuf>,
    /// The folder that holds the audio of manifests: relative paths begin there, and none may leave it; in place of the
    /// suite's.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_root: Option<PathBuf>,
    /// A TOML file of several corpora and tasks.
    #[arg(long, value_name = "FILE")]
    pub(crate) suite: Option<PathBuf>,
    /// The part of a suite that is about this corpus or task, such as `recordings`; may be given several times.
    #[arg(long, value_name = "NAME", requires = "suite")]
    pub(crate) only: Vec<String>,
    /// Folder for the corpora that a suite makes, in place of the one that it names.
    #[arg(long, value_name = "DIR", requires = "suite")]
    pub(crate) work: Option<PathBuf>,
    /// `transcribe`, `translate.german`, `translate.spanish`, `translate.french`, `ask`, `field`,
    /// `continue`, `reply`, `chat`, or `all`; `recordings` for a manifest of recordings of several utterances. With
    /// `--tasks`, a task of that file.
    #[arg(long, default_value = "all", conflicts_with = "suite")]
    pub(crate) task: String,
    /// A file of tasks as `adapter` learns them: each is asked in its first phrasing about the rows that fit it, whether the
    /// bundle knows it or not.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["suite", "phrases", "phrases_file"])]
    pub(crate) tasks: Option<PathBuf>,
    /// How texts are changed before their words are compared; in place of the suite's.
    #[arg(long, value_enum)]
    pub(crate) normaliser: Option<Normaliser>,
    /// Transcribes once more for each number, with lists of so many phrases: those that are said (the names of each row,
    /// or the manifest's rare words) among others, such as `100,500,1000`.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', conflicts_with = "suite")]
    pub(crate) phrases: Vec<usize>,
    /// Transcribes once more with the phrases of this file, one a line, for every row; may be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "suite")]
    pub(crate) phrases_file: Vec<PathBuf>,
    /// JSON on stdout: an object, a list with `--task all`, or an object with a list `results` of a suite.
    #[arg(long)]
    pub(crate) json: bool,
    /// The first utterances only.
    #[arg(long, conflicts_with = "suite")]
    pub(crate) limit: Option<usize>,
    /// Beams, 1 for greedy; without it as the bundle says.
    #[arg(long)]
    pub(crate) beam: Option<usize>,
    /// Writes every answer to this file as soon as it is there, as JSONL, those to the shortest recordings first.
    #[arg(long)]
    pub(crate) hypotheses: Option<PathBuf>,
    /// Folder for `report.md`, `report.json` and `hypotheses.jsonl`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
