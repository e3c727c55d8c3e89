//! What a run tells: a progress bar on stderr, and every figure as a line of JSON in `metrics.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Metrics;

/// A step's figures.
#[derive(Debug, Clone, Serialize)]
pub struct StepRecord {
    /// Steps made.
    pub step: u64,
    /// Passes over the data begun.
    pub epoch: u64,
    /// Mean loss since the last line.
    pub loss: f64,
    /// Gradient norm before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// What the batches count for, a second.
    pub per_second: f64,
    /// Seconds since the run or its resumption began.
    pub seconds: f64,
}

/// An evaluation's figures.
#[derive(Debug, Serialize)]
struct EvalRecord<'a> {
    step: u64,
    eval: &'a Metrics,
}

/// The log of one run.
#[derive(Debug)]
pub struct RunLog {
    path: PathBuf,
    file: File,
    bar: ProgressBar,
    began: Instant,
}

impl RunLog {
    /// Opens `metrics.jsonl` in `dir` to append to it, and shows a bar of `total` steps at `done`.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn open(dir: &Path, total: u64, done: u64) -> anyhow::Result<Self> {
        let path = dir.join("metrics.jsonl");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        let bar = ProgressBar::new(total).with_position(done);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:24} {pos}/{len} {msg} {per_sec:.2} {elapsed_precise} left {eta_precise}",
        ) {
            bar.set_style(style);
        }
        bar.reset_eta();
        Ok(Self { path, file, bar, began: Instant::now() })
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
        self.line(record)
    }

    /// Writes an evaluation's figures, and a line above the bar.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn eval(&mut self, step: u64, metrics: &Metrics) -> anyhow::Result<()> {
        let text: Vec<String> = metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        self.note(&format!("step {step}: {}", text.join(", ")));
        self.line(&EvalRecord { step, eval: metrics })
    }

    /// Writes a line above the bar.
    pub fn note(&self, text: &str) {
        self.bar.suspend(|| {
            // A closed stderr must not end a training.
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    fn line(&mut self, record: &impl Serialize) -> anyhow::Result<()> {
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
