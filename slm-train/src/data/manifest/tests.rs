//! Tests of reading and writing manifests: good rows, every named problem, paths that leave the folder.

use std::collections::BTreeMap;

use super::*;

/// A folder with `a.wav` and `b.wav`, each one second, and `content` as `train.jsonl`.
fn folder(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.wav", "b.wav"] {
        crate::data::synth::write_wav(&folder.path().join(name), &vec![0.1; 16_000]).unwrap();
    }
    let manifest = folder.path().join("train.jsonl");
    fs::write(&manifest, content).unwrap();
    (folder, manifest)
}

fn message(content: impl AsRef<[u8]>) -> String {
    let (_folder, manifest) = folder(content);
    let message = read(&manifest).unwrap_err().to_string();
    let start = format!("invalid manifest `{}`: ", manifest.display());
    message.strip_prefix(&start).expect(&message).to_owned()
}

const GOOD: &str = r#"{"audio_filepath": "a.wav", "duration": 1.0, "text": "hi"}"#;

#[test]
fn round_trip() {
    let (folder, manifest) = folder("");
    let full = Utterance {
        language: Some("en".into()),
        audio_filepath: folder.path().join("a.wav"),
        duration: 1.0,
        text: "Grüße, \"Anna\"\n".to_owned(),
        voice: Some("flite-slt".to_owned()),
        german: Some("de".to_owned()),
        spanish: Some("es".to_owned()),
        french: Some("fr".to_owned()),
        questions: vec![QuestionAnswer { question: "who".to_owned(), answer: "Anna".to_owned() }],
        fields: BTreeMap::from([("city".to_owned(), "Rome".to_owned())]),
        continuation: Some("on".to_owned()),
        reply: Some("yes".to_owned()),
        names: vec!["Anna".to_owned()],
        topic: Some("greeting".to_owned()),
        utterances: vec![Spoken { start: 0.0, end: 0.5, text: "Grüße".to_owned() }],
        stretches: vec![Stretch { start: 0.5, end: 1.0, sound: "pink".to_owned() }],
    };
    let plain: Utterance = serde_json::from_str(GOOD).unwrap();
    write(&manifest, &[full.clone(), plain]).unwrap();
    let rows = read(&manifest).unwrap();
    assert_eq!(rows[0], full);
    assert_eq!(rows[1].audio_filepath, folder.path().join("a.wav"));
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(r#""text_de":"de""#));
    assert_eq!(text.lines().nth(1).unwrap(), r#"{"audio_filepath":"a.wav","duration":1.0,"text":"hi"}"#);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn marks_blank_lines_and_aliases_are_accepted() {
    let other = r#"{"source": "./b.wav", "duration": 1, "target": "ho", "lang": "en"}"#;
    let (_folder, manifest) = folder(format!("\u{feff}\r\n{GOOD}\r\n\n  \n{other}"));
    let rows = read(manifest).unwrap();
    assert_eq!([rows[0].text.as_str(), rows[1].text.as_str()], ["hi", "ho"]);
}

#[test]
fn bad_lines_are_named() {
    assert_eq!(
        message(format!("{GOOD}\n\n{{\"duration\" 1}}\n")),
        "train.jsonl:3: expected `:` at column 13"
    );
    assert_eq!(message(GOOD.replace("1.0", "-1")), "train.jsonl:1: `duration` is -1, must be positive");
    assert!(message(GOOD.replace("1.0", "NaN")).starts_with("train.jsonl:1: expected"));
    assert!(message(GOOD.replace("1.0", "\"1\"")).contains("invalid type: string"));
    assert!(message(GOOD.replace("text", "txt")).contains("missing field `text`"));
    assert_eq!(
        message(GOOD.replace("1.0", "1.05")),
        "train.jsonl:1: `duration` is 1.05, the file has 1.000 s"
    );
    assert!(message(GOOD.replace("hi", &"x".repeat(MAX_LINE_BYTES))).contains("allowed are 65536"));
    assert!(message(b"{\"text\": \"\xff\"}").contains("train.jsonl:1: "));
}

#[test]
fn all_problems_are_collected() {
    let content = format!("{GOOD}\n") + &"{}\n".repeat(12);
    let text = message(content);
    assert!(text.starts_with("13 rows: 12 bad\n  train.jsonl:2: missing field"), "{text}");
    assert!(text.ends_with("  .. and 2 more"), "{text}");
    let missing = GOOD.replace("a.wav", "c.wav");
    let text = message(format!("{missing}\n{GOOD}\n{missing}"));
    assert!(text.starts_with("3 rows: 2 audio files missing\n"), "{text}");
    assert!(text.ends_with("train.jsonl:3: audio file `c.wav` is missing"), "{text}");
}

#[test]
fn paths_stay_in_the_folder() {
    for bad in ["../../etc/x", "/etc/passwd", "d/../../x", ""] {
        let text = message(GOOD.replace("a.wav", bad));
        assert_eq!(text, format!("train.jsonl:1: `{bad}` leaves the data root"));
    }
    assert!(stays_inside(Path::new("d/../a.wav")));
}

#[cfg(unix)]
#[test]
fn links_out_are_refused() {
    let (folder, manifest) = folder(GOOD.replace("a.wav", "link.wav"));
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link.wav")).unwrap();
    let text = read(manifest).unwrap_err().to_string();
    assert!(text.contains("`link.wav` leaves the data root"), "{text}");
}

#[test]
fn other_formats_are_recognised() {
    assert_eq!(message(format!("[\n{GOOD}\n]")), "this is a JSON array, expected one JSON object per line");
    assert!(message("path,duration,text\na.wav,1,hi\n").starts_with("this is CSV"));
    assert!(message("a.wav\thi\n").starts_with("this is a table with tabs"));
    assert!(message("{\n\"text\": \"hi\"\n}").contains("over several lines"));
    assert_eq!(message("\n \n"), "no rows");
}

#[test]
fn unusable_durations_are_not_written() {
    let (_folder, manifest) = folder(GOOD);
    let mut row: Utterance = serde_json::from_str(GOOD).unwrap();
    row.duration = f64::NAN;
    let text = write(&manifest, &[row]).unwrap_err().to_string();
    assert!(text.ends_with("train.jsonl:1: `duration` is NaN, must be positive"), "{text}");
    assert_eq!(fs::read_to_string(&manifest).unwrap(), GOOD);
}
