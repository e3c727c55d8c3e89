//! The verbs of the training stages, and `average`, which ends one of them in another way.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use slm_core::Backend;
use slm_train::config;
use slm_train::history::RunRecord;
use slm_train::steps::adapter::{AdapterStage, Encode, PartsPlace};
use slm_train::steps::ctc::CtcConfig;
use slm_train::steps::ctc_layers::CtcLayersStage;
use slm_train::steps::text::TextConfig;
use slm_train::steps::{adapter, ctc, ctc_layers, text};
use slm_train::training::weights::Weights;
use slm_train::training::{LoopConfig, Outcome, Purpose, checkpoint};

use crate::args::{AdapterArgs, AverageArgs, Cache, StageArgs};

/// The settings of a stage.
trait Stage: Serialize + DeserializeOwned {
    /// Its verb.
    const NAME: &'static str;

    /// The settings of its loop.
    fn train(&mut self) -> &mut LoopConfig;

    /// Trains in `run`, and writes the result to `out`.
    fn run(self, run: &Path, out: &Path, backend: Backend) -> anyhow::Result<ExitCode>;
}

macro_rules! stage {
    ($config:ty, $verb:literal, $module:ident) => {
        impl Stage for $config {
            const NAME: &'static str = $verb;

            fn train(&mut self) -> &mut LoopConfig {
                &mut self.train
            }

            fn run(self, run: &Path, out: &Path, backend: Backend) -> anyhow::Result<ExitCode> {
                finish(&$module::train(self, run, out, &backend.device()?)?)
            }
        }
    };
}

stage!(CtcConfig, "ctc", ctc);
stage!(CtcLayersStage, "ctc-layers", ctc_layers);
stage!(TextConfig, "text", text);
stage!(AdapterStage, "adapter", adapter);

pub(crate) fn ctc(args: &StageArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    train(config::read::<CtcConfig>(&args.config, &args.overrides)?, args, backend)
}

pub(crate) fn ctc_layers(args: &StageArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    train(config::read::<CtcLayersStage>(&args.config, &args.overrides)?, args, backend)
}

pub(crate) fn text(args: &StageArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    train(config::read::<TextConfig>(&args.config, &args.overrides)?, args, backend)
}

pub(crate) fn adapter(args: &AdapterArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    let mut config: AdapterStage = config::read(&args.stage.config, &args.stage.overrides)?;
    config.encoder = args.encoder.clone().unwrap_or(config.encoder);
    config.llm = args.llm.clone().unwrap_or(config.llm);
    config.encode = match args.cache {
        None => config.encode,
        Some(Cache::On) => Encode::Once,
        Some(Cache::Off) => Encode::EachStep,
    };
    if args.link {
        config.parts = PartsPlace::Link;
    }
    train(config, &args.stage, backend)
}

/// Trains as the command line says, and leaves a record of it in the run's folder.
fn train<S: Stage>(mut config: S, args: &StageArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    let settings = config.train();
    settings.overfit = args.overfit.or(settings.overfit);
    if args.dry_run {
        settings.purpose = Purpose::DryRun;
    }
    let record = RunRecord::new(S::NAME, serde_json::to_value(&config)?, backend.name());
    config.train().record = Some(record);
    config.run(&args.run, &args.out, backend)
}

/// Writes the result of a run, as far as it is, with the mean of some of its checkpoints.
pub(crate) fn average(args: &AverageArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    let run = &args.run;
    let record = RunRecord::read(run)?.with_context(|| {
        format!("`{}` has no record of what was run; the training verbs write one", run.display())
    })?;
    let weights = match (args.best, args.last) {
        (Some(count), _) => Weights::AverageOfBest(count),
        (None, count) => Weights::AverageOfLast(count.unwrap_or(1)),
    };
    match record.stage.as_str() {
        CtcConfig::NAME => end::<CtcConfig>(record, weights, args, backend),
        CtcLayersStage::NAME => end::<CtcLayersStage>(record, weights, args, backend),
        TextConfig::NAME => end::<TextConfig>(record, weights, args, backend),
        AdapterStage::NAME => end::<AdapterStage>(record, weights, args, backend),
        stage => bail!("`{}` is a run of an unknown stage `{stage}`", run.display()),
    }
}

fn end<S: Stage>(
    record: RunRecord,
    weights: Weights,
    args: &AverageArgs,
    backend: Backend,
) -> anyhow::Result<ExitCode> {
    let run = &args.run;
    let mut config: S = serde_json::from_value(record.settings)
        .with_context(|| format!("cannot read the settings of the run in `{}`", run.display()))?;
    let checkpoints = checkpoint::list(run)?;
    let (step, _) = checkpoints.last().with_context(|| format!("`{}` has no checkpoint", run.display()))?;
    let settings = config.train();
    settings.weights = weights;
    settings.steps = *step;
    settings.purpose = Purpose::Finish;
    config.run(run, &args.out, backend)
}

/// 0 after a full run or an estimate, 128 + signal after an orderly stop.
fn finish<M>(outcome: &Outcome<M>) -> anyhow::Result<ExitCode> {
    match outcome {
        Outcome::Finished { .. } => Ok(ExitCode::SUCCESS),
        Outcome::Interrupted { signal } => Ok(ExitCode::from(128 + *signal as u8)),
        Outcome::Estimated(estimate) => {
            writeln!(std::io::stdout().lock(), "{estimate}").context("cannot write to stdout")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
