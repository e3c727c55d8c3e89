//! Text-to-text examples about an utterance: an instruction, the text it is about and the answer.
//!
//! The instruction comes after the text. The first phrasing of each task is the canonical one.

use rand::{Rng, RngExt};

use slm_core::{Dialog, Speaker};

use super::hearing::respell;
use super::invented;
use super::{Field, Item, NamePool, names, words};

/// A language to translate into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// German.
    German,
    /// Spanish.
    Spanish,
    /// French.
    French,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::German, Self::Spanish, Self::French];

    /// Its English name, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::German => "german",
            Self::Spanish => "spanish",
            Self::French => "french",
        }
    }

    /// Its two-letter code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::Spanish => "es",
            Self::French => "fr",
        }
    }
}

/// What the model is to do with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Write the text down.
    Repeat,
    /// Translate it.
    Translate(Language),
    /// Answer a question about it.
    Question,
    /// Name one detail of it, or `none`.
    Field(Field),
    /// Say what the speaker would say next.
    Continue,
    /// Answer as the assistant.
    Reply,
    /// Answer as the assistant, knowing what was said before.
    Chat,
    /// Write the text down with the spellings of given phrases.
    Spell,
}

/// One text-task example; `input` is the words that speech will later stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPair {
    /// The task.
    pub task: Task,
    /// What is asked, to be put after the input.
    pub instruction: String,
    /// The text.
    pub input: String,
    /// The right answer.
    pub target: String,
}

/// The phrasings of a task's instruction; `{question}`, `{phrases}` and `{history}` stand for their contents.
#[must_use]
pub const fn instructions(task: Task) -> &'static [&'static str] {
    match task {
        Task::Repeat => &[
            ": repeat the text",
            ": write down what was said",
            ": transcribe",
            ": what was said",
            ": say it again",
        ],
        Task::Translate(Language::German) => {
            &[": translate to german", ": say it in german", ": in german", ": write it in german"]
        }
        Task::Translate(Language::Spanish) => {
            &[": translate to spanish", ": say it in spanish", ": in spanish", ": write it in spanish"]
        }
        Task::Translate(Language::French) => {
            &[": translate to french", ": say it in french", ": in french", ": write it in french"]
        }
        Task::Question => {
            &[": answer : {question}", ": question : {question}", ": tell me {question}", ": {question}"]
        }
        Task::Field(Field::Name) => {
            &[": which name is mentioned", ": name", ": find the name", ": who is mentioned"]
        }
        Task::Field(Field::Time) => &[
            ": which time is mentioned",
            ": time",
            ": find the time",
            ": what time or duration is mentioned",
        ],
        Task::Field(Field::Place) => {
            &[": which place is mentioned", ": place", ": find the place", ": what place is mentioned"]
        }
        Task::Continue => &[": continue", ": continue the text", ": what comes next", ": go on"],
        Task::Reply => &[": reply", ": answer as the assistant", ": respond", ": give a reply"],
        Task::Chat => &[
            ": before that {history} : reply",
            ": after {history} : answer as the assistant",
            ": respond after {history}",
        ],
        Task::Spell => &[
            ": write it down with these phrases : {phrases}",
            ": repeat the text with these spellings : {phrases}",
            ": transcribe with these phrases : {phrases}",
            ": these phrases may occur : {phrases}",
        ],
    }
}

/// A random phrasing of a task's instruction, with `content` in its placeholder.
fn phrasing<R: Rng>(task: Task, content: &str, rng: &mut R) -> String {
    let all = instructions(task);
    let chosen = all[rng.random_range(0..all.len())];
    ["{question}", "{phrases}", "{history}"]
        .into_iter()
        .fold(chosen.to_owned(), |text, slot| text.replace(slot, content))
}

/// Every task that applies to the item once, each with a random phrasing.
pub fn pairs<R: Rng>(item: &Item, rng: &mut R) -> Vec<TaskPair> {
    let mut all = Vec::with_capacity(12);
    let mut push = |task: Task, content: &str, target: &str, rng: &mut R| {
        all.push(TaskPair {
            task,
            instruction: phrasing(task, content, rng),
            input: item.text.clone(),
            target: target.to_owned(),
        });
    };
    push(Task::Repeat, "", &item.text, rng);
    for language in Language::ALL {
        let target = match language {
            Language::German => &item.german,
            Language::Spanish => &item.spanish,
            Language::French => &item.french,
        };
        push(Task::Translate(language), "", target, rng);
    }
    if !item.questions.is_empty() {
        let (question, answer) = &item.questions[rng.random_range(0..item.questions.len())];
        push(Task::Question, question, answer, rng);
    }
    for field in Field::ALL {
        let values: Vec<&str> =
            item.fields.iter().filter(|(one, _)| *one == field).map(|(_, value)| value.as_str()).collect();
        if !values.is_empty() {
            push(Task::Field(field), "", &values.join(" and "), rng);
        } else if rng.random_bool(0.3) {
            push(Task::Field(field), "", "none", rng);
        }
    }
    push(Task::Continue, "", &item.continuation, rng);
    push(Task::Reply, "", &item.reply, rng);
    all.push(spell(item, rng));
    all
}

/// A pair whose input has one word respelled by ear and whose instruction lists the right one.
fn spell<R: Rng>(item: &Item, rng: &mut R) -> TaskPair {
    let spoken: Vec<&str> = item.text.split(' ').collect();
    let test = item.names.iter().any(|name| names(NamePool::Test).contains(&name.as_str()));
    let pool = names(if test { NamePool::Test } else { NamePool::Train });
    let longer: Vec<&str> = spoken.iter().copied().filter(|word| word.len() > 4).collect();
    let right: &str = if !item.names.is_empty() {
        &item.names[rng.random_range(0..item.names.len())]
    } else if !longer.is_empty() {
        longer[rng.random_range(0..longer.len())]
    } else {
        spoken[rng.random_range(0..spoken.len())]
    };
    let known = rng.random_bool(0.85);
    let count = rng.random_range(1..=6);
    let mut phrases: Vec<&str> = Vec::with_capacity(count);
    if known {
        phrases.push(right);
    }
    // Names beside names, words beside words, sometimes the other kind.
    let other_kind = if rng.random_bool(0.2) { 0.5 } else { 0.1 };
    for _ in 0..64 {
        if phrases.len() >= count {
            break;
        }
        let from_names = rng.random_bool(other_kind) == item.names.is_empty();
        let source = if from_names { pool } else { words() };
        let phrase = source[rng.random_range(0..source.len())];
        let taken = phrases.contains(&phrase) || spoken.contains(&phrase);
        if phrase.len() > 2 && !taken {
            phrases.push(phrase);
        }
    }
    for last in (1..phrases.len()).rev() {
        phrases.swap(last, rng.random_range(0..=last));
    }
    let input = if known {
        let heard = respell(right, rng);
        let mut replaced = false;
        let heard_words: Vec<&str> = spoken
            .iter()
            .map(|word| {
                if *word == right && !replaced {
                    replaced = true;
                    heard.as_str()
                } else {
                    *word
                }
            })
            .collect();
        heard_words.join(" ")
    } else {
        item.text.clone()
    };
    TaskPair {
        task: Task::Spell,
        instruction: phrasing(Task::Spell, &phrases.join(" , "), rng),
        input,
        target: item.text.clone(),
    }
}

/// What a speaker may say about the turns before, and whose turn it is about.
const FOLLOW_UPS: [(&str, Speaker); 6] = [
    ("what did i say", Speaker::User),
    ("what did i just say", Speaker::User),
    ("what was my last question", Speaker::User),
    ("say that again", Speaker::Assistant),
    ("can you repeat that", Speaker::Assistant),
    ("what did you say", Speaker::Assistant),
];

/// [`Task::Chat`] pairs after a dialog about `earlier`, one or more items: the reply to `item`, whatever was said before,
/// and an answer that only the dialog has.
pub fn chat_pairs<R: Rng>(item: &Item, earlier: &[Item], rng: &mut R) -> [TaskPair; 2] {
    let mut dialog = Dialog::default();
    for one in earlier {
        dialog.push(Speaker::User, &one.text);
        dialog.push(Speaker::Assistant, &one.reply);
    }
    let history = dialog.to_string();
    let last = |speaker| dialog.turns().iter().rev().find(|turn| turn.speaker == speaker);
    let (follow_up, about) = FOLLOW_UPS[rng.random_range(0..FOLLOW_UPS.len())];
    let begin = if about == Speaker::User { "you said" } else { "i said" };
    let answer = format!("{begin} {}", last(about).map_or("", |turn| turn.text.as_str()));
    [(item.text.as_str(), item.reply.as_str()), (follow_up, &answer)].map(|(input, target)| TaskPair {
        task: Task::Chat,
        instruction: phrasing(Task::Chat, &history, rng),
        input: input.to_owned(),
        target: target.to_owned(),
    })
}

/// A [`Task::Repeat`] pair over two to twelve random words, some of them invented, so that the model
/// learns to copy any spelling.
pub fn copy_drill<R: Rng>(rng: &mut R) -> TaskPair {
    let share = rng.random_range(0..=4_u32);
    let text = (0..rng.random_range(2..=12))
        .map(|_| {
            if rng.random_ratio(share, 4) {
                invented::word(rng)
            } else {
                words()[rng.random_range(0..words().len())].to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ");
    TaskPair {
        task: Task::Repeat,
        instruction: phrasing(Task::Repeat, "", rng),
        input: text.clone(),
        target: text,
    }
}
