//! Tests of pools: the example of the documentation, what is wrong in a file, and what rows are asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::data::domain::Field;
use crate::data::domain::tasks::{Language, Task, instructions};
use crate::data::manifest::Utterance;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn pool(text: &str) -> TaskPool {
    TaskPool::parse(Path::new("tasks.toml"), text, Order::SpeechFirst).unwrap()
}

/// The first block of TOML in the documentation.
fn example() -> String {
    let text = fs::read_to_string(repository().join("docs/tasks.md")).unwrap();
    text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

fn row(mut fields: serde_json::Value) -> Utterance {
    let object = fields.as_object_mut().unwrap();
    object.entry("audio_filepath").or_insert("a.wav".into());
    object.entry("duration").or_insert(2.0.into());
    serde_json::from_value(fields).unwrap()
}

/// Label, what stands before and after the speech in the last phrasing, and the answer, of all that is asked.
fn asked(asker: &mut Asker, row: &Utterance, source: Option<&str>) -> Vec<(String, String, String, String)> {
    let all = asker.ask(row, source);
    all.iter()
        .map(|one| {
            asker.accept(one, row);
            let task = &asker.tasks()[one.task];
            let said = task.instruction(task.phrasings.last().unwrap(), &one.slots);
            (task.label(), said.before, said.after, one.target.clone())
        })
        .collect()
}

fn told(all: &[(String, String, String, String)]) -> Vec<[&str; 4]> {
    all.iter().map(|(label, before, after, target)| [&**label, &**before, &**after, &**target]).collect()
}

#[test]
fn the_example_of_the_documentation_is_asked_about_rows() {
    let pool = pool(&example());
    let mut asker = Asker::new(&pool);
    let plain = asked(&mut asker, &row(json!({"text": "hello"})), None);
    assert_eq!(told(&plain), [["transcribe", "", "These are the words:", "hello"]]);

    let fields = json!({"text": "hello", "lang": "en-GB", "target_lang": "de", "translation": "hallo"});
    let covost = asked(&mut asker, &row(fields), Some("covost"));
    assert_eq!(told(&covost)[1], ["translate.german", "", "Say it in German.", "hallo"]);
    let fields = json!({"text": "hello", "lang": "en", "target_lang": "cy", "translation": "helo"});
    let covost = asked(&mut asker, &row(fields), Some("covost"));
    assert_eq!(told(&covost)[1], ["translate.welsh", "", "Say it in welsh.", "helo"]);
    // Of another language, or another source.
    let fields = json!({"text": "salut", "lang": "fr", "target_lang": "de", "translation": "hallo"});
    assert_eq!(asked(&mut asker, &row(fields.clone()), Some("covost")).len(), 1);
    assert_eq!(asked(&mut asker, &row(fields), None).len(), 1);

    let fields = json!({"text": "anna called", "question": "who called", "answer": "anna"});
    let questions = asked(&mut asker, &row(fields), Some("questions"));
    let expected = [["ask", "", "who called", "anna"], ["ask_text", "", "who called", "anna"]];
    assert_eq!(told(&questions)[1..], expected);

    let fields = json!({"text": "red", "context": "blue", "comparisons": [
        {"question": "which is warm", "answer": "red"}, {"question": "which is cold", "answer": 7, "context": "green"}]});
    let compared = asked(&mut asker, &row(fields), Some("comparisons"));
    let expected = [
        ["compare", "Read this: blue\nThen listen:", "which is warm", "red"],
        ["compare", "Read this: green\nThen listen:", "which is cold", "7"],
    ];
    assert_eq!(told(&compared)[1..], expected);

    // A row of SLAM-LLM: its `target` is its text.
    let slam = row(json!({"key": "1", "source": "a.wav", "target": "HI", "prompt": "Write it."}));
    let slam = asked(&mut asker, &slam, Some("slam"));
    assert_eq!(
        told(&slam),
        [["transcribe", "", "These are the words:", "HI"], ["instruction", "", "Write it.", "HI"]]
    );

    let templates = pool.templates(asker.tasks());
    let expected = json!({
        "transcribe": ["{speech} Write down what is said.", "{speech} Transcribe the recording.",
            "{speech} What does the speaker say?", "{speech} These are the words:"],
        "translate.german": ["{speech} Translate into German.", "{speech} Say it in German."],
        "translate.welsh": ["{speech} Translate into welsh.", "{speech} Say it in welsh."],
        "ask": ["{speech} Answer the question: {question}", "{speech} {question}"],
        "compare": ["{speech} {question}"],
        "instruction": ["{speech} {instruction}"],
        "reply": ["{speech} Reply to the speaker."],
    });
    assert_eq!(json!(templates), expected);
    slm_core::Templates::parse(&templates).unwrap();
    // Text takes no time.
    let counts = &asker.counts()[2];
    assert_eq!((counts.examples, counts.seconds), (2, 2.0));
    assert_eq!(asker.finish().unwrap(), Vec::<String>::new());
}

/// What is wrong with a file, a problem a line.
fn problems(text: &str) -> Vec<String> {
    let error = TaskPool::parse(Path::new("some/tasks.toml"), text, Order::SpeechFirst).unwrap_err();
    assert!(error.to_string().starts_with("invalid tasks `some/tasks.toml`: "), "{error}");
    let PoolError::Invalid { problems, .. } = error else { panic!("{error}") };
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    let task = "[[task]]\nname = \"transcribe\"\ntarget = \"text\"\nphrasings = [\n  \"write\",\n]\n";
    let one = |from: &str, to: &str| {
        let all = problems(&task.replace(from, to));
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    };
    assert_eq!(
        one("target =", "targt ="),
        "tasks.toml:3: unknown field `targt`, expected one of `name`, `target`, `phrasings`, `templates`, `from`, `language`, `target_language`, `sources`, `each`, `weight`, `unfit`, `metric`"
    );
    assert_eq!(one("target = \"text\"\n", ""), "tasks.toml:1: missing field `target`");
    assert_eq!(one("[\n  \"write\",\n]", "[]"), "tasks.toml:2: `phrasings` of `transcribe` is empty");
    assert_eq!(
        one("\"write\"", "\"ok\",\n\"write {a b}\""),
        "tasks.toml:6: phrasing `write {a b}`: `{a b}` is no placeholder: a field has letters, digits, `_`, `-`, `.`"
    );
    assert_eq!(one("write", "write {a"), "tasks.toml:5: phrasing `write {a`: `{` without a `}` after it");
    assert_eq!(one("write", "write a}"), "tasks.toml:5: phrasing `write a}`: `}` without a `{` before it");
    assert_eq!(
        one("write", "{speech} {speech}"),
        "tasks.toml:5: phrasing `{speech} {speech}`: it has 2 `{speech}`, expected one at most"
    );
    assert_eq!(one("write", "{speech}"), "tasks.toml:5: phrasing `{speech}`: it has no words");
    assert_eq!(
        one("\"text\"", "\"the text\""),
        "tasks.toml:3: `target` is `the text`, expected the name of a field"
    );
    assert!(one("\"transcribe\"", "\"to {speaker}\"").starts_with("tasks.toml:2: `name` is `to {speaker}`"));
    assert!(one("target", "weight = 0\ntarget").contains("`weight` of `transcribe` is 0, must be above 0"));
    assert!(one("target", "from = \"ear\"\ntarget").starts_with("tasks.toml:3: unknown variant `ear`"));
    assert!(
        one("target", "sources = 3\ntarget").starts_with("tasks.toml:3: expected a text or a list of texts")
    );
    let of_request = one("\n]\n", "\n]\ntemplates = [\"about {speaker}\"]\n");
    assert!(
        of_request.starts_with("tasks.toml:7: template `{speech} about {speaker}`: `speaker` is no slot"),
        "{of_request}"
    );
    assert_eq!(problems("temperature = 1.0\n"), ["tasks.toml:1: no `[[task]]`"]);
    let more = format!("temperature = 0\n{task}\n[zero_shot]\nask = [\"{{who}}\"]\ntranscribe = [\"x\"]\n");
    let all = problems(&more);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[1].starts_with("tasks.toml:10: template `{speech} {who}`"), "{all:?}");
    assert_eq!(all[2], "tasks.toml:11: `transcribe` is a `[[task]]` too");
}

#[test]
fn rows_that_do_not_fit_are_refused_or_counted() {
    let task = "[[task]]\nname = \"ask\"\ntarget = \"answer\"\nphrasings = [\"{question}\", \"{language}: {question}\"]\n";
    let rows = [
        json!({"text": "x", "question": "who", "answer": "anna", "lang": "en"}),
        json!({"text": "x", "question": " ", "answer": "anna", "lang": "en"}),
        json!({"text": "x", "question": "who", "lang": "en"}),
        json!({"text": "x", "question": {"a": 1}, "answer": "anna", "lang": "en"}),
        json!({"text": "x", "question": "who", "answer": "anna"}),
        json!({"audio_filepath": "", "text": "words", "question": "who", "answer": "anna", "lang": "en"}),
    ];
    let strict = pool(task);
    let mut asker = Asker::new(&strict);
    let found: Vec<usize> = rows.iter().map(|one| asked(&mut asker, &row(one.clone()), None).len()).collect();
    assert_eq!(found, [1, 0, 0, 0, 0, 0]);
    let text = asker.finish().unwrap_err().to_string();
    let begin = "5 of 6 examples failed\n  `a.wav` does not fit task `ask` (tasks.toml:2): it has no `question`; it has ";
    assert!(text.starts_with(begin), "{text}");
    assert!(
        text.contains(
            "it has no `answer`; it has `audio_filepath`, `duration`, `language`, `question`, `text`"
        ),
        "{text}"
    );
    assert!(
        text.contains("its `question` is an object, expected a text, a number or a list of these"),
        "{text}"
    );
    assert!(text.contains("it has no `language`"), "{text}");
    assert!(
        text.ends_with("the text `words` does not fit task `ask` (tasks.toml:2): it has no audio"),
        "{text}"
    );

    let lenient = pool(&format!("{task}unfit = \"skip\"\n"));
    let mut asker = Asker::new(&lenient);
    for one in rows {
        asked(&mut asker, &row(one), None);
    }
    let unfit = &asker.counts()[0].unfit;
    let reasons = ["`question` is an object", "no `answer`", "no `language`", "no `question`", "no audio"];
    assert_eq!(*unfit, BTreeMap::from(reasons.map(|reason| (reason.to_owned(), 1))));
    let skipped = asker.finish().unwrap();
    assert!(
        skipped[0].starts_with("task `ask`: 1 examples; left out: 1 (`question` is an object), 1 (no"),
        "{skipped:?}"
    );
}

/// The pool of the reference model asks as its language model has learnt to be asked.
#[test]
fn the_pool_of_the_reference_model_has_the_words_of_its_language_model() {
    let path = repository().join("weights/recipe/tasks.toml");
    let mut tasks = vec![
        ("transcribe".to_owned(), Task::Repeat),
        ("spell".to_owned(), Task::Spell),
        ("ask".to_owned(), Task::Question),
        ("continue".to_owned(), Task::Continue),
        ("reply".to_owned(), Task::Reply),
        ("chat".to_owned(), Task::Chat),
    ];
    tasks.extend(Language::ALL.map(|to| (format!("translate.{}", to.as_str()), Task::Translate(to))));
    tasks.extend(Field::ALL.map(|field| (format!("field.{}", field.as_str()), Task::Field(field))));
    for order in [Order::SpeechFirst, Order::InstructionFirst] {
        let pool = TaskPool::read(&path, order).unwrap();
        let mut found = pool.templates(Asker::new(&pool).tasks());
        let placed = |text: &str| match order {
            Order::SpeechFirst => format!("{{speech}} {text}"),
            Order::InstructionFirst => format!("{text} {{speech}}"),
        };
        assert_eq!(found.remove("instruction").unwrap(), [placed(": {instruction}")]);
        let expected = tasks.iter().map(|(key, task)| {
            (key.clone(), instructions(*task).iter().map(|text| placed(text)).collect::<Vec<_>>())
        });
        assert_eq!(found, expected.collect());
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = TaskPool::read(Path::new("none.toml"), Order::SpeechFirst).unwrap_err();
    assert!(error.to_string().starts_with("cannot read tasks `none.toml`"), "{error}");
}
