//! What a run leaves behind beside its checkpoints, and what is read from it: figures, samples and the run's record.
//!
//! The loop writes as it goes: a line of JSON for each thing in `metrics.jsonl` and `samples.jsonl`, and `run.json`
//! when it begins. A run that was killed and went on has some steps twice in its files; the last time counts.

pub mod compare;
pub mod record;
pub mod report;
mod svg;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Deserializer, Serialize};

pub use record::RunRecord;

/// The file of all figures in a run's folder.
pub const METRICS_NAME: &str = "metrics.jsonl";
/// The file of what evaluations wrote down.
pub const SAMPLES_NAME: &str = "samples.jsonl";

/// A step's figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps made.
    pub step: u64,
    /// Passes over the data begun.
    pub epoch: u64,
    /// Mean loss since the last line.
    #[serde(deserialize_with = "number")]
    pub loss: f64,
    /// Gradient norm before clipping.
    #[serde(deserialize_with = "number")]
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// What the batches count for, a second.
    pub per_second: f64,
    /// Seconds since the run or its resumption began.
    pub seconds: f64,
}

/// An evaluation's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalRecord {
    /// Steps made.
    pub step: u64,
    /// The figures by name.
    #[serde(deserialize_with = "numbers")]
    pub eval: BTreeMap<String, f64>,
}

/// What a model makes of a held-out example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which example it is: a recording, or what is read.
    pub example: String,
    /// What should come out.
    pub reference: String,
    /// What came out.
    pub text: String,
}

/// A sample of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Steps made.
    pub step: u64,
    /// The sample.
    #[serde(flatten)]
    pub sample: Sample,
}

/// JSON has no NaN, which is written as null.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let values = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

/// All that is known of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Its record, where it has one.
    pub record: Option<RunRecord>,
    /// The figures of steps, by step.
    pub steps: BTreeMap<u64, StepRecord>,
    /// The figures of evaluations, by step.
    pub evaluations: BTreeMap<u64, BTreeMap<String, f64>>,
    /// The samples of evaluations, by step.
    pub samples: BTreeMap<u64, Vec<Sample>>,
    /// Seconds that it took, all its sessions together.
    pub seconds: f64,
}

/// A line of `metrics.jsonl`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Eval(EvalRecord),
    Step(StepRecord),
}

impl History {
    /// Reads the folder of a run.
    ///
    /// # Errors
    ///
    /// A folder without figures, or files that cannot be read. A last line that a kill cut off is left out.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let mut history = Self { record: RunRecord::read(dir)?, ..Self::default() };
        let mut session = 0.0;
        for line in lines(&dir.join(METRICS_NAME))? {
            match line {
                Line::Eval(EvalRecord { step, eval }) => {
                    drop(history.evaluations.split_off(&step));
                    history.evaluations.insert(step, eval);
                }
                Line::Step(record) => {
                    if record.seconds < session {
                        history.seconds += session;
                    }
                    session = record.seconds;
                    drop(history.steps.split_off(&record.step));
                    drop(history.evaluations.split_off(&(record.step + 1)));
                    history.steps.insert(record.step, record);
                }
            }
        }
        history.seconds += session;
        let samples = dir.join(SAMPLES_NAME);
        if samples.exists() {
            for SampleRecord { step, sample } in lines(&samples)? {
                drop(history.samples.split_off(&(step + 1)));
                let of_step = history.samples.entry(step).or_default();
                // A resumption writes the same examples again.
                of_step.retain(|old| old.example != sample.example || old.reference != sample.reference);
                of_step.push(sample);
            }
        }
        Ok(history)
    }

    /// The names of the figures of evaluations.
    pub fn metrics(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.evaluations.values().flat_map(|eval| eval.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A figure over the steps.
    pub fn curve(&self, metric: &str) -> Vec<(u64, f64)> {
        self.evaluations.iter().filter_map(|(step, eval)| Some((*step, *eval.get(metric)?))).collect()
    }

    /// The step and the value at which a figure was best.
    pub fn best(&self, metric: &str) -> Option<(u64, f64)> {
        let lower = self.lower_is_better(metric);
        let curve = self.curve(metric).into_iter().filter(|(_, value)| value.is_finite());
        let is_better = |a: f64, b: f64| if lower { a < b } else { a > b };
        curve.reduce(|best, one| if is_better(one.1, best.1) { one } else { best })
    }

    /// Whether a lower figure is the better one: as the run's judge has it, else by its name.
    fn lower_is_better(&self, metric: &str) -> bool {
        let judge = self.record.as_ref().map(|record| &record.settings["train"]["judge"]);
        match judge.filter(|judge| judge["metric"] == metric) {
            Some(judge) => judge["better"] != "higher",
            None => ["loss", "wer", "cer", "error"].iter().any(|part| metric.contains(part)),
        }
    }
}

/// The lines of a file of JSON lines.
fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let read = |(index, line)| {
        serde_json::from_str(line)
            .with_context(|| format!("cannot read `{}`, line {}", path.display(), index + 1))
    };
    whole.lines().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64, seconds: f64) -> String {
        format!(
            "{{\"step\":{step},\"epoch\":0,\"loss\":null,\"grad_norm\":1.0,\"learning_rate\":0.1,\
             \"per_second\":2.0,\"seconds\":{seconds}}}\n"
        )
    }

    #[test]
    fn a_run_that_was_killed_reads_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let eval =
            |step: u64, wer: f64| format!("{{\"step\":{step},\"eval\":{{\"wer\":{wer},\"x\":null}}}}\n");
        let text = [step(5, 10.0), step(10, 20.0), eval(10, 0.5), step(15, 30.0)].concat()
            + &[step(10, 7.0), eval(10, 0.4), step(15, 14.0), eval(20, 0.6)].concat()
            + "{\"step\":2";
        fs::write(dir.path().join(METRICS_NAME), text).unwrap();
        let sample = |step: u64, text: &str| {
            format!("{{\"step\":{step},\"example\":\"a\",\"reference\":\"on\",\"text\":\"{text}\"}}\n")
        };
        fs::write(dir.path().join(SAMPLES_NAME), sample(10, "of") + &sample(20, "x") + &sample(10, "on"))
            .unwrap();
        let history = History::read(dir.path()).unwrap();
        assert_eq!(history.steps.keys().copied().collect::<Vec<_>>(), [5, 10, 15]);
        assert!((history.seconds - 44.0).abs() < 1e-9);
        assert_eq!(history.curve("wer"), [(10, 0.4), (20, 0.6)]);
        assert_eq!((history.best("wer"), history.best("x")), (Some((10, 0.4)), None));
        assert_eq!(history.samples.len(), 1);
        assert_eq!(history.samples[&10][0].text, "on");
        assert!(History::read(&dir.path().join("absent")).is_err());
    }
}
