//! Tests of reading and writing manifests: good rows, every named problem, paths that leave the folder.

use std::collections::BTreeMap;

use super::*;
use crate::data::speech;

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
        target_language: Some("de".into()),
        task: Some("asr".into()),
        offset: None,
        channel: None,
        member: None,
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
        others: BTreeMap::from([("pnc".to_owned(), serde_json::json!("yes"))]),
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
fn paths_stay_in_the_data_root() {
    for bad in ["../../etc/x", "/etc/passwd", "d/../../x"] {
        let (folder, manifest) = folder(GOOD.replace("a.wav", bad));
        let settings = ReadSettings { data_root: Some(folder.path().to_owned()), ..ReadSettings::default() };
        let text = read_with(manifest, &settings).unwrap_err().to_string();
        assert!(text.ends_with(&format!("train.jsonl:1: `{bad}` leaves the data root")), "{text}");
    }
    // Relative paths begin at the root, wherever the manifest is.
    let (folder, _) = folder("");
    fs::create_dir(folder.path().join("d")).unwrap();
    let manifest = folder.path().join("d/train.jsonl");
    fs::write(&manifest, GOOD.replace("a.wav", "d/../a.wav")).unwrap();
    let settings = ReadSettings { data_root: Some(folder.path().to_owned()), ..ReadSettings::default() };
    assert_eq!(read_with(&manifest, &settings).unwrap().len(), 1);
    // Without a root all paths are allowed.
    let elsewhere = folder.path().join("b.wav");
    fs::write(&manifest, GOOD.replace("a.wav", elsewhere.to_str().unwrap())).unwrap();
    assert_eq!(read(&manifest).unwrap()[0].audio_filepath, elsewhere);
    fs::write(&manifest, GOOD.replace("a.wav", "../b.wav")).unwrap();
    assert_eq!(read(&manifest).unwrap().len(), 1);
    assert_eq!(message(GOOD.replace("a.wav", "")), "train.jsonl:1: no `audio_filepath`");
}

#[test]
fn durations_are_measured_and_parts_are_checked() {
    let (_folder, manifest) = folder(concat!(
        r#"{"audio_filepath": "a.wav", "text": "all"}"#,
        "\n",
        r#"{"audio_filepath": "a.wav", "text": "null", "duration": null}"#,
        "\n",
        r#"{"audio_filepath": "a.wav", "text": "rest", "offset": 0.75}"#,
        "\n",
        r#"{"audio_filepath": "a.wav", "text": "part", "offset": 0.0, "duration": 0.5}"#,
        "\n",
    ));
    let rows = read(&manifest).unwrap();
    let durations: Vec<f64> = rows.iter().map(|row| row.duration).collect();
    assert_eq!(durations, [1.0, 1.0, 0.25, 0.5]);
    let lengths: Vec<usize> = rows.iter().map(|row| speech::samples(row).unwrap().samples.len()).collect();
    assert_eq!(lengths, [16_000, 16_000, 4_000, 8_000]);
    let hashes = speech::hashes(&rows).unwrap();
    assert!(hashes[0] == hashes[1] && hashes[2] != hashes[3] && hashes[0] != hashes[3]);

    let part = |offset: &str| message(GOOD.replace("1.0,", &format!("0.5, \"offset\": {offset},")));
    assert_eq!(part("0.75"), "train.jsonl:1: it ends at 1.250 s, the file has 1.000 s");
    assert_eq!(part("-1"), "train.jsonl:1: `offset` is -1, must be 0 or more");
}

#[test]
fn files_are_looked_at_as_asked() {
    let rows = concat!(
        r#"{"audio_filepath": "a.wav", "text": "good", "duration": 1.0}"#,
        "\n",
        r#"{"audio_filepath": "no.flac", "text": "no audio", "duration": 1.0}"#,
        "\n",
        r#"{"audio_filepath": "no.wav", "text": "no audio", "duration": 1.0}"#,
        "\n",
    );
    let (folder, manifest) = folder(rows);
    for name in ["no.flac", "no.wav"] {
        fs::write(folder.path().join(name), "no audio").unwrap();
    }
    let read_as = |files: FileCheck| read_with(&manifest, &ReadSettings { files, ..ReadSettings::default() });
    assert_eq!(read_as(FileCheck::Headers).unwrap().len(), 3);
    let text = read_as(FileCheck::Opened).unwrap_err().to_string();
    assert!(text.starts_with(&format!("invalid manifest `{}`: 3 rows: 2 bad", manifest.display())), "{text}");
    assert!(text.contains("train.jsonl:2: cannot read audio") && text.contains("train.jsonl:3: "), "{text}");
    // Of what states no duration and cannot be read, nothing is known, which is for the reader of the file to tell.
    fs::write(&manifest, rows.replace(r#", "duration": 1.0"#, "").replace("no.wav", "gone.wav")).unwrap();
    assert_eq!(read_as(FileCheck::Headers).unwrap_err().to_string().lines().count(), 3);
    let rows = read_as(FileCheck::Later).unwrap();
    assert_eq!(rows.iter().map(|row| row.duration).collect::<Vec<_>>(), [1.0, 0.0, 0.0]);
    assert!(rows[1..].iter().all(|row| speech::samples(row).is_err()));
}

#[cfg(unix)]
#[test]
fn links_out_are_refused() {
    let (folder, manifest) = folder(GOOD.replace("a.wav", "link.wav"));
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link.wav")).unwrap();
    let settings = ReadSettings { data_root: Some(folder.path().to_owned()), ..ReadSettings::default() };
    let text = read_with(manifest, &settings).unwrap_err().to_string();
    assert!(text.contains("`link.wav` leaves the data root"), "{text}");
}

#[test]
fn other_formats_are_recognised() {
    let text = message(format!("[\n{GOOD}\n]"));
    assert!(text.starts_with("this is a JSON array, expected one JSON object per line, a table"), "{text}");
    assert!(message("path,duration,text\na.wav,1,hi\n").starts_with("this is CSV"));
    assert_eq!(message("a.wav\thi\n"), "no column `path`, found `a.wav`, `hi`");
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

/// What the rows of a file with this name and content are, beside `a.wav` and `b.wav`.
fn rows_of(
    name: &str,
    content: impl AsRef<[u8]>,
) -> Result<(tempfile::TempDir, Vec<Utterance>), ManifestError> {
    let (folder, _) = folder("");
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    read(&path).map(|rows| (folder, rows))
}

/// Rows as NeMo and SLAM-LLM have them, with fields that nothing here knows.
#[test]
fn fields_of_nemo_and_slam_llm() {
    let canary = r#"{"audio_filepath": "a.wav", "duration": 1.0, "text": "hallo", "source_lang": "en", "target_lang": "de",
        "taskname": "ast", "pnc": "yes"}"#
        .replace('\n', "");
    let slam = r#"{"key": "7", "source": "b.wav", "target": "HI", "prompt": "Write it.", "extra": {"a": 1}}"#;
    let (_folder, rows) = rows_of("x.jsonl", format!("{canary}\n{slam}\n")).unwrap();
    assert_eq!(rows[0].language.as_deref(), Some("en"));
    assert_eq!(rows[0].target_language.as_deref(), Some("de"));
    assert_eq!(rows[0].task.as_deref(), Some("ast"));
    assert_eq!(rows[0].others["pnc"], "yes");
    assert_eq!((rows[1].text.as_str(), rows[1].duration), ("HI", 1.0));
    assert_eq!(rows[1].others["prompt"], "Write it.");
    assert_eq!(rows[1].others["extra"]["a"], 1);
}

/// Another name of a field stands for it only where the field itself is not there.
#[test]
fn a_row_may_have_what_is_said_and_what_is_answered() {
    let both = GOOD.replace("\"hi\"", "\"who is it\", \"target\": \"anna\", \"source\": \"phone\"");
    let (_folder, rows) = rows_of("x.jsonl", both).unwrap();
    assert_eq!((rows[0].text.as_str(), &rows[0].others["target"]), ("who is it", &"anna".into()));
    assert!(rows[0].audio_filepath.ends_with("a.wav"));
    assert_eq!(rows[0].others["source"], "phone");
    let again: Utterance = serde_json::from_value(serde_json::to_value(&rows[0]).unwrap()).unwrap();
    assert_eq!(again, rows[0]);
}

#[test]
fn rows_without_audio_are_read_where_they_may_be() {
    let content = "{\"text\": \"who is it\", \"answer\": \"anna\"}\n";
    assert_eq!(message(content), "train.jsonl:1: no `audio_filepath`");
    let (_folder, manifest) = folder(content);
    let settings = ReadSettings { audio: Audio::Optional, ..ReadSettings::default() };
    let rows = read_with(&manifest, &settings).unwrap();
    assert_eq!((rows[0].has_audio(), rows[0].duration, rows[0].text.as_str()), (false, 0.0, "who is it"));
    assert!(write(&manifest, &rows).unwrap_err().to_string().ends_with("no `audio_filepath`"));
}

#[test]
fn tables_of_common_voice_and_covost() {
    let header = "client_id\tpath\tsentence\tup_votes\tlocale";
    let (folder, rows) =
        rows_of("train.tsv", format!("{header}\nab12\ta.wav\tHe said \"hi\".\t2\tde\r\n")).unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(row.text, "He said \"hi\".");
    assert_eq!((row.voice.as_deref(), row.language.as_deref()), (Some("ab12"), Some("de")));
    assert_eq!((row.audio_filepath.clone(), row.duration), (folder.path().join("a.wav"), 1.0));

    // The audio of the published corpora is in `clips/`.
    fs::create_dir(folder.path().join("clips")).unwrap();
    crate::data::synth::write_wav(&folder.path().join("clips/c.wav"), &vec![0.1; 8_000]).unwrap();
    let covost = folder.path().join("covost_v2.fr_en.dev.tsv");
    fs::write(&covost, "path\tsentence\ttranslation\tclient_id\nc.wav\tBonjour\tHello\tx\n").unwrap();
    let row = read(&covost).unwrap().remove(0);
    assert_eq!((row.text.as_str(), row.duration), ("Bonjour", 0.5));
    assert_eq!((row.language.as_deref(), row.target_language.as_deref()), (Some("fr"), Some("en")));
    assert_eq!(row.others["translation"], "Hello");

    let text = rows_of("x.tsv", format!("{header}\nab12\ta.wav\n")).unwrap_err().to_string();
    assert!(text.ends_with("x.tsv:2: 2 fields, the header has 5"), "{text}");
    let text = rows_of("x.tsv", "path\tup_votes\na.wav\t1\n").unwrap_err().to_string();
    assert!(text.ends_with("no column `sentence`, found `path`, `up_votes`"), "{text}");
}

#[test]
fn folders_of_librispeech() {
    let dir = tempfile::tempdir().unwrap();
    let chapter = dir.path().join("dev-clean/84/121123");
    fs::create_dir_all(&chapter).unwrap();
    for name in ["84-121123-0000", "84-121123-0001"] {
        crate::data::synth::write_wav(&chapter.join(format!("{name}.wav")), &vec![0.1; 16_000]).unwrap();
    }
    let transcripts = chapter.join("84-121123.trans.txt");
    fs::write(&transcripts, "84-121123-0000 GO ON\n84-121123-0001 DO YOU\n").unwrap();
    let rows = read(dir.path()).unwrap();
    assert_eq!(rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(), ["GO ON", "DO YOU"]);
    assert_eq!((rows[1].voice.as_deref(), rows[1].language.as_deref()), (Some("84"), Some("en")));
    assert_eq!(speech::samples(&rows[0]).unwrap().samples.len(), 16_000);

    // Whatever format the audio has.
    fs::rename(chapter.join("84-121123-0001.wav"), chapter.join("84-121123-0001.oga")).unwrap();
    assert_eq!(read(dir.path()).unwrap().len(), 2);

    fs::write(&transcripts, "84-121123-0000 GO ON\n84-121123-0002 LOST\n84-121123-0001\n").unwrap();
    let text = read(dir.path()).unwrap_err().to_string();
    assert!(text.contains("3 rows: 1 bad, 1 audio files missing"), "{text}");
    assert!(text.contains("84-121123.trans.txt:3: no text after the name"), "{text}");
    let text = read(tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
    assert!(text.contains("a folder without `.trans.txt` files"), "{text}");
}

#[test]
fn cuts_of_lhotse() {
    let (folder, _) = folder("");
    let audio = folder.path().join("a.wav");
    let cut = |kind: &str, source: &str| {
        serde_json::json!({
            "id": "cut-1", "start": 0.25, "duration": 0.5, "channel": 0, "type": kind,
            "supervisions": [{"id": "s", "recording_id": "r", "start": 0.0, "duration": 0.5, "text": "hi there",
                "language": "English", "speaker": "bo", "custom": {"translation": "hallo da", "target_lang": "de"}}],
            "custom": {"translation": "of the cut", "reply": "hello", "offset": 7},
            "recording": {"id": "r", "sources": [{"type": source, "channels": [0], "source": audio}],
                "sampling_rate": 16000, "num_samples": 16000, "duration": 1.0}
        })
        .to_string()
    };
    // As lhotse writes them.
    let path = folder.path().join("cuts.jsonl.gz");
    let mut file = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
    writeln!(file, "{}", cut("MonoCut", "file")).unwrap();
    file.finish().unwrap();
    let row = read(&path).unwrap().remove(0);
    assert_eq!((row.text.as_str(), row.voice.as_deref()), ("hi there", Some("bo")));
    assert_eq!((row.offset, row.duration), (Some(0.25), 0.5));
    assert_eq!(speech::samples(&row).unwrap().samples.len(), 8_000);
    // What its author added are fields of the row.
    assert_eq!(row.others["translation"], "hallo da");
    assert_eq!(
        (row.target_language.as_deref(), row.reply.as_deref(), row.language.as_deref()),
        (Some("de"), Some("hello"), Some("English"))
    );
    // Relative paths begin in the data root.
    fs::create_dir(folder.path().join("in")).unwrap();
    let path = folder.path().join("in/cuts.jsonl");
    fs::write(&path, cut("MonoCut", "file").replace(audio.to_str().unwrap(), "a.wav")).unwrap();
    let settings = ReadSettings { data_root: Some(folder.path().to_owned()), ..ReadSettings::default() };
    assert_eq!(read_with(&path, &settings).unwrap()[0].audio_filepath, audio);

    for (kind, source, expected) in [
        ("MixedCut", "file", "the cut's `type` is `MixedCut`"),
        ("MonoCut", "command", "the source's `type` is `command`"),
    ] {
        let text = rows_of("cuts.jsonl", cut(kind, source)).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

/// Writes a tar archive of these members.
fn shard(path: &Path, members: &[(&str, &[u8])]) {
    let mut archive = tar::Builder::new(File::create(path).unwrap());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn tar_shards_are_read_in_place() {
    let (folder, _) = folder("");
    let wav = fs::read(folder.path().join("a.wav")).unwrap();
    let short = folder.path().join("short.wav");
    crate::data::synth::write_wav(&short, &vec![0.1; 4_000]).unwrap();
    let short = fs::read(short).unwrap();
    let dir = tempfile::tempdir().unwrap();
    shard(
        &dir.path().join("t-00.tar"),
        &[
            ("d/001.wav", &wav),
            ("d/001.txt", b"first\n"),
            ("d/001.cls", b"7"),
            ("d/002.json", br#"{"text": "second", "lang": "de", "path": "gone.wav"}"#),
            ("d/002.wav", &short),
        ],
    );
    shard(&dir.path().join("t-01.tar"), &[("003.txt", b"third"), ("003.WAVE", &wav)]);
    for source in [dir.path().to_owned(), dir.path().join("t-{00..01}.tar")] {
        let rows = read(&source).unwrap();
        assert_eq!(
            rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(),
            ["first", "second", "third"]
        );
        assert_eq!(rows.iter().map(|row| row.duration).collect::<Vec<_>>(), [1.0, 0.25, 1.0]);
        assert_eq!(rows[1].language.as_deref(), Some("de"));
        assert_eq!(speech::samples(&rows[1]).unwrap().samples.len(), 4_000);
        let hashes = speech::hashes(&rows).unwrap();
        assert!(hashes[0] == hashes[2] && hashes[0] != hashes[1]);
        // A manifest cannot say where in an archive the audio is.
        let text = write(dir.path().join("out.jsonl"), &rows).unwrap_err().to_string();
        assert!(
            text.contains("3 rows: 3 bad") && text.contains("expected a file outside of an archive"),
            "{text}"
        );
    }

    let path = dir.path().join("t-01.tar");
    shard(&path, &[("004.txt", b"no sound"), ("005.wav", &wav)]);
    let text = read(&path).unwrap_err().to_string();
    assert!(text.contains("t-01.tar:004: no audio under this key"), "{text}");
    assert!(text.contains("t-01.tar:005: missing field `text`"), "{text}");
    // What was read before the damage is there, and the damage is told.
    shard(&path, &[("006.wav", &wav), ("006.txt", b"whole"), ("007.wav", &wav), ("007.txt", b"cut")]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2 + 1024);
    fs::write(&path, bytes).unwrap();
    let text = read(&path).unwrap_err().to_string();
    assert!(text.contains("t-01.tar:007"), "{text}");
}

#[test]
fn what_a_source_has_is_summed_up() {
    let other = r#"{"audio_filepath": "b.wav", "duration": 1, "text": "hallo", "lang": "de", "voice": "bo"}"#;
    let ast =
        r#"{"audio_filepath": "b.wav", "text": "x", "lang": "de", "target_lang": "en", "taskname": "ast"}"#;
    let (_folder, manifest) = folder(format!("{GOOD}\n{{}}\n{other}\n{ast}\n"));
    let mut bad = Vec::new();
    let words = |text: &str| text.split(' ').count();
    let settings = ReadSettings::default();
    let (mut good, mut tell) = (0, |row: BadRow| bad.push(row.to_string()));
    let counting = Counting { tokens: Some(&words), frames_per_second: Some(100.0), takes: &|_| true };
    let found = summarise(&manifest, &settings, counting, &mut |_| good += 1, &mut tell).unwrap();
    assert_eq!(good, 3);
    assert_eq!((found.rows, found.bad, found.seconds), (4, 1, 3.0));
    assert_eq!((found.tokens, found.frames, found.voices), (Some(3), Some(300), 1));
    assert_eq!(found.languages.keys().collect::<Vec<_>>(), ["de", "de to en", "unknown"]);
    assert_eq!(found.tasks["ast"], 1);
    assert_eq!(bad, ["train.jsonl:2: missing field `text`"]);
}
