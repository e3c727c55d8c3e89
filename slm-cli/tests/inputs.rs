//! What `slm-cli` takes for inputs: patterns, folders, channels, samples from a pipe; and how it ends early.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::{FIRST, Ran, SECOND, answer, repository, run, run_with_input, slm};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use serde_json::Value;

/// A folder with two recordings, one of them in a folder in it, and a file that is none.
fn shelf() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("deep")).unwrap();
    fs::copy(repository().join(FIRST), dir.path().join("deep/a.wav")).unwrap();
    fs::copy(repository().join(SECOND), dir.path().join("b[1].WAV")).unwrap();
    fs::write(dir.path().join("notes.txt"), "no sound\n").unwrap();
    dir
}

fn in_folder(dir: &Path, args: &[&str]) -> Ran {
    let bundle = repository().join("weights/slm-tiny");
    let mut command = slm(&[&["--bundle", bundle.to_str().unwrap()], args].concat());
    command.current_dir(dir).output().unwrap().into()
}

fn samples(file: &str) -> Vec<i16> {
    let mut reader = WavReader::open(repository().join(file)).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
    reader.samples::<i16>().map(Result::unwrap).collect()
}

#[test]
fn patterns_that_the_shell_left_are_expanded() {
    let shelf = shelf();
    let both = [answer(&["transcribe", FIRST]), answer(&["transcribe", SECOND])];
    let ran = in_folder(shelf.path(), &["transcribe", "d*/*.wav", "b[1].WAV"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, both.concat().as_str()), "{}", ran.stderr);
    // One that fits nothing fails with an empty line in its place, and the others are answered.
    let ran = in_folder(shelf.path(), &["transcribe", "*.flac", "deep/?.wav"]);
    assert_eq!((ran.code, ran.stdout), (1, format!("\n{}", both[0])), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: cannot read audio `*.flac`: no file fits"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().last(), Some("1 transcribed, 1 failed"));
}

#[test]
fn folders_are_entered_on_demand() {
    let shelf = shelf();
    let ran = in_folder(shelf.path(), &["transcribe", "--json", "."]);
    assert_eq!(ran.code, 1);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((record["path"].as_str(), record["error"]["kind"].as_str()), (Some("."), Some("io")));
    assert!(ran.stderr.contains("is a directory\nhint: `--recursive` takes"), "{}", ran.stderr);

    let ran = in_folder(shelf.path(), &["transcribe", "--recursive", "--json", "."]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let paths: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["path"].as_str().unwrap().to_owned())
        .collect();
    assert!(paths.len() == 2 && paths[0].ends_with("b[1].WAV") && paths[1].ends_with("a.wav"), "{paths:?}");

    fs::create_dir(shelf.path().join("empty")).unwrap();
    let ran = in_folder(shelf.path(), &["transcribe", "--recursive", "empty"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("`empty`: no audio file in this folder"), "{}", ran.stderr);
}

#[test]
fn samples_without_a_header_come_from_a_pipe() {
    let bytes: Vec<u8> = samples(FIRST).into_iter().flat_map(i16::to_le_bytes).collect();
    let ran = run_with_input(&["transcribe", "--raw", "s16le,16000,1", "-"], bytes);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, answer(&["transcribe", FIRST]));
}

#[test]
fn each_channel_has_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call.wav");
    let spec =
        WavSpec { channels: 2, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    let (left, right) = (samples(FIRST), samples(SECOND));
    for index in 0..left.len().max(right.len()) {
        for channel in [&left, &right] {
            writer.write_sample(channel.get(index).copied().unwrap_or(0)).unwrap();
        }
    }
    writer.finalize().unwrap();
    let ran = run(&["transcribe", "--json", "--channel", "each", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let records: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [one, two] = records.as_slice() else { panic!("{}", ran.stdout) };
    for (record, suffix, file) in [(one, "call.wav#1", FIRST), (two, "call.wav#2", SECOND)] {
        assert!(record["path"].as_str().unwrap().ends_with(suffix), "{record}");
        // Silence lengthens the shorter channel, which may change a word.
        let said = answer(&["transcribe", file]);
        let words: Vec<&str> = record["text"].as_str().unwrap().split(' ').collect();
        let heard = said.split_whitespace().filter(|word| words.contains(word)).count();
        assert!(2 * heard > said.split_whitespace().count(), "{said}: {record}");
    }
    assert_eq!(ran.stderr.lines().last(), Some("2 transcribed, 0 failed"));
    let out = dir.path().join("out");
    let line = ["transcribe", "--channel", "each", path.to_str().unwrap(), "--output-dir"];
    let line = [&line[..], &[out.to_str().unwrap(), "--resume"]].concat();
    for told in ["2 transcribed, 0 failed", "0 transcribed, 0 failed, 2 skipped as done before"] {
        let ran = run(&line);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().last()), (0, "", Some(told)));
        assert!(["call.wav#1.txt", "call.wav#2.txt"].iter().all(|name| out.join(name).is_file()));
    }
    // A pipe cannot be read once for each channel.
    let ran = run_with_input(&["transcribe", "--channel", "each", "-"], fs::read(&path).unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("can be read only once\nhint: "), "{}", ran.stderr);
}

#[test]
fn times_stay_those_of_the_whole_recording() {
    let starts = |args: &[&str]| -> Vec<f64> {
        let text = answer(&[&["transcribe", "--timestamps", "words"], args, &[FIRST]].concat());
        text.lines().map(|line| line.split('\t').next().unwrap().parse().unwrap()).collect()
    };
    let whole = starts(&[]);
    let late = starts(&["--start", "0:00.5"]);
    let (end, late_end) = (whole.last().unwrap(), late.last().unwrap());
    assert!((end - late_end).abs() < 0.25, "{whole:?} {late:?}");
    let record = common::record(&["transcribe", "--json", "--start", "0.5", "--duration", "1", FIRST]);
    assert!((record["duration"].as_f64().unwrap() - 1.0).abs() < 0.01, "{record}");
}

#[test]
fn what_is_told_can_be_more_or_less() {
    let silent = tempfile::tempdir().unwrap();
    let path = silent.path().join("silent.wav");
    let spec =
        WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    (0..32_000).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    let path = path.to_str().unwrap();
    let ran = run(&["transcribe", "--quiet", path, path]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let ran = run(&["transcribe", "--quiet", path, "missing.wav"]);
    assert!(ran.code == 1 && ran.stderr.starts_with("error: ") && ran.stderr.lines().count() == 1, "{ran:?}");
    let ran = run(&["transcribe", "--verbose", path]);
    let told: Vec<&str> = ran.stderr.lines().collect();
    assert!(told.len() == 2 && told[0].ends_with("no speech found"), "{told:?}");
    assert!(told[1].starts_with("2.0 s of audio in ") && told[1].ends_with(" times real time"), "{told:?}");
}

#[test]
fn words_are_coloured_where_it_is_asked_for() {
    let plain = answer(&["transcribe", FIRST]);
    let coloured = answer(&["transcribe", "--color", "always", FIRST]);
    let mut rest = coloured.clone();
    for code in ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[0m"] {
        rest = rest.replace(code, "");
    }
    assert!(rest == plain && coloured != plain, "{coloured:?}");
    let words = answer(&["transcribe", "--timestamps", "words", "--color", "always", FIRST]);
    assert!(words.lines().all(|line| line.split('\t').nth(2).unwrap().starts_with('\u{1b}')), "{words:?}");
    let by_environment = |name: &str| -> String {
        let output = slm(&["transcribe", FIRST]).env(name, "1").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(by_environment("CLICOLOR_FORCE"), coloured);
    assert_eq!(by_environment("NO_COLOR"), plain);
    // Where no word has a colour, asking for some is refused, and what the environment wants is left.
    for (form, told) in [
        (&["transcribe", "--json"][..], "has no effect on `--json`"),
        (&["transcribe", "--format", "srt"], "has no effect on `--format srt`"),
        (&["transcribe", "--stream"], "has no effect on `--stream`"),
        (&["translate", "--to", "german"], "needs a transcript, the task is `translate.german`"),
    ] {
        let ran = run(&[form, &["--color", "always", FIRST]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{form:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(&format!("error: `--color always` {told}\nhint: ")), "{}", ran.stderr);
    }
    let output = slm(&["transcribe", "--json", FIRST]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(output.status.success() && !output.stdout.contains(&0x1b));
}

#[test]
fn shells_and_the_manual_are_served() {
    for (shell, part) in [("bash", "_slm__cli"), ("zsh", "#compdef slm-cli"), ("fish", "complete -c slm-cli")]
    {
        let script = answer(&["completions", shell]);
        assert!(script.contains(part) && script.contains("recursive"), "{shell}: {script}");
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("man/man1");
    assert_eq!(answer(&["man", "--out", folder.to_str().unwrap()]), "");
    let page = fs::read_to_string(folder.join("slm-cli-transcribe.1")).unwrap();
    assert!(page.contains(".SH SEGMENTS") && page.contains("slm-cli 0."), "{page}");
    assert!(folder.join("slm-cli.1").is_file());
    assert!(answer(&["man"]).contains(".SH SUBCOMMANDS"));
    let ran = run(&["man", "--out", FIRST]);
    assert!(ran.code == 2 && ran.stderr.starts_with("error: cannot write `"), "{}", ran.stderr);
}

#[cfg(unix)]
mod signals {
    use std::io::{Read, Write};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// The program by itself, without a bundle beside it, with a place for temporary files of its own.
    fn installed(dir: &Path, args: &[&str]) -> Command {
        let program = dir.join("slm-cli");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_slm-cli"), &program).unwrap();
            fs::create_dir(dir.join("temporary")).unwrap();
        }
        let mut command = Command::new(&program);
        command.args(args).current_dir(dir).env("TMPDIR", dir.join("temporary"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn interrupt(child: &Child) {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn exit_code(mut child: Child) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            if start.elapsed() > Duration::from_mins(1) {
                child.kill().unwrap();
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_interrupt_while_the_model_loads_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let temporary = dir.path().join("temporary");
        let is_empty = || fs::read_dir(&temporary).unwrap().next().is_none();
        let mut interrupted = 0;
        for wait in [0, 10, 30, 60] {
            let file = repository().join(FIRST);
            let child = installed(dir.path(), &["transcribe", file.to_str().unwrap()]).spawn().unwrap();
            let start = Instant::now();
            while is_empty() && start.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(wait));
            interrupt(&child);
            let code = exit_code(child);
            assert!(code == 130 || code == 0, "{code}");
            interrupted += usize::from(code == 130);
            assert!(is_empty(), "after {wait} ms something was left behind");
        }
        assert!(interrupted > 0, "it was always done before");
    }

    #[test]
    fn an_interrupt_ends_a_pipe_that_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = repository().join(FIRST);
        // The first file is answered; the pipe gives silence and has no end.
        let mut child = installed(dir.path(), &["transcribe", file.to_str().unwrap(), "-"]).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0];
        stdout.read_exact(&mut first).unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let spec = WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        pipe.write_all(&spec.into_header_for_infinite_file()).unwrap();
        // More than any pipe holds: once it is written, the program has begun with the second input.
        pipe.write_all(&vec![0; 1 << 21]).unwrap();
        interrupt(&child);
        assert_eq!(exit_code(child), 130);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        // The second has an empty line, as lines and inputs stay in step.
        assert!(rest.lines().count() == 2 && rest.ends_with("\n\n"), "{rest}");
        drop(pipe);
    }

    #[test]
    fn a_model_in_the_program_finds_a_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = repository().join(FIRST);
        let mut command = installed(dir.path(), &["transcribe", file.to_str().unwrap()]);
        let nowhere = dir.path().join("nowhere");
        let output = command.env("TMPDIR", &nowhere).env("XDG_CACHE_HOME", &nowhere).output().unwrap();
        let ran = Ran::from(output);
        assert_eq!((ran.code, ran.stdout), (0, answer(&["transcribe", FIRST])), "{}", ran.stderr);
        let left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}
