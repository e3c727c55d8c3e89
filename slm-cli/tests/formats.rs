//! `--format` and `--output-dir`: what is written, under which names, and what stays of work that ends early.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
#[path = "common/schema.rs"]
mod schema;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{FIRST, SECOND, answer, repository, run, slm};
use hound::{WavReader, WavWriter};
use serde_json::Value;

/// The names in a folder, in order.
fn listed(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// A recording of many segments: what is said, again and again.
fn long(dir: &Path) -> PathBuf {
    let path = dir.join("long.wav");
    let mut reader = WavReader::open(repository().join(FIRST)).unwrap();
    let said: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    let mut writer = WavWriter::create(&path, reader.spec()).unwrap();
    for sample in std::iter::repeat_n(&said, 50).flatten() {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
    path
}

#[test]
fn standard_output_has_every_format() {
    let said = answer(&["transcribe", FIRST]);
    let said = said.trim();
    assert_eq!(answer(&["transcribe", "--format", "txt", FIRST]).trim(), said);
    let subtitles = answer(&["transcribe", "--format", "srt", FIRST]);
    assert!(subtitles.starts_with("1\n00:00:00,") && subtitles.contains(said), "{subtitles}");
    let subtitles = answer(&["transcribe", "--format", "vtt", FIRST]);
    assert!(subtitles.starts_with("WEBVTT\n\n00:00.") && subtitles.contains(said), "{subtitles}");
    let narrow = answer(&["transcribe", "--format", "srt", "--max-line-width", "12", FIRST]);
    let lines = narrow.lines().filter(|line| line.starts_with(char::is_alphabetic));
    assert!(lines.clone().all(|line| line.len() <= 12), "{narrow}");
    assert_eq!(lines.collect::<Vec<_>>().join(" "), said);
    let table = answer(&["transcribe", "--format", "tsv", FIRST]);
    let (head, row) = table.split_once('\n').unwrap();
    assert_eq!((head, row.trim().split('\t').nth(2)), ("start\tend\ttext", Some(said)));
    let document: Value = serde_json::from_str(&answer(&["transcribe", "--format", "json", FIRST])).unwrap();
    assert_eq!(schema::faults(&document), [""; 0]);
    assert_eq!(document["text"].as_str(), Some(format!(" {said}").as_str()));
    let words = document["segments"][0]["words"].as_array().unwrap();
    assert_eq!(words.len(), said.split(' ').count());
    // A verb that is no transcript has documents too, and a failure is one.
    let german = answer(&["translate", "--to", "german", "--format", "json", "--n-best", "2", FIRST]);
    let german: Value = serde_json::from_str(&german).unwrap();
    assert_eq!(schema::faults(&german), [""; 0]);
    assert_eq!((&german["language"], german["segments"][0].get("words")), (&"german".into(), None));
    let ran = run(&["transcribe", "--format", "json", "missing.wav"]);
    let missing: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, schema::faults(&missing)), (1, vec![]));
    assert_eq!(missing["error"]["kind"], "io");
}

#[test]
fn files_are_named_after_their_inputs_and_done_once() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["mon", "tue"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let [monday, tuesday] = ["mon/talk.wav", "tue/talk.wav"].map(|name| dir.path().join(name));
    fs::copy(repository().join(FIRST), &monday).unwrap();
    fs::write(&tuesday, "no sound").unwrap();
    let out = dir.path().join("new/out");
    let paths = [&monday, &tuesday, &out].map(|path| path.to_str().unwrap());
    let line = [
        "transcribe",
        paths[0],
        paths[1],
        SECOND,
        "--format",
        "txt,srt",
        "--output-dir",
        paths[2],
        "--resume",
    ];
    let ran = run(&line);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().last(), Some("2 transcribed, 1 failed"));
    let second = Path::new(SECOND).file_stem().unwrap().to_str().unwrap();
    let mut expected = vec![format!("{second}.srt"), format!("{second}.txt")];
    expected.extend(["mon-talk.srt", "mon-talk.txt"].map(str::to_owned));
    assert_eq!(listed(&out), expected);
    assert_eq!(fs::read_to_string(out.join("mon-talk.txt")).unwrap(), answer(&["transcribe", FIRST]));
    // What failed or lacks a file is done again, the rest is not.
    fs::copy(repository().join(SECOND), &tuesday).unwrap();
    fs::remove_file(out.join("mon-talk.srt")).unwrap();
    let ran = run(&line);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().last(), Some("2 transcribed, 0 failed, 1 skipped as done before"));
    expected.extend(["tue-talk.srt", "tue-talk.txt"].map(str::to_owned));
    assert_eq!(listed(&out), expected);
    let ran = run(&line);
    assert_eq!(ran.stderr, "0 transcribed, 0 failed, 3 skipped as done before\n");
}

#[test]
fn what_was_done_stays_when_the_work_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let audio = long(dir.path());
    let out = dir.path().join("out");
    let [audio, folder] = [&audio, &out].map(|path| path.to_str().unwrap());
    let line = ["transcribe", "--format", "txt,json", "--output-dir", folder, audio];
    let mut child = slm(&line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    // Its text is there while the rest is still worked on.
    let text = loop {
        assert!(start.elapsed() < Duration::from_mins(2), "nothing was written");
        assert!(child.try_wait().unwrap().is_none(), "it ended before the first segment was seen");
        match fs::read_to_string(out.join("long.txt.part")) {
            Ok(text) if text.ends_with('\n') => break text,
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.contains(answer(&["transcribe", FIRST]).trim()), "{text}");
    assert_eq!(listed(&out), ["long.json.part", "long.txt.part"]);
    // Every segment of the unfinished document is a line of its own.
    let document = fs::read_to_string(out.join("long.json.part")).unwrap();
    if let Some(segment) = document.lines().nth(1) {
        let segment: Value = serde_json::from_str(segment.trim_end_matches(',')).unwrap();
        assert_eq!(segment["id"], 0);
    }
}

#[test]
fn lines_come_while_the_work_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let audio = long(dir.path());
    let line = ["transcribe", "--format", "jsonl", audio.to_str().unwrap()];
    let mut child = slm(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert!(child.try_wait().unwrap().is_none(), "it had ended when the first line came");
    assert_eq!((&first["kind"], &first["id"]), (&"segment".into(), &0.into()));
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert!(child.wait().unwrap().success());
    let (last, segments) = rest.split_last().unwrap();
    assert!(segments.iter().all(|line| line["kind"] == "segment"), "{segments:?}");
    assert_eq!(last["kind"], "input");
    let texts = std::iter::once(&first).chain(segments).map(|line| line["text"].as_str().unwrap());
    assert_eq!(texts.collect::<String>(), last["text"].as_str().unwrap());
}

#[test]
fn times_of_several_files_name_theirs() {
    let ran = run(&["transcribe", "--timestamps", "segments", FIRST, "missing.wav", SECOND]);
    let columns: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split('\t').collect()).collect();
    let names: Vec<&str> = columns.iter().map(|columns| columns[0]).collect();
    assert_eq!(names, [FIRST, SECOND]);
    assert!(columns.iter().all(|columns| columns.len() == 4), "{}", ran.stdout);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_have_records_of_their_own() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let mut command = slm(&["transcribe", "--json"]);
    for name in [&b"a\xff.wav"[..], b"a\xfe.wav"] {
        let path = dir.path().join(OsStr::from_bytes(name));
        // There are systems without such names.
        if fs::write(&path, "").is_err() {
            return;
        }
        command.arg(path);
    }
    let output = command.output().unwrap();
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ends: Vec<bool> = lines
        .iter()
        .zip(["a%FF.wav", "a%FE.wav"])
        .map(|(line, name)| line["path"].as_str().unwrap().ends_with(name))
        .collect();
    assert_eq!(ends, [true, true], "{lines:?}");
}
