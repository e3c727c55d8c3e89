//! What a run does beside its steps, on tiny models: the best checkpoints, means of checkpoints, an early end, estimates,
//! learning by heart, and what it leaves to be read.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;
use std::path::Path;

use burn::prelude::*;
use slm_core::models::llm::t5::OutputHead;
use slm_train::history::{History, RunRecord, compare, report};
use slm_train::steps::adapter::{AdapterJob, Frozen};
use slm_train::steps::{adapter, ctc, text};
use slm_train::training::judge::{Better, Judge, Ranked};
use slm_train::training::optimizer::OptimizerKind;
use slm_train::training::weights::Weights;
use slm_train::training::{self, LoopConfig, Outcome, Purpose, checkpoint};

use common::{Fixture, WORDS, alone, assert_same, copy_dir, file_bits, finished, loop_config, losses, walk};

fn judge(keep: usize, patience: Option<u64>) -> Judge {
    let least_change = if patience.is_some() { 1e9 } else { 0.0 };
    Judge { metric: "loss".into(), better: Better::Lower, keep, patience, least_change }
}

/// The best that the checkpoints of a run name: those of an earlier one stay while the run may go on from it.
fn named_in(run: &Path) -> Vec<u64> {
    let mut named: Vec<u64> = steps_in(run).into_iter().flat_map(|step| ranked_at(run, step)).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// The best as the checkpoint of a step names them.
fn ranked_at(run: &Path, step: u64) -> Vec<u64> {
    let state = fs::read(run.join(format!("step-{step:08}/state.json"))).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let ranking: Vec<Ranked> = serde_json::from_value(state["ranking"]["best"].clone()).unwrap();
    ranking.iter().map(|ranked| ranked.step).collect()
}

/// The steps of the checkpoints in a folder.
fn steps_in(dir: &Path) -> Vec<u64> {
    checkpoint::list(dir).unwrap().into_iter().map(|(step, _)| step).collect()
}

/// The best checkpoints are those with the least held-out loss, and a result of means is the mean of theirs; a run that was
/// killed and went on ends with the same.
#[test]
fn the_best_are_kept_and_their_mean_is_the_result() {
    alone("the_best_are_kept_and_their_mean_is_the_result", || {
        let fixture = Fixture::new();
        let device = Device::flex();
        let config = LoopConfig {
            eval_every: 1,
            judge: Some(judge(3, None)),
            weights: Weights::AverageOfBest(3),
            // Large enough that the loss goes up and down.
            learning_rate: 0.3,
            ..loop_config(10)
        };
        let stage = fixture.text(&config, 0.0);
        let (run, out) = (fixture.path("run"), fixture.path("out"));
        let result = finished(text::train(stage.clone(), &run, &out, &device).unwrap());

        let history = History::read(&run).unwrap();
        let mut ranked = history.curve("loss");
        assert_eq!(ranked.len(), 10);
        ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut best: Vec<u64> = ranked[..3].iter().map(|(step, _)| *step).collect();
        assert_eq!(history.best("loss"), Some(ranked[0]));
        assert_eq!(ranked_at(&run, 10), best);
        best.sort_unstable();
        let kept = named_in(&run);
        assert!(kept.len() < 10 && best.iter().all(|step| kept.contains(step)), "{kept:?}");
        assert_eq!(steps_in(&run.join("best")), kept);

        let checkpoints: Vec<_> = best
            .iter()
            .map(|&step| {
                let dir = checkpoint::best_dir(&run, step);
                assert!(!dir.join("optimizer.bpk").exists());
                walk(&checkpoint::load_model(&dir, result.clone()).unwrap()).tensors
            })
            .collect();
        let found = walk(&result).tensors;
        for (name, bits) in &found {
            for (place, &value) in bits.iter().enumerate() {
                let sum: f64 =
                    checkpoints.iter().map(|tensors| f64::from(f32::from_bits(tensors[name][place]))).sum();
                let (value, mean) = (f64::from(f32::from_bits(value)), sum / 3.0);
                assert!((value - mean).abs() < 1e-6 * mean.abs().max(1.0), "{name}: {value}, mean {mean}");
            }
        }
        assert!(checkpoints[0] != checkpoints[1] && checkpoints[1] != checkpoints[2]);

        // Killed after step 10, going on from step 8; the best ones of the steps between are there already.
        let again = fixture.path("again");
        copy_dir(&run, &again);
        fs::remove_dir_all(again.join("step-00000010")).unwrap();
        let out_again = fixture.path("out-again");
        finished(text::train(stage, &again, &out_again, &device).unwrap());
        let weights = |out: &Path| file_bits(&out.join("model.safetensors"));
        assert_same(&weights(&out_again), &weights(&out), "the mean of a run that was killed");
        assert_eq!(ranked_at(&again, 10), ranked_at(&run, 10));
        assert_eq!(steps_in(&again.join("best")), named_in(&again));
    });
}

#[test]
fn a_run_without_progress_ends_early_and_stays_so() {
    alone("a_run_without_progress_ends_early_and_stays_so", || {
        let fixture = Fixture::new();
        let config = LoopConfig {
            eval_every: 1,
            judge: Some(judge(1, Some(2))),
            weights: Weights::Best,
            ..loop_config(30)
        };
        let stage = fixture.text(&config, 0.0);
        let run = fixture.path("run");
        for out in ["out", "again"] {
            finished(text::train(stage.clone(), &run, &fixture.path(out), &Device::flex()).unwrap());
            // The first evaluation is the one that no later one beats by so much.
            assert_eq!(losses(&run).len(), 3);
            assert_eq!(*steps_in(&run).last().unwrap(), 3);
        }
    });
}

#[test]
fn a_judge_of_a_figure_that_is_not_there_is_told_with_those_that_are() {
    alone("a_judge_of_a_figure_that_is_not_there_is_told_with_those_that_are", || {
        let fixture = Fixture::new();
        let mut config = LoopConfig { eval_every: 2, judge: Some(judge(1, None)), ..loop_config(8) };
        config.judge.as_mut().unwrap().metric = "bleu".into();
        let run = fixture.path("run");
        let error =
            text::train(fixture.text(&config, 0.0), &run, &fixture.path("out"), &Device::flex()).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("`bleu`") && error.contains("`loss`, `token_accuracy`"), "{error}");
        assert_eq!(steps_in(&run), [2]);

        // What failed is made when the run goes on, so that it ends like one in which nothing did.
        config.judge = Some(judge(4, None));
        let train = |run: &Path| {
            let out = run.with_extension("out");
            finished(text::train(fixture.text(&config, 0.0), run, &out, &Device::flex()).unwrap());
            file_bits(&out.join("model.safetensors"))
        };
        let whole = fixture.path("whole");
        assert_same(&train(&run), &train(&whole), "weights");
        let mut ranked = ranked_at(&run, 8);
        assert_eq!(ranked, ranked_at(&whole, 8));
        ranked.sort_unstable();
        assert_eq!(ranked, [2, 4, 6, 8]);
        let state = fs::read_to_string(run.join("step-00000002/state.json")).unwrap();
        assert!(!state.contains("owes_evaluation"), "{state}");
        assert_eq!(
            History::read(&run).unwrap().evaluations.keys().copied().collect::<Vec<_>>(),
            [2, 4, 6, 8]
        );
    });
}

#[test]
fn an_estimate_takes_real_steps_and_writes_nothing() {
    alone("an_estimate_takes_real_steps_and_writes_nothing", || {
        let fixture = Fixture::new();
        fixture.frozen_parts(OutputHead::Tied);
        let device = Device::flex();
        let mut config = fixture.adapter(&loop_config(50));
        config.train.purpose = Purpose::DryRun;
        let parts = Frozen::load(&config.encoder, &config.llm, &device).unwrap();
        let frozen: usize = [walk(&parts.encoder), walk(&parts.llm)]
            .iter()
            .flat_map(|walk| walk.tensors.values())
            .map(Vec::len)
            .sum();
        let job = AdapterJob::new(config.clone(), parts).unwrap();
        let trained: usize =
            walk(&job.init(&device.clone().autodiff()).unwrap()).tensors.values().map(Vec::len).sum();
        let (run, out) = (fixture.path("run"), fixture.path("out"));
        let Outcome::Estimated(estimate) = adapter::train(config, &run, &out, &device).unwrap() else {
            panic!("it trained");
        };
        assert_eq!((estimate.trained, estimate.frozen), (trained, frozen));
        assert_eq!(estimate.training_bytes, 16 * trained as u64);
        assert_eq!(estimate.frozen_bytes, 4 * frozen as u64);
        let encoding = estimate.encoding.unwrap();
        // Two corpora of six recordings.
        assert!((encoding.sound_seconds - 5.4).abs() < 1e-3 && encoding.bytes > 0, "{encoding:?}");
        let batches = training::Job::batches(&job, 0).len();
        assert_eq!((estimate.batches, estimate.steps), (batches, 50));
        assert!(estimate.step_seconds > 0.0 && estimate.longest_step_seconds > 0.0);
        assert!(!run.exists() && !out.exists());
    });
}

#[test]
fn a_few_examples_are_learnt_by_heart() {
    alone("a_few_examples_are_learnt_by_heart", || {
        let fixture = Fixture::new();
        let config = LoopConfig {
            overfit: Some(3),
            optimizer: OptimizerKind::Adafactor,
            learning_rate: 3e-2,
            eval_every: 1000,
            ..loop_config(150)
        };
        let run = fixture.path("run");
        finished(
            text::train(fixture.text(&config, 0.0), &run, &fixture.path("out"), &Device::flex()).unwrap(),
        );
        let log = losses(&run);
        let (first, last) = (log[0].1, log[log.len() - 1].1);
        assert!(last < 0.1 * first, "loss {first} at first, {last} at last");
    });
}

#[test]
fn a_run_leaves_samples_events_and_a_report() {
    alone("a_run_leaves_samples_events_and_a_report", || {
        let fixture = Fixture::new();
        fixture.frozen_parts(OutputHead::Tied);
        let loop_config = LoopConfig { eval_every: 4, samples: 2, ..loop_config(8) };
        let device = Device::flex();
        let (of_adapter, of_ctc) = (fixture.path("adapter-run"), fixture.path("ctc-run"));
        let mut config = fixture.adapter(&loop_config);
        let settings = serde_json::to_value(&config).unwrap();
        config.train.record = Some(RunRecord::new("adapter", settings, "flex"));
        finished(adapter::train(config, &of_adapter, &fixture.path("bundle"), &device).unwrap());
        let stage = fixture.ctc(&loop_config, 0.0, 150);
        finished(ctc::train(stage, &of_ctc, &fixture.path("encoder-2"), &device).unwrap());

        for run in [&of_adapter, &of_ctc] {
            let history = History::read(run).unwrap();
            assert_eq!(history.steps.len(), 8);
            assert_eq!(history.samples.keys().copied().collect::<Vec<_>>(), [4, 8]);
            let samples = &history.samples[&8];
            assert_eq!(samples.len(), 2);
            for sample in samples {
                let known = |(english, german): &(&str, &str)| {
                    [*english, german].contains(&sample.reference.as_str())
                };
                assert!(WORDS.iter().any(known), "{sample:?}");
                assert!(sample.example.contains(".wav"), "{sample:?}");
            }
            let page = fs::read_to_string(run.join(report::NAME)).unwrap();
            assert!(page.contains("<svg") && page.contains("Samples of step 8"), "{page}");
            let events = fs::read_dir(run.join("tensorboard")).unwrap().next().unwrap().unwrap();
            assert!(events.file_name().to_string_lossy().contains("tfevents"));
            assert!(fs::read(events.path()).unwrap().windows(10).any(|part| part == b"train/loss"));
        }
        let comparison = compare::compare(&[of_adapter, of_ctc]).unwrap();
        assert_eq!(comparison.settings["stage"], ["adapter", ""]);
        assert!(comparison.results.contains(&("steps".into(), vec!["8".into(), "8".into()])));
    });
}
