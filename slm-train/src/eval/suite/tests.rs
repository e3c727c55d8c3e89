//! Tests of suites.

use super::*;

fn read(text: &str) -> anyhow::Result<Suite> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("eval.toml");
    std::fs::write(&path, text)?;
    Suite::read(&path)
}

#[test]
fn what_contradicts_is_named() {
    let suite = read(
        "bundle = \".\"\nwork = \"w\"\n[[corpus]]\nname = \"a\"\nmanifest = \"m.jsonl\"\n\
         [[run]]\ncorpus = \"a\"\ntasks = [\"transcribe\"]\ncontext = { phrases = 9, names = \"absent\" }\n",
    )
    .unwrap();
    assert!(suite.corpora[0].manifest.as_ref().unwrap().is_absolute());
    let error = read(
        "bundle = \".\"\nwork = \"w\"\n[[corpus]]\nname = \"a\"\n\
         [[run]]\ncorpus = \"b\"\ntasks = [\"sing\"]\n",
    )
    .unwrap_err();
    let text = format!("{error:#}");
    for part in
        ["needs one of `manifest`", "no corpus is named `b`", "unknown task `sing`; tasks are transcribe"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(read("bundle = 1").is_err());
}

const RECORDINGS_SUITE: &str = "bundle = \".\"\nwork = \"w\"\n[[corpus]]\nname = \"a\"\nmanifest = \"m.jsonl\"\n\
    [[corpus]]\nname = \"b\"\nrecordings = { from = \"a\", count = 1, layout = { pairs = { gap = 1 } } }\n\
    [[run]]\ncorpus = \"a\"\ntasks = [\"all\"]\n[[run]]\ncorpus = \"b\"\ntasks = [\"recordings\"]\n";

#[test]
fn a_part_of_a_suite_is_named_by_corpus_or_task() {
    let kept = |names: &[&str]| {
        let mut suite = read(RECORDINGS_SUITE).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        suite.keep_only(&names).map(|()| suite)
    };
    let recordings = kept(&["recordings"]).unwrap();
    assert_eq!(recordings.runs.len(), 1);
    assert_eq!(recordings.runs[0].corpus, "b");
    // What they are made of is needed as well.
    assert_eq!(recordings.needed().count(), 2);
    assert_eq!(kept(&["b"]).unwrap().runs, recordings.runs);
    let one = kept(&["transcribe"]).unwrap();
    assert_eq!((one.runs.len(), &one.runs[0].tasks), (1, &vec!["transcribe".to_owned()]));
    assert_eq!(one.needed().count(), 1);
    assert_eq!(kept(&["a", "recordings"]).unwrap().runs.len(), 2);
    let error = kept(&["recordings", "c"]).unwrap_err().to_string();
    assert!(error.contains("named `c`; it has a, ask, b,"), "{error}");
}

#[test]
fn recordings_that_cannot_be_made_are_named() {
    let bad = RECORDINGS_SUITE.replace("from = \"a\"", "from = \"b\"").replace("gap = 1", "gap = -1");
    let error = format!("{:#}", read(&bad).unwrap_err());
    assert!(error.contains("corpus `b` is one of recordings") && error.contains("`gap` is -1"), "{error}");
    let both = RECORDINGS_SUITE.replace("tasks = [\"recordings\"]", "tasks = [\"recordings\", \"ask\"]");
    assert!(format!("{:#}", read(&both).unwrap_err()).contains("recordings alone"));
}

#[test]
fn what_a_bundle_cannot_be_asked_is_named() {
    let suite = |tasks: &str| {
        let corpus = "[[corpus]]\nname = \"a\"\nsynth = { split = \"test\", count = 1, seed = 1 }\n";
        read(&format!("bundle = \".\"\nwork = \"w\"\n{corpus}[[run]]\ncorpus = \"a\"\ntasks = [{tasks}]\n"))
            .unwrap()
    };
    let known = ["transcribe", "translate.german", "field.name"];
    suite(r#""transcribe", "field", "translate.german""#).check_tasks(&known).unwrap();
    let error = suite(r#""chat", "transcribe", "ask", "chat""#).check_tasks(&known).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("no task `chat`; it has transcribe, translate.german, field.name"), "{text}");
    assert!(text.contains("no task `ask`") && text.matches("`chat`").count() == 1, "{text}");
    assert!(suite(r#""all""#).check_tasks(&known).is_err());
}
