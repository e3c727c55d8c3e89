//! Reads the text tables and fills their slots in all four languages at once.
//!
//! A lexicon is a block `@name form form` followed by rows `english; german; spanish; french`,
//! where each cell lists the plain form and then the named ones, separated by `|`; a form that a
//! cell lacks is its plain form. A template is a block of lines `en`, `de`, `es`, `fr`, `q`, `f`,
//! `c` and `r` (English phrasings separated by ` | `, translations, questions, fields,
//! continuation and reply), blocks being separated by an empty line. `{room}` stands for a row of
//! the lexicon `room`, `{room.in}` for its form `in`, `{room2}` for another row of it; a slot used
//! twice keeps its row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use rand::{Rng, RngExt};

use super::entry::Entry;
use super::{
    Field, Item, NamePool, Topic, arithmetic, calendar, fact, first_names, lexicon, light, message, numbers,
    shopping, small_talk, timer, weather, words,
};

/// A sentence with slots, in four languages, and what is taught about it.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) english: Vec<&'static str>,
    pub(super) german: &'static str,
    pub(super) spanish: &'static str,
    pub(super) french: &'static str,
    pub(super) questions: Vec<(&'static str, &'static str)>,
    pub(super) fields: Vec<(Field, &'static str)>,
    pub(super) continuation: &'static str,
    pub(super) reply: &'static str,
}

static LEXICONS: LazyLock<BTreeMap<&'static str, Vec<Entry>>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for table in [
        lexicon::LEXICON,
        timer::LEXICON,
        light::LEXICON,
        weather::LEXICON,
        message::LEXICON,
        calendar::LEXICON,
        shopping::LEXICON,
        fact::LEXICON,
        small_talk::LEXICON,
    ] {
        read_lexicons(table, &mut all);
    }
    all
});

static TEMPLATES: LazyLock<Vec<Vec<Template>>> =
    LazyLock::new(|| Topic::ALL.iter().map(|topic| read_templates(table(*topic))).collect());

/// See [`super::words`].
pub(super) static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut all: BTreeSet<&'static str> = BTreeSet::new();
    for entry in LEXICONS.values().flatten() {
        all.extend(entry.cells[0].iter().flat_map(|cell| cell.split(' ')));
    }
    all.extend(words::WORDS.iter());
    all.extend(first_names::TRAIN.iter());
    all.remove("");
    all.into_iter().collect()
});

/// The template table of a topic.
const fn table(topic: Topic) -> &'static str {
    match topic {
        Topic::Timer => timer::TEMPLATES,
        Topic::Light => light::TEMPLATES,
        Topic::Weather => weather::TEMPLATES,
        Topic::Message => message::TEMPLATES,
        Topic::Calendar => calendar::TEMPLATES,
        Topic::Shopping => shopping::TEMPLATES,
        Topic::Arithmetic => arithmetic::TEMPLATES,
        Topic::Fact => fact::TEMPLATES,
        Topic::SmallTalk => small_talk::TEMPLATES,
    }
}

/// See [`super::template_count`].
pub(super) fn template_count() -> usize {
    TEMPLATES.iter().map(Vec::len).sum()
}

/// The templates of a topic.
pub(super) fn templates(topic: Topic) -> &'static [Template] {
    let index = Topic::ALL.iter().position(|one| *one == topic).unwrap_or(0);
    &TEMPLATES[index]
}

fn read_lexicons(text: &'static str, all: &mut BTreeMap<&'static str, Vec<Entry>>) {
    let mut name = "";
    let mut forms = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(header) = line.strip_prefix('@') {
            let mut parts = header.split(' ');
            name = parts.next().unwrap_or("");
            forms = parts.collect();
        } else {
            let mut entry = Entry { forms: forms.clone(), ..Entry::default() };
            let cells = line.split(';').map(str::trim);
            for (place, cell) in entry.cells.iter_mut().zip(cells) {
                *place = cell.split('|').map(String::from).collect();
            }
            all.entry(name).or_default().push(entry);
        }
    }
}

fn read_templates(text: &'static str) -> Vec<Template> {
    let mut templates = Vec::new();
    for block in text.split("\n\n") {
        let mut template = Template::default();
        for line in block.lines() {
            let Some((key, rest)) = line.split_once(' ') else {
                continue;
            };
            let pair = rest.split_once(" = ").unwrap_or((rest, ""));
            match key {
                "en" => template.english.extend(rest.split(" | ")),
                "de" => template.german = rest,
                "es" => template.spanish = rest,
                "fr" => template.french = rest,
                "q" => template.questions.push(pair),
                "f" => {
                    let field = Field::ALL.into_iter().find(|one| one.as_str() == pair.0);
                    template.fields.extend(field.map(|one| (one, pair.1)));
                }
                "c" => template.continuation = rest,
                "r" => template.reply = rest,
                _ => {}
            }
        }
        if !template.english.is_empty() {
            templates.push(template);
        }
    }
    templates
}

/// Cuts `{key.form}` into its key and form.
fn key_and_form(slot: &str) -> (&str, &str) {
    slot.split_once('.').unwrap_or((slot, ""))
}

/// The keys of the slots of a text.
pub(super) fn keys(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(slot, _)| key_and_form(slot).0)
        .collect()
}

/// The rows drawn for the slots of one sentence.
struct Binding {
    pool: NamePool,
    drawn: Vec<(String, Entry)>,
    names: Vec<String>,
}

impl Binding {
    /// Draws a row for every slot of `text` that has none yet.
    fn bind<R: Rng>(&mut self, text: &str, rng: &mut R) {
        for key in keys(text) {
            if self.drawn.iter().any(|(one, _)| one == key) {
                continue;
            }
            let lexicon = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
            let mut entry = self.draw(lexicon, rng);
            for _ in 0..20 {
                let used = self
                    .drawn
                    .iter()
                    .any(|(one, other)| one.starts_with(lexicon) && other.get(0, "") == entry.get(0, ""));
                if !used {
                    break;
                }
                entry = self.draw(lexicon, rng);
            }
            if lexicon == "name" {
                self.names.push(entry.get(0, "").to_owned());
            }
            self.drawn.push((key.to_owned(), entry));
        }
    }

    fn draw<R: Rng>(&self, lexicon: &str, rng: &mut R) -> Entry {
        match lexicon {
            "name" => first_names::draw(self.pool, rng),
            "word" => {
                let word = words::WORDS[rng.random_range(0..words::WORDS.len())];
                numbers::spelled(word)
            }
            _ => numbers::draw(lexicon, rng).unwrap_or_else(|| match LEXICONS.get(lexicon) {
                Some(rows) if !rows.is_empty() => rows[rng.random_range(0..rows.len())].clone(),
                _ => Entry::default(),
            }),
        }
    }

    /// The text with its slots filled in a language.
    fn fill(&self, text: &str, language: usize) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let mut parts = text.split('{');
        out.push_str(parts.next().unwrap_or(""));
        for part in parts {
            let (slot, rest) = part.split_once('}').unwrap_or((part, ""));
            let (key, form) = key_and_form(slot);
            if let Some((_, entry)) = self.drawn.iter().find(|(one, _)| one == key) {
                out.push_str(entry.get(language, form));
            }
            out.push_str(rest);
        }
        out
    }
}

/// Draws a sentence of a topic.
pub(super) fn item<R: Rng>(topic: Topic, pool: NamePool, rng: &mut R) -> Item {
    let templates = templates(topic);
    let template = &templates[rng.random_range(0..templates.len())];
    let english = template.english[rng.random_range(0..template.english.len())];
    let mut binding = Binding { pool, drawn: Vec::new(), names: Vec::new() };
    binding.bind(english, rng);
    let in_english = |text: &str| binding.fill(text, 0);
    Item {
        topic,
        text: in_english(english),
        german: binding.fill(template.german, 1),
        spanish: binding.fill(template.spanish, 2),
        french: binding.fill(template.french, 3),
        questions: template
            .questions
            .iter()
            .map(|(question, answer)| (in_english(question), in_english(answer)))
            .collect(),
        fields: template.fields.iter().map(|(field, value)| (*field, in_english(value))).collect(),
        continuation: in_english(template.continuation),
        reply: in_english(template.reply),
        names: binding.names.clone(),
    }
}

/// The lexicons' names and sizes with rows that lack a language, for the tests.
#[cfg(test)]
pub(super) fn lexicons() -> &'static BTreeMap<&'static str, Vec<Entry>> {
    &LEXICONS
}
