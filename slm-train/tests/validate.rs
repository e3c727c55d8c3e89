//! `slm-train validate`: every bad row is told with its place, and what the good ones have is summed up.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn validate(arguments: &[&Path], options: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_slm-train");
    Command::new(program).arg("validate").args(arguments).args(options).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn good_data_is_summed_up() {
    let manifest = repository().join("tests/audio/test/manifest.jsonl");
    let tiny = repository().join("weights/slm-tiny");
    let (llm, encoder) = (tiny.join("llm"), tiny.join("encoder"));
    let options = ["--llm", llm.to_str().unwrap(), "--encoder", encoder.to_str().unwrap(), "--json"];
    let output = validate(&[&manifest], &options);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let summary = &found["summary"];
    let lines = fs::read_to_string(&manifest).unwrap().lines().count();
    assert_eq!((summary["rows"].as_u64(), summary["bad"].as_u64()), (Some(lines as u64), Some(0)));
    let seconds = summary["seconds"].as_f64().unwrap();
    // 10 ms a frame.
    assert_eq!(summary["frames"].as_u64(), Some((100.0 * seconds).round() as u64));
    let (tokens, characters) = (summary["tokens"].as_u64().unwrap(), summary["characters"].as_u64().unwrap());
    assert!(tokens > lines as u64 && tokens < characters, "{summary}");
}

#[test]
fn bad_rows_are_told_with_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let audio = repository().join("tests/audio/test/wav/000010-9ff32614.wav");
    fs::copy(audio, dir.path().join("a.wav")).unwrap();
    let manifest = dir.path().join("rows.jsonl");
    let rows = concat!(
        r#"{"audio_filepath": "a.wav", "text": "one"}"#,
        "\n",
        r#"{"audio_filepath": "gone.wav", "text": "two"}"#,
        "\n{}\n",
        r#"{"audio_filepath": "a.wav", "text": "long", "duration": 60}"#,
        "\n",
    );
    fs::write(&manifest, rows).unwrap();
    let output = validate(&[&manifest], &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    let starts = [
        "rows.jsonl:2: audio file `gone.wav` is missing",
        "rows.jsonl:3: missing field `text`",
        "rows.jsonl:4: `duration` is 60, the file has",
    ];
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), starts.len(), "{told}");
    assert!(lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{told}");
    assert!(text(&output.stdout).contains("4, of which 3 cannot be used"), "{}", text(&output.stdout));

    // Of the good ones, those that a filter takes.
    let output = validate(&[&manifest], &["--max-seconds", "1"]);
    let found = text(&output.stdout);
    assert!(found.contains("4, of which 3 cannot be used and 1 are left out"), "{found}");
    assert!(found.contains("hours          0.00"), "{found}");

    let elsewhere = tempfile::tempdir().unwrap();
    let output = validate(&[&manifest], &["--data-root", elsewhere.path().to_str().unwrap()]);
    assert!(text(&output.stderr).contains("rows.jsonl:1: audio file `a.wav` is missing"));
    let output = validate(&[&dir.path().join("none.jsonl")], &[]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// Tasks find their rows, by name of the source, and say what does not fit.
#[test]
fn tasks_are_summed_up_over_all_sources() {
    let dir = tempfile::tempdir().unwrap();
    let audio = repository().join("tests/audio/test/wav/000010-9ff32614.wav");
    fs::copy(audio, dir.path().join("a.wav")).unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let tasks = concat!(
        "[[task]]\nname = \"transcribe\"\ntarget = \"text\"\nsources = \"heard\"\nphrasings = [\": repeat the text\", \": say it again\"]\n",
        "[[task]]\nname = \"translate.{target_language}\"\ntarget = \"translation\"\nfrom = \"both\"\nunfit = \"skip\"\n",
        "phrasings = [\": translate to {target_language}\", \": about {topic} in {target_language}\"]\n",
    );
    let tasks = write("tasks.toml", tasks);
    let heard = write("heard.jsonl", "{\"path\": \"a.wav\", \"text\": \"one two\", \"lang\": \"en\"}\n");
    let rows = concat!(
        r#"{"path": "a.wav", "text": "one", "lang": "en", "target_lang": "de", "translation": "eins", "topic": "numbers"}"#,
        "\n",
        r#"{"text": "two", "lang": "en", "target_lang": "fr", "translation": "deux", "topic": "numbers"}"#,
        "\n",
        r#"{"path": "a.wav", "text": "one", "lang": "en", "target_lang": "de", "topic": "numbers"}"#,
    );
    let pairs = write("pairs.jsonl", rows);
    let heard = PathBuf::from(format!("heard={}", heard.display()));
    let llm = repository().join("weights/slm-tiny/llm");
    let options = ["--tasks", tasks.to_str().unwrap(), "--llm", llm.to_str().unwrap(), "--json"];
    let output = validate(&[&heard, &pairs], &options);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let notes = text(&output.stderr);
    assert!(
        notes.contains(
            "tasks.toml:11: `{speech} : about {topic} in {target_language}` is learnt, and no template"
        ),
        "{notes}"
    );
    let stdout = text(&output.stdout);
    let found: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let [transcribe, translate] = found["tasks"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(
        (&transcribe["examples"], &transcribe["learnt"]),
        (&1.into(), &serde_json::json!(["transcribe"]))
    );
    assert_eq!(transcribe["languages"], serde_json::json!({"en": 1}));
    assert!(
        transcribe["longest_prompt"].as_u64().unwrap() > 3
            && transcribe["longest_target"].as_u64().unwrap() > 1
    );
    let names = ["translate.german", "translate.german_text", "translate.french_text"];
    assert_eq!(translate["learnt"], serde_json::json!(names));
    assert_eq!(translate["languages"], serde_json::json!({"en to de": 2, "en to fr": 1}));
    // Two rows have no translation, by speech and by text.
    let unfit = serde_json::json!({"no `translation`": 4, "no audio": 1});
    assert_eq!((&translate["examples"], &translate["unfit"]), (&3.into(), &unfit));
    let seconds = translate["seconds"].as_f64().unwrap();
    assert!(seconds > 1.0 && (seconds - transcribe["seconds"].as_f64().unwrap()).abs() < 1e-9);

    // Without `skip` such rows fail, and all are told; a file that is not sound ends at once.
    let strict = fs::read_to_string(&tasks).unwrap().replace("unfit = \"skip\"\n", "");
    fs::write(&tasks, &strict).unwrap();
    let output = validate(&[&heard, &pairs], &options[..2]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains(
            "does not fit task `translate.{target_language}` (tasks.toml:7): it has no `translation`"
        ),
        "{told}"
    );
    assert!(
        text(&output.stdout).contains("task translate.{target_language}\n  learnt as"),
        "{}",
        text(&output.stdout)
    );
    // A source that a task names and nobody gave, as the same file without its name.
    let path = PathBuf::from(heard.to_str().unwrap().strip_prefix("heard=").unwrap());
    fs::write(&tasks, strict.replace("from = \"both\"\n", "from = \"both\"\nunfit = \"skip\"\n")).unwrap();
    let output = validate(&[&heard, &pairs], &options[..2]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = validate(&[&path, &pairs], &options[..2]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    let expected = "tasks.toml:2: no source of the manifests is named `heard`; it is given as `NAME=PATH`";
    assert!(told.contains(expected), "{told}");
    fs::write(&tasks, strict.replace("from =", "form =")).unwrap();
    let output = validate(&[&heard, &pairs], &options[..2]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("tasks.toml:9: unknown field `form`"), "{}", text(&output.stderr));
}
