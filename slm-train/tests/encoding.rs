//! Stage `adapter` on a corpus of some thousand recordings: the encoding is killed or stopped and goes on, what is encoded is
//! not held in memory, and a dry run encodes little of it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use burn::prelude::*;
use common::{prepare, slm_train};
use rand::RngExt;
use slm_core::models::checkpoint::{PREPROCESSOR_FILE, json};
use slm_core::models::encoder::parakeet::{ParakeetConfig, ParakeetEncoderConfig};
use slm_core::models::features::LogMelConfig;
use slm_core::models::llm::t5::{OutputHead, T5Config};
use slm_core::models::nn::weights::StorageType;
use slm_train::config;
use slm_train::data::manifest::{self, Utterance};
use slm_train::data::synth::write_wav;
use slm_train::history::History;
use slm_train::random::rng_for;
use slm_train::steps::adapter::{AdapterJob, AdapterStage, Frozen};
use slm_train::training::{Draw, Job, Purpose, Source};

const MEL_BINS: usize = 16;
/// Pieces of the tokenizer of [`prepare`].
const PIECES: usize = 300;

/// Writes frozen parts, the encoder so wide, and the settings of the stage.
fn prepare_stage(dir: &Path, width: usize, steps: u64) {
    prepare(dir, 1);
    let device = Device::flex();
    device.seed(3);
    let encoder = dir.join("encoder");
    fs::create_dir(&encoder).unwrap();
    let config = ParakeetEncoderConfig {
        hidden_size: width,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 32,
        conv_kernel_size: 5,
        subsampling_factor: 4,
        subsampling_conv_channels: 4,
        num_mel_bins: MEL_BINS,
        ..ParakeetEncoderConfig::default()
    };
    ParakeetConfig::ctc(config, 8).init(&device).save(&encoder, StorageType::F32).unwrap();
    let features = LogMelConfig { feature_size: MEL_BINS, ..LogMelConfig::default() };
    json::write(&encoder.join(PREPROCESSOR_FILE), &features).unwrap();

    let llm = dir.join("llm");
    fs::create_dir(&llm).unwrap();
    let config = T5Config {
        vocab_size: PIECES,
        d_model: 16,
        d_kv: 8,
        d_ff: 16,
        num_layers: 1,
        num_decoder_layers: Some(1),
        num_heads: 2,
        ..T5Config::default()
    };
    config.init(OutputHead::Tied, &device).save(&llm, StorageType::F32).unwrap();
    for part in [&encoder, &llm] {
        fs::copy(dir.join("tokenizer/tokenizer.json"), part.join("tokenizer.json")).unwrap();
    }
    let path = |name: &str| dir.join(name).display().to_string();
    let text = format!(
        "name = \"tiny\"\nencoder = {:?}\nllm = {:?}\ntrain_manifest = {:?}\ndev_manifest = {:?}\ncache = {:?}\n\
         order = \"speech-first\"\ntasks = {:?}\nbatch_tokens = 200\n\
         [model]\nreduction = {{ kind = \"stack\", count = 2 }}\nhidden_size = 16\nnum_layers = 1\nnum_heads = 2\n\
         intermediate_size = 16\ndropout = 0.1\n\
         [losses]\ndistillation = 0.5\n\
         [train]\nsteps = {steps}\nwarmup_steps = 2\nlog_every = 5\nsave_every = 3\neval_every = 100\n",
        path("encoder"),
        path("llm"),
        path("train.jsonl"),
        path("dev.jsonl"),
        path("cache"),
        path("tasks.toml"),
    );
    fs::write(dir.join("adapter.toml"), text).unwrap();
    let task = "[[task]]\nname = \"transcribe\"\ntarget = \"text\"\nphrasings = [\"transcribe\"]\n";
    fs::write(dir.join("tasks.toml"), task).unwrap();
}

/// Writes so many recordings, each with a tone of its own, and their manifest.
fn record(dir: &Path, name: &str, count: usize, samples: usize) {
    let wav = dir.join(name);
    fs::create_dir(&wav).unwrap();
    let row = |n: usize| {
        let tone = |at: usize| 0.3 * ((0.05 + 1e-4 * n as f32) * at as f32).sin();
        let path = wav.join(format!("{n}.wav"));
        write_wav(&path, &(0..samples).map(tone).collect::<Vec<f32>>()).unwrap();
        let text = ["on", "off", "up", "down"][n % 4].to_owned();
        Utterance { audio_filepath: path, duration: samples as f64 / 16_000.0, text, ..Utterance::default() }
    };
    let rows: Vec<Utterance> = (0..count).map(row).collect();
    manifest::write(dir.join(format!("{name}.jsonl")), &rows).unwrap();
}

fn command(dir: &Path, name: &str, settings: &[String]) -> Command {
    let mut command = slm_train();
    command.args(["--backend", "flex", "adapter", "--config"]).arg(dir.join("adapter.toml"));
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    command.arg("--run").arg(dir.join(format!("run-{name}")));
    command.arg("--out").arg(dir.join(format!("out-{name}")));
    command
}

fn start(dir: &Path, name: &str, settings: &[String]) -> Child {
    command(dir, name, settings).spawn().unwrap()
}

/// The setting of the folder of encoded states.
fn cache(dir: &Path, name: &str) -> Vec<String> {
    vec![format!("cache={:?}", dir.join(name).display().to_string())]
}

/// The weights of a run's result.
fn bundle(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(format!("out-{name}/adapter/model.safetensors"))).unwrap()
}

/// Bytes of each file of encoded states below a folder, of which some may be made meanwhile.
fn states(dir: &Path) -> Vec<u64> {
    let files = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    let files = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "states"));
    files.filter_map(|file| Some(file.metadata().ok()?.len())).collect()
}

/// Asks a process to stop, as Ctrl-C does.
#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-s", "INT"]).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// All files below a folder, but for locks.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && entry.file_name() != ".lock" {
            let name = entry.path().strip_prefix(dir).unwrap().to_owned();
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Kills in all; the first ones come early, so that encoding, rows and training are all hit, and not only the longest.
const KILLS: usize = 20;

/// A run is killed at random moments until it is at its end, and then another one from nothing, until there were enough kills:
/// each ends with the files and weights of one that was not killed.
#[test]
fn killed_runs_end_with_the_bytes_of_one_that_was_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_stage(dir, 16, 60);
    record(dir, "train", 2_100, 1_600);
    record(dir, "dev", 20, 1_700);
    let began = Instant::now();
    assert!(start(dir, "whole", &cache(dir, "cache-whole")).wait().unwrap().success());
    let whole_run = began.elapsed();
    let whole = contents(&dir.join("cache-whole"));
    // Three files for the rows to learn from, one for those to judge by, one of the teacher's answers.
    assert_eq!(whole.len(), 5, "{:?}", whole.keys());

    // Moments differ from run to run with the machine; the seed keeps their spread.
    let mut rng = rng_for(1, 2, 3);
    let (mut kills, mut runs) = (0, 0);
    while kills < KILLS {
        runs += 1;
        let name = format!("killed-{runs}");
        loop {
            let mut child = start(dir, &name, &cache(dir, &format!("cache-{name}")));
            if kills < KILLS {
                thread::sleep(whole_run.mul_f64(rng.random_range(0.02..0.9)));
                child.kill().unwrap();
            }
            // The run may have come to its end just before the signal.
            if child.wait().unwrap().success() {
                break;
            }
            kills += 1;
        }
        let killed = contents(&dir.join(format!("cache-{name}")));
        assert!(whole == killed, "{name}: other files after {kills} kills: {:?}", killed.keys());
        assert!(bundle(dir, "whole") == bundle(dir, &name), "{name}: other weights after {kills} kills");
    }
}

/// What is made when the signal comes is kept; the same command makes the rest and ends as if nothing had been.
#[cfg(unix)]
#[test]
fn an_encoding_that_is_asked_to_stop_says_how_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_stage(dir, 64, 3);
    // Six files, and one for those to judge by.
    record(dir, "train", 5_200, 1_600);
    record(dir, "dev", 20, 1_700);
    assert!(start(dir, "whole", &cache(dir, "cache-whole")).wait().unwrap().success());
    let whole = contents(&dir.join("cache-whole"));

    let (folder, settings) = (dir.join("cache-stopped"), cache(dir, "cache-stopped"));
    let mut child = command(dir, "stopped", &settings).stderr(Stdio::piped()).spawn().unwrap();
    while states(&folder).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(2));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    for part in ["encoding stopped, ", "utterances are left", "is kept in `", "the same command goes on"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!((1..7).contains(&states(&folder).len()), "{told}");
    assert!(!dir.join("run-stopped").exists());

    assert!(start(dir, "stopped", &settings).wait().unwrap().success());
    assert!(whole == contents(&folder), "other files");
    assert!(bundle(dir, "whole") == bundle(dir, "stopped"), "other weights");
}

/// An evaluation is due after every step. Who asks for a stop does not wait for it, and it is made when the run goes on.
#[cfg(unix)]
#[test]
fn a_training_that_is_asked_to_stop_leaves_out_no_step_and_no_evaluation() {
    const STEPS: u64 = 12;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_stage(dir, 16, STEPS);
    record(dir, "train", 200, 1_600);
    record(dir, "dev", 60, 1_700);
    let settings = ["train.eval_every=1", "train.save_every=1000"].map(str::to_owned);
    assert!(start(dir, "whole", &settings).wait().unwrap().success());

    let metrics = dir.join("run-stopped/metrics.jsonl");
    let length = || fs::metadata(&metrics).map_or(0, |file| file.len());
    let mut stops = 0;
    loop {
        let before = length();
        let mut child = start(dir, "stopped", &settings);
        let ended = loop {
            let ended = child.try_wait().unwrap();
            if ended.is_some() || length() > before {
                break ended;
            }
            thread::sleep(Duration::from_millis(2));
        };
        let status = ended.unwrap_or_else(|| {
            interrupt(&child);
            child.wait().unwrap()
        });
        // The run may have come to its end just before the signal.
        if status.success() {
            break;
        }
        assert_eq!(status.code(), Some(130));
        stops += 1;
    }
    assert!(stops > 0, "the run was over before it could be stopped");
    let evaluations = |name: &str| History::read(&dir.join(name)).unwrap().evaluations;
    assert!(evaluations("run-whole").keys().copied().eq(1..=STEPS));
    assert!(evaluations("run-whole") == evaluations("run-stopped"), "other figures after {stops} stops");
    assert!(bundle(dir, "whole") == bundle(dir, "stopped"), "other weights after {stops} stops");
}

/// A dry run puts a few recordings to the encoder, and leaves nothing of them; by these it tells what all of them take.
#[test]
fn a_dry_run_encodes_what_its_steps_need() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_stage(dir, 16, 60);
    record(dir, "train", 600, 1_600);
    record(dir, "dev", 20, 1_600);
    let job = |purpose: Purpose| {
        let mut stage: AdapterStage = config::read(&dir.join("adapter.toml"), &[]).unwrap();
        stage.train.purpose = purpose;
        let parts = Frozen::load(&stage.encoder, &stage.llm, &Device::flex()).unwrap();
        AdapterJob::new(stage, parts).unwrap()
    };
    let dry = job(Purpose::DryRun);
    let batches = dry.batches(0);
    let can_load =
        |items: &[usize]| dry.source().load(Draw { step: 0, epoch: 0, items: items.to_vec() }).is_ok();
    assert!(!can_load(&batches[0]));
    dry.prepare(&batches[..2]).unwrap();
    assert!(can_load(&batches[0]) && can_load(&batches[1]));
    let others = batches[2..].iter().filter(|batch| can_load(batch)).count();
    assert!(batches.len() > 8 && others < batches.len() / 2, "{others} of {} batches", batches.len());
    let encoding = dry.encoding().unwrap().unwrap();
    assert!(!states(&dir.join("cache")).is_empty());
    drop(dry);
    assert!(contents(&dir.join("cache")).is_empty());

    let whole = job(Purpose::Train);
    assert!(whole.encoding().unwrap().is_none());
    assert_eq!(whole.batches(0), batches);
    let bytes: u64 = states(&dir.join("cache")).iter().sum();
    assert!(encoding.bytes.abs_diff(bytes) < bytes / 10, "{} bytes, expected {bytes}", encoding.bytes);
    assert!((encoding.sound_seconds - 62.0).abs() < 0.1 && encoding.seconds > 0.0, "{encoding:?}");
}

#[test]
fn a_dry_run_tells_what_encoding_takes_where_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_stage(dir, 16, 60);
    record(dir, "train", 100, 1_600);
    record(dir, "dev", 20, 1_600);
    for more in [vec![], vec!["--overfit", "3"], vec!["--cache", "off"]] {
        let mut command = command(dir, "dry", &[]);
        let output = command.arg("--dry-run").args(&more).stdout(Stdio::piped()).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && told.contains("\nmemory of a GPU "), "{more:?}: {told}");
        let is_kept = !more.contains(&"off");
        assert_eq!(told.contains("\nencoding "), is_kept, "{more:?}: {told}");
        assert_eq!(told.contains("without evaluations and encoding"), is_kept, "{more:?}: {told}");
        assert!(!dir.join("run-dry").exists() && contents(&dir.join("cache")).is_empty());
    }
}

/// The largest memory of a run that finds all outputs on the disk, in bytes.
#[cfg(target_os = "linux")]
fn peak(dir: &Path, name: &str) -> u64 {
    let manifest = |field: &str, name: &str| format!("{field}={:?}", dir.join(name).display().to_string());
    let settings =
        [manifest("train_manifest", &format!("{name}.jsonl")), manifest("dev_manifest", "few.jsonl")];
    assert!(start(dir, &format!("{name}-1"), &settings).wait().unwrap().success());
    let mut child = start(dir, &format!("{name}-2"), &settings);
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.trim().parse().ok());
        peak = peak.max(kib.unwrap_or(0_u64) * 1024);
        thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// The states of the larger corpus take 53 MB as f32, its rows and what was told of them less than one.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_corpus() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare_stage(dir, 512, 10);
    record(dir, "few", 100, 8_000);
    record(dir, "many", 2_000, 8_000);
    let (few, many) = (peak(dir, "few"), peak(dir, "many"));
    assert!(few > 0, "no peak was read");
    assert!(many < few + 20_000_000, "{few} bytes for 100 rows, {many} for 2000");
}
