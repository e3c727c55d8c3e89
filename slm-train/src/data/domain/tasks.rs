//! Text-to-text examples about an utterance: an instruction, the text it is about and the answer.
//!
//! The instruction comes after the text. The first phrasing of each task is the canonical one.

use std::borrow::Cow;

use rand::{Rng, RngExt};

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

/// The phrasings of a task's instruction; `{question}` and `{phrases}` stand for their contents.
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
    all[rng.random_range(0..all.len())].replace("{question}", content).replace("{phrases}", content)
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

/// Letters that sound alike; `^` ties the left side to the start of a word, `$` to its end.
const SOUNDS: [(&str, &str); 66] = [
    ("ph", "f"),
    ("f", "ph"),
    ("ck", "k"),
    ("ck", "c"),
    ("ca", "ka"),
    ("co", "ko"),
    ("cl", "kl"),
    ("cr", "kr"),
    ("k", "c"),
    ("k", "ck"),
    ("ch", "k"),
    ("ch", "tch"),
    ("x", "ks"),
    ("qu", "kw"),
    ("ce", "se"),
    ("ci", "si"),
    ("se", "ze"),
    ("si", "zi"),
    ("s$", "z"),
    ("s$", "ss"),
    ("z", "s"),
    ("^j", "g"),
    ("^g", "j"),
    ("sh", "sch"),
    ("th", "t"),
    ("t$", "tt"),
    ("^kn", "n"),
    ("^wr", "r"),
    ("^wh", "w"),
    ("gh", ""),
    ("^h", ""),
    ("mb$", "m"),
    ("ee", "ea"),
    ("ea", "ee"),
    ("ie", "ee"),
    ("ie$", "y"),
    ("y$", "ie"),
    ("y$", "i"),
    ("y$", "ey"),
    ("i", "y"),
    ("y", "i"),
    ("ai", "ay"),
    ("ay", "ai"),
    ("ou", "ow"),
    ("ow", "ou"),
    ("oo", "u"),
    ("au", "aw"),
    ("er", "ur"),
    ("or", "er"),
    ("an", "en"),
    ("en", "an"),
    ("in", "en"),
    ("a$", "ah"),
    ("e$", ""),
    ("ah$", "a"),
    ("o$", "oh"),
    ("ll", "l"),
    ("l", "ll"),
    ("nn", "n"),
    ("n", "nn"),
    ("tt", "t"),
    ("mm", "m"),
    ("m", "mm"),
    ("rr", "r"),
    ("ss", "s"),
    ("v", "w"),
];

/// One replacement in `word`, or `None` where the rule does not fit.
fn apply<R: Rng>(word: &str, from: &str, to: &str, rng: &mut R) -> Option<String> {
    if let Some(from) = from.strip_prefix('^') {
        return word.strip_prefix(from).map(|rest| format!("{to}{rest}"));
    }
    if let Some(from) = from.strip_suffix('$') {
        return word.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    }
    let places: Vec<usize> = word.match_indices(from).map(|(place, _)| place).collect();
    if places.is_empty() {
        return None;
    }
    let place = places[rng.random_range(0..places.len())];
    let (before, after) = word.split_at(place);
    Some(format!("{before}{to}{}", after.strip_prefix(from)?))
}

/// The word with one or two of its sounds spelled another way; never the word itself.
pub fn respell<R: Rng>(word: &str, rng: &mut R) -> String {
    let mut heard: Cow<'_, str> = Cow::Borrowed(word);
    let wanted = if word.len() > 4 && rng.random_bool(0.5) { 2 } else { 1 };
    let mut done = 0;
    for _ in 0..200 {
        let (from, to) = SOUNDS[rng.random_range(0..SOUNDS.len())];
        match apply(&heard, from, to, rng) {
            Some(next) if next != word && next.len() > 1 && !tripled(&next) => {
                heard = Cow::Owned(next);
                done += 1;
            }
            _ => {}
        }
        if done >= wanted {
            break;
        }
    }
    if heard == word { format!("{word}e") } else { heard.into_owned() }
}

/// The text as a listener might mishear it: some words spelled by ear, now and then one missing a letter or
/// gone altogether. At least one word is left.
pub fn mishear<R: Rng>(text: &str, rng: &mut R) -> String {
    let mut heard: Vec<Cow<'_, str>> = Vec::new();
    for word in text.split(' ') {
        match rng.random_range(0..100) {
            0..3 => {}
            3..15 if word.len() > 2 => heard.push(respell(word, rng).into()),
            15..22 if word.len() > 2 => {
                let gone = rng.random_range(0..word.chars().count());
                heard.push(word.chars().enumerate().filter(|(i, _)| *i != gone).map(|(_, c)| c).collect());
            }
            _ => heard.push(word.into()),
        }
    }
    if heard.is_empty() { text.to_owned() } else { heard.join(" ") }
}

/// Whether a letter stands three times in a row.
fn tripled(word: &str) -> bool {
    word.as_bytes().windows(3).any(|three| three[0] == three[1] && three[1] == three[2])
}

const ONSETS: [&str; 37] = [
    "", "b", "bl", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p",
    "pl", "pr", "qu", "r", "s", "sh", "sk", "sl", "st", "t", "th", "tr", "v", "w", "y", "z", "kn",
];
const VOWELS: [&str; 18] =
    ["a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ee", "ea", "ai", "ou", "oo", "y", "ie", "oa"];
const CODAS: [&str; 24] = [
    "", "", "", "", "n", "m", "r", "l", "s", "t", "d", "k", "ck", "nd", "st", "rt", "x", "ng", "p", "b",
    "ll", "ss", "sh", "th",
];

/// A made-up word of one to three syllables.
fn made_up<R: Rng>(rng: &mut R) -> String {
    let mut word = String::new();
    for _ in 0..rng.random_range(1..=3) {
        word.push_str(ONSETS[rng.random_range(0..ONSETS.len())]);
        word.push_str(VOWELS[rng.random_range(0..VOWELS.len())]);
        word.push_str(CODAS[rng.random_range(0..CODAS.len())]);
    }
    word
}

/// A [`Task::Repeat`] pair over two to eight random words, some of them made up, so that the model
/// learns to copy any spelling.
pub fn copy_drill<R: Rng>(rng: &mut R) -> TaskPair {
    let share = rng.random_range(0..=4_u32);
    let text = (0..rng.random_range(2..=8))
        .map(|_| {
            if rng.random_ratio(share, 4) {
                made_up(rng)
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
