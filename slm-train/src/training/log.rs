//! What a run tells: a progress bar on stderr, every figure as a line of JSON in `metrics.jsonl` and as an event of
//! TensorBoard, what evaluations wrote down in `samples.jsonl`, and all of it in `report.html`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Metrics;
use super::tensorboard::EventFile;
use crate::history::{EvalRecord, METRICS_NAME, SAMPLES_NAME, Sample, SampleRecord, StepRecord, report};

/// The log of one run.
#[derive(Debug)]
pub struct RunLog {
    dir: PathBuf,
    metrics: JsonLines,
    samples: JsonLines,
    events: EventFile,
    bar: ProgressBar,
    began: Instant,
}

impl RunLog {
    /// Opens the files of the run in `dir` to append to them, and shows a bar of `total` steps at `done`.
    ///
    /// # Errors
    ///
    /// When one cannot be opened.
    pub fn open(dir: &Path, total: u64, done: u64) -> anyhow::Result<Self> {
        let bar = ProgressBar::new(total).with_position(done);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:24} {pos}/{len} {msg} {per_sec:.2} {elapsed_precise} left {eta_precise}",
        ) {
            bar.set_style(style);
        }
        bar.reset_eta();
        Ok(Self {
            dir: dir.to_owned(),
            metrics: JsonLines::open(dir.join(METRICS_NAME))?,
            samples: JsonLines::open(dir.join(SAMPLES_NAME))?,
            events: EventFile::begin(dir, done)?,
            bar,
            began: Instant::now(),
        })
    }

    /// Seconds since the log was opened.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Moves the bar.
    pub fn advance(&self, step: u64) {
        self.bar.set_position(step);
    }

    /// Writes a step's figures.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn step(&mut self, record: &StepRecord) -> anyhow::Result<()> {
        self.bar.set_message(format!("loss {:.4} norm {:.2}", record.loss, record.grad_norm));
        let StepRecord { step, loss, grad_norm, learning_rate, per_second, .. } = *record;
        self.events.scalars(
            step,
            [
                ("train/loss", loss),
                ("train/gradient norm", grad_norm),
                ("train/learning rate", learning_rate),
                ("train/per second", per_second),
            ],
        )?;
        self.metrics.add(record)
    }

    /// Writes an evaluation's figures and samples, and a line above the bar.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn eval(&mut self, step: u64, metrics: &Metrics, samples: Vec<Sample>) -> anyhow::Result<()> {
        let text: Vec<String> = metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        self.note(&format!("step {step}: {}", text.join(", ")));
        let tags: Vec<(String, f64)> =
            metrics.iter().map(|(name, value)| (format!("held out/{name}"), *value)).collect();
        self.events.scalars(step, tags.iter().map(|(tag, value)| (tag.as_str(), *value)))?;
        for sample in samples {
            self.samples.add(&SampleRecord { step, sample })?;
        }
        self.metrics.add(&EvalRecord { step, eval: metrics.clone() })
    }

    /// Writes `report.html` of all that was told so far. Where that cannot be, a line says so: it can be made later.
    pub fn report(&self) {
        if let Err(error) = report::write(&self.dir) {
            self.note(&format!("warning: {error:#}"));
        }
    }

    /// Writes a line above the bar.
    pub fn note(&self, text: &str) {
        self.bar.suspend(|| {
            // A closed stderr must not end a training.
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }
}

/// A file that lines of JSON are appended to.
#[derive(Debug)]
struct JsonLines {
    path: PathBuf,
    file: File,
}

impl JsonLines {
    /// A line that a kill cut off is taken away.
    fn open(path: PathBuf) -> anyhow::Result<Self> {
        let fail = || format!("cannot write `{}`", path.display());
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).open(&path).with_context(fail)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).with_context(fail)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).with_context(fail)?;
        }
        Ok(Self { path, file })
    }

    fn add(&mut self, record: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(record)?;
        text.push(b'\n');
        self.file.write_all(&text).with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        self.bar.abandon();
    }
}
