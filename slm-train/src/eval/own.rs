//! Tasks of a file of tasks: each is asked in its first phrasing, about every row that fits.
//!
//! The words of a phrasing become a template and a request, so that a bundle is asked in exactly these, whether it knows
//! the task or not. A task whose name says what to do, such as `translate.german`, is asked for as that where all rows have
//! the same words; any other one is an instruction in the user's words.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use slm_core::Task;
use slm_core::models::prompt::Instruction;

use super::tasks::{Case, Headline, OwnTask};
use crate::data::manifest::Utterance;
use crate::data::pool::{Asker, LearntTask, Medium, Metric, PoolTask, Reads, TaskPool};

/// The key of instructions in the user's words.
const INSTRUCTION: &str = "instruction";

/// What a file of tasks asks about a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnTasks {
    /// In the order of the file; one that tells languages is one of them for each language.
    pub tasks: Vec<OwnTask>,
    /// What is to be told: rows that do not fit, tasks that are not asked.
    pub notes: Vec<String>,
}

/// What a task asks about a row.
struct Found {
    utterance: usize,
    instruction: Instruction,
    reference: String,
}

/// The rows of a task.
struct Gathered {
    name: String,
    /// Where it stands in the file.
    line: usize,
    metric: Option<Metric>,
    found: Vec<Found>,
}

impl OwnTasks {
    /// What the tasks of `pool` ask about `utterances` of the source `source`; with `only`, the task of that name, be it
    /// the name in the file or with a language in it.
    ///
    /// # Errors
    ///
    /// A name that no task has, tasks without a row, and words that no request can have.
    pub fn of(
        pool: &TaskPool,
        only: Option<&str>,
        utterances: &[Utterance],
        source: Option<&str>,
    ) -> anyhow::Result<Self> {
        let is_wanted =
            |task: &LearntTask| only.is_none_or(|name| task.name == name || task.of(pool).name == name);
        let mut asker = Asker::new(pool);
        let mut gathered: BTreeMap<String, Gathered> = BTreeMap::new();
        for (utterance, row) in utterances.iter().enumerate() {
            for asked in asker.ask(row, source) {
                let task = &asker.tasks()[asked.task];
                let Some(phrasing) = task.phrasings.first() else { continue };
                // Each is asked by speech and by the text, whatever it is learnt from.
                if task.medium == Medium::Text || !is_wanted(task) {
                    continue;
                }
                let entry = task.of(pool);
                let rows = gathered.entry(task.name.clone()).or_insert_with(|| Gathered {
                    name: task.name.clone(),
                    line: entry.line.line,
                    metric: None,
                    found: Vec::new(),
                });
                rows.metric = rows.metric.or(entry.metric);
                let instruction = task.instruction(phrasing, &asked.slots);
                rows.found.push(Found { utterance, instruction, reference: asked.target });
            }
        }
        check_name(pool, &asker, only)?;
        let known: Vec<&str> = source.into_iter().collect();
        let mut notes = left_out(pool, &asker, only);
        if only.is_none() || gathered.is_empty() {
            notes.extend(pool.unknown_sources(&known));
        }
        if gathered.is_empty() {
            let lines: Vec<String> = notes.iter().map(|note| format!("\n  {note}")).collect();
            let what = if only.is_some() { "the task" } else { "a task" };
            anyhow::bail!("no row can be asked {what}{}", lines.concat());
        }
        let mut gathered: Vec<Gathered> = gathered.into_values().collect();
        gathered.sort_by(|a, b| a.line.cmp(&b.line).then_with(|| a.name.cmp(&b.name)));
        let tasks = gathered.into_iter().map(|rows| rows.task(utterances)).collect::<anyhow::Result<_>>()?;
        Ok(Self { tasks, notes })
    }
}

/// Refuses a name that no task has.
fn check_name(pool: &TaskPool, asker: &Asker<'_>, only: Option<&str>) -> anyhow::Result<()> {
    let in_file = pool.tasks.iter().map(|task| task.name.as_str());
    let known: BTreeSet<&str> = in_file.chain(asker.tasks().iter().map(|task| task.name.as_str())).collect();
    match only {
        Some(name) if !known.contains(name) => {
            let known: Vec<&str> = known.into_iter().collect();
            anyhow::bail!("there is no task `{name}`; there are {}", known.join(", "))
        }
        _ => Ok(()),
    }
}

/// A line for every wanted task that leaves rows out, or is not asked at all.
fn left_out(pool: &TaskPool, asker: &Asker<'_>, only: Option<&str>) -> Vec<String> {
    let is_wanted = |entry: &PoolTask| {
        let is_learnt_as = |name: &str| {
            asker.tasks().iter().any(|task| task.name == name && task.of(pool).line == entry.line)
        };
        only.is_none_or(|name| entry.name == name || is_learnt_as(name))
    };
    let mut notes = Vec::new();
    for (entry, count) in pool.tasks.iter().zip(asker.counts()).filter(|(entry, _)| is_wanted(entry)) {
        let (name, line) = (&entry.name, &entry.line);
        if entry.from == Reads::Text {
            notes.push(format!("{line}: task `{name}` reads text alone, and is not asked by speech"));
        } else if !count.unfit.is_empty() {
            let reasons = count.unfit.iter().map(|(reason, rows)| format!("{rows} ({reason})"));
            let reasons = reasons.collect::<Vec<_>>().join(", ");
            notes.push(format!("{line}: task `{name}` leaves out: {reasons}"));
        }
    }
    notes
}

impl Gathered {
    fn task(self, utterances: &[Utterance]) -> anyhow::Result<OwnTask> {
        let headline = self.headline(utterances);
        let Self { name, found, .. } = self;
        let instructions: Vec<&Instruction> = found.iter().map(|one| &one.instruction).collect();
        let Form { key, template, tasks } = Form::of(&name, &instructions).with_context(|| {
            format!(
                "the words of task `{name}` differ from row to row before and after the speech, and those of a request are \
                 on one side"
            )
        })?;
        let cases = found.into_iter().zip(tasks).map(|(found, task)| {
            let Found { utterance, reference, .. } = found;
            Case { utterance, task, reference }
        });
        Ok(OwnTask { headline, cases: cases.collect(), key, template, name })
    }

    /// What the file says; else what tasks of this name are judged by; else the words, where what is said is to be written.
    fn headline(&self, utterances: &[Utterance]) -> Headline {
        let kind = self.name.split_once('.').map_or(self.name.as_str(), |(kind, _)| kind);
        let of_name = match kind {
            "transcribe" | "spell" => Some(Headline::WordAccuracy),
            "translate" | "continue" | "reply" | "chat" => Some(Headline::Chrf),
            "ask" | "field" => Some(Headline::ExactMatch),
            _ => None,
        };
        let is_transcript = |found: &Found| {
            let row = &utterances[found.utterance];
            found.reference == row.text || (row.language.is_some() && row.language == row.target_language)
        };
        let of_rows = || {
            if self.found.iter().all(is_transcript) { Headline::WordAccuracy } else { Headline::Chrf }
        };
        self.metric.map(Headline::from).or(of_name).unwrap_or_else(of_rows)
    }
}

impl From<Metric> for Headline {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::Wer => Self::WordAccuracy,
            Metric::Chrf => Self::Chrf,
            Metric::ExactMatch => Self::ExactMatch,
        }
    }
}

/// How a task is asked for.
struct Form {
    key: String,
    template: String,
    /// What is asked about each row.
    tasks: Vec<Task>,
}

impl Form {
    /// That of these instructions: what all of them share is in the template, the rest in the requests.
    fn of(name: &str, all: &[&Instruction]) -> Option<Self> {
        let before = shared(all.iter().map(|one| one.before.as_str()));
        let after = shared(all.iter().map(|one| one.after.as_str()));
        if let (Some(before), Some(after), Some(task)) = (before, after, Task::from_key(name)) {
            let template = format!("{before} {{speech}} {after}");
            return Some(Self { key: name.to_owned(), template, tasks: vec![task; all.len()] });
        }
        if let Some(before) = before
            && all.iter().all(|one| !one.after.is_empty())
        {
            let template = format!("{before} {{speech}} {{instruction}}");
            return Some(Self::of_words(template, all.iter().map(|one| one.after.as_str())));
        }
        let after = after.filter(|_| all.iter().all(|one| !one.before.is_empty()))?;
        let template = format!("{{instruction}} {{speech}} {after}");
        Some(Self::of_words(template, all.iter().map(|one| one.before.as_str())))
    }

    /// Instructions of these words in a template.
    fn of_words<'a>(template: String, words: impl Iterator<Item = &'a str>) -> Self {
        let tasks = words.map(|words| Task::Instruction(words.to_owned())).collect();
        Self { key: INSTRUCTION.to_owned(), template, tasks }
    }
}

/// The text that all of `texts` are, if it can stand in a template, where braces have a meaning.
fn shared<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = texts.next()?;
    (texts.all(|text| text == first) && !first.contains(['{', '}'])).then_some(first)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::data::pool::Order;

    fn pool(text: &str) -> TaskPool {
        TaskPool::parse(Path::new("tasks.toml"), text, Order::SpeechFirst).unwrap()
    }

    fn row(mut fields: serde_json::Value) -> Utterance {
        let object = fields.as_object_mut().unwrap();
        object.entry("audio_filepath").or_insert("a.wav".into());
        serde_json::from_value(fields).unwrap()
    }

    const TASKS: &str = r#"
        [[task]]
        name = "translate.{target_language}"
        target = "translation"
        phrasings = ["Say it in {target_language}.", "And so."]
        unfit = "skip"
        [[task]]
        name = "write"
        target = "text"
        phrasings = ["Write."]
        [[task]]
        name = "look"
        target = "answer"
        from = "both"
        metric = "exact-match"
        unfit = "skip"
        phrasings = ["Hear this: {speech} {question}"]
        [[task]]
        name = "about"
        target = "answer"
        sources = "others"
        phrasings = ["{question}"]
    "#;

    #[test]
    fn rows_are_asked_in_the_first_phrasing() {
        let rows = [
            row(json!({"text": "one", "target_lang": "de", "translation": "eins"})),
            row(
                json!({"text": "two", "target_lang": "fr", "translation": "deux", "question": "{who}", "answer": "I"}),
            ),
        ];
        let OwnTasks { tasks, notes } = OwnTasks::of(&pool(TASKS), None, &rows, None).unwrap();
        let told =
            |task: &OwnTask| (task.name.clone(), task.headline, task.key.clone(), task.template.clone());
        let expected = [
            ("translate.french", Headline::Chrf, "translate.french", " {speech} Say it in french."),
            ("translate.german", Headline::Chrf, "translate.german", " {speech} Say it in german."),
            ("write", Headline::WordAccuracy, INSTRUCTION, " {speech} {instruction}"),
            ("look", Headline::ExactMatch, INSTRUCTION, "Hear this: {speech} {instruction}"),
        ];
        let expected = expected.map(|(name, headline, key, template)| {
            (name.to_owned(), headline, key.to_owned(), template.to_owned())
        });
        assert_eq!(tasks.iter().map(told).collect::<Vec<_>>(), expected);
        assert_eq!(tasks[2].cases.len(), 2);
        let case = Case { utterance: 1, task: Task::Instruction("{who}".into()), reference: "I".into() };
        assert_eq!(tasks[3].cases, [case]);
        let translate = Task::Translate { to: "german".into() };
        assert_eq!(tasks[1].cases, [Case { utterance: 0, task: translate, reference: "eins".into() }]);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with("tasks.toml:12: task `look` leaves out: 2 (no `answer`)"), "{notes:?}");
        assert!(notes[1].ends_with("no source of the manifests is named `others`"), "{notes:?}");

        let only = |name: &str, source: Option<&str>| OwnTasks::of(&pool(TASKS), Some(name), &rows, source);
        let names = |found: OwnTasks| found.tasks.into_iter().map(|task| task.name).collect::<Vec<_>>();
        assert_eq!(names(only("translate.{target_language}", None).unwrap()).len(), 2);
        assert_eq!(names(only("translate.french", None).unwrap()), ["translate.french"]);
        assert_eq!(names(only("about", Some("others")).unwrap()), ["about"]);
        let error = only("sing", None).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no task `sing`; there are about, look, translate.french,"),
            "{error}"
        );
        let error = only("about", None).unwrap_err().to_string();
        assert!(error.starts_with("no row can be asked the task\n  tasks.toml:"), "{error}");
    }

    #[test]
    fn words_of_one_side_may_differ_from_row_to_row() {
        let of = |all: &[(&str, &str)]| {
            let all: Vec<Instruction> = all
                .iter()
                .map(|(before, after)| Instruction {
                    before: (*before).to_owned(),
                    after: (*after).to_owned(),
                })
                .collect();
            Form::of("sum", &all.iter().collect::<Vec<_>>()).map(|form| (form.template, form.tasks.len()))
        };
        assert_eq!(of(&[("a", "b"), ("a", "c")]), Some(("a {speech} {instruction}".to_owned(), 2)));
        assert_eq!(of(&[("a", "b"), ("c", "b")]), Some(("{instruction} {speech} b".to_owned(), 2)));
        assert_eq!(of(&[("a", "")]), Some(("{instruction} {speech} ".to_owned(), 1)));
        assert_eq!(of(&[("{a}", "b")]), Some(("{instruction} {speech} b".to_owned(), 1)));
        assert_eq!(of(&[("a", "b"), ("c", "d")]), None);
        assert_eq!(of(&[("{a}", "")]), Some(("{instruction} {speech} ".to_owned(), 1)));
    }
}
