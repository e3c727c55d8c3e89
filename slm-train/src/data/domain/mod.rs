//! Sentences of a home and office assistant, with everything a text model is taught about them.
//!
//! [`sample`] draws a template and its words and gives an [`Item`]: the English utterance, its
//! translations, questions with answers, the fields it mentions, what comes next and the
//! assistant's reply. The texts are rows of plain data, one file a topic; `engine` fills them and
//! `tasks` turns an item into text-to-text examples.

mod arithmetic;
mod calendar;
mod engine;
mod entry;
mod fact;
mod first_names;
pub mod hearing;
mod invented;
mod lexicon;
mod light;
mod message;
mod numbers;
mod shopping;
mod small_talk;
pub mod tasks;
#[cfg(test)]
mod tests;
mod timer;
mod weather;
mod words;

use rand::{Rng, RngExt};

pub use numbers::{english, french, german, spanish};

/// What an utterance is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Timers and alarms.
    Timer,
    /// Lights and other devices.
    Light,
    /// The weather.
    Weather,
    /// Messages and calls.
    Message,
    /// Meetings and appointments.
    Calendar,
    /// Shopping lists.
    Shopping,
    /// Arithmetic in words.
    Arithmetic,
    /// Simple facts.
    Fact,
    /// Small talk.
    SmallTalk,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 9] = [
        Self::Timer,
        Self::Light,
        Self::Weather,
        Self::Message,
        Self::Calendar,
        Self::Shopping,
        Self::Arithmetic,
        Self::Fact,
        Self::SmallTalk,
    ];

    /// How many of a hundred sentences are of this topic.
    const fn weight(self) -> u32 {
        match self {
            Self::Message => 15,
            Self::Calendar => 14,
            Self::Fact | Self::SmallTalk => 13,
            Self::Timer | Self::Arithmetic | Self::Weather => 8,
            Self::Light => 11,
            Self::Shopping => 10,
        }
    }

    /// The topic as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timer => "timer",
            Self::Light => "light",
            Self::Weather => "weather",
            Self::Message => "message",
            Self::Calendar => "calendar",
            Self::Shopping => "shopping",
            Self::Arithmetic => "arithmetic",
            Self::Fact => "fact",
            Self::SmallTalk => "small-talk",
        }
    }
}

/// A kind of detail that an utterance may mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A person's first name.
    Name,
    /// A time of day, a day or a duration.
    Time,
    /// A room, a city or another place.
    Place,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 3] = [Self::Name, Self::Time, Self::Place];

    /// The field as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Time => "time",
            Self::Place => "place",
        }
    }
}

/// Which first names a sentence may use; no two pools share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePool {
    /// Names for training.
    Train,
    /// Names that training never sees.
    Test,
    /// Invented names, nearly all different, so that training meets names that it cannot know by heart.
    Invented,
}

/// An English utterance and what a text model is taught about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is about.
    pub topic: Topic,
    /// The utterance, lower case and without punctuation.
    pub text: String,
    /// Its German translation.
    pub german: String,
    /// Its Spanish translation.
    pub spanish: String,
    /// Its French translation.
    pub french: String,
    /// English questions about the text with their answers, at least one.
    pub questions: Vec<(String, String)>,
    /// The details it mentions, in its own words.
    pub fields: Vec<(Field, String)>,
    /// What the speaker would say next.
    pub continuation: String,
    /// What the assistant answers.
    pub reply: String,
    /// The first names in the text, lower case.
    pub names: Vec<String>,
}

/// Draws an utterance.
pub fn sample<R: Rng>(rng: &mut R, pool: NamePool) -> Item {
    let total: u32 = Topic::ALL.iter().map(|topic| topic.weight()).sum();
    let mut ticket = rng.random_range(0..total);
    let mut topic = Topic::Timer;
    for candidate in Topic::ALL {
        topic = candidate;
        if ticket < candidate.weight() {
            break;
        }
        ticket -= candidate.weight();
    }
    engine::item(topic, pool, rng)
}

/// Whether a sentence belongs to the held-out set: one in twelve, by the FNV-1a hash of its text.
#[must_use]
pub fn is_held_out(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 8).is_multiple_of(12)
}

/// The listed first names of a pool, lower case; invented ones are not listed.
#[must_use]
pub fn names(pool: NamePool) -> &'static [&'static str] {
    match pool {
        NamePool::Train => &first_names::TRAIN,
        NamePool::Test => &first_names::TEST,
        NamePool::Invented => &[],
    }
}

/// An invented first name, lower case; never one of a listed pool.
#[must_use]
pub fn invented_name<R: Rng>(rng: &mut R) -> String {
    invented::name(rng)
}

/// The distinct words of the English lexicons and of the training names, sorted.
#[must_use]
pub fn words() -> &'static [&'static str] {
    &engine::WORDS
}

/// How many sentence templates there are.
#[must_use]
pub fn template_count() -> usize {
    engine::template_count()
}
