//! What a manifest can be asked: each task with its cases and the figure it is judged by.

use std::collections::BTreeMap;

use anyhow::Context;
use slm_core::models::speech::SpeechModel;
use slm_core::{Dialog, Speaker, Task, Templates};

use crate::data::manifest::Utterance;

/// A task of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalTask {
    /// Speech recognition.
    Transcribe,
    /// Translation into a language of the manifest.
    Translate {
        /// `german`, `spanish` or `french`.
        to: String,
    },
    /// Every question of an utterance.
    Ask,
    /// Every field of an utterance.
    Field,
    /// What the speaker says next.
    Continue,
    /// The assistant's reply.
    Reply,
    /// The same after a dialog: the utterance before in the manifest, and the reply to it.
    Chat,
    /// A task of a file of tasks.
    Own(OwnTask),
}

/// A task of a file of tasks, about the rows of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTask {
    /// Its name, as a bundle that has learnt it has it.
    pub name: String,
    /// The figure it is judged by.
    pub headline: Headline,
    pub(super) cases: Vec<Case>,
    /// The key of the template that it is asked by.
    pub(super) key: String,
    pub(super) template: String,
}

/// The figure that a task's speech and text are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// 1 minus the word error rate.
    WordAccuracy,
    /// chrF, 0 to 100.
    Chrf,
    /// The share of answers that are exactly right.
    ExactMatch,
}

/// One question to the model about one utterance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The utterance's index in the manifest.
    pub utterance: usize,
    /// What is asked.
    pub task: Task,
    /// The right answer.
    pub reference: String,
}

impl EvalTask {
    /// All tasks but those of files: the trained ones first.
    pub fn all() -> Vec<Self> {
        let to = |language: &str| Self::Translate { to: language.into() };
        vec![
            Self::Transcribe,
            to("german"),
            to("spanish"),
            to("french"),
            Self::Ask,
            Self::Field,
            Self::Continue,
            Self::Reply,
            Self::Chat,
        ]
    }

    /// The name on the command line: `transcribe`, `translate.german`, `ask`, `field`, ..
    pub fn name(&self) -> String {
        match self {
            Self::Transcribe => "transcribe".into(),
            Self::Translate { to } => format!("translate.{to}"),
            Self::Ask => "ask".into(),
            Self::Field => "field".into(),
            Self::Continue => "continue".into(),
            Self::Reply => "reply".into(),
            Self::Chat => "chat".into(),
            Self::Own(task) => task.name.clone(),
        }
    }

    /// The task of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|task| task.name() == name)
    }

    /// Whether a bundle whose tasks have these keys can be asked it. Which fields it is asked for is told by a manifest.
    pub fn is_among<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> bool {
        let name = self.name();
        let is_it = |key: &str| match self {
            Self::Field => key.starts_with("field."),
            _ => key == name,
        };
        keys.into_iter().any(is_it)
    }

    /// The figure it is judged by.
    pub fn headline(&self) -> Headline {
        match self {
            Self::Transcribe => Headline::WordAccuracy,
            Self::Translate { .. } | Self::Continue | Self::Reply | Self::Chat => Headline::Chrf,
            Self::Ask | Self::Field => Headline::ExactMatch,
            Self::Own(task) => task.headline,
        }
    }

    /// `model` with the words of the task, where these are not the model's own.
    ///
    /// # Errors
    ///
    /// Words that the model cannot take.
    pub(super) fn model(&self, model: &SpeechModel) -> anyhow::Result<Option<SpeechModel>> {
        match self {
            Self::Own(task) => task.phrased(model).map(Some),
            _ => Ok(None),
        }
    }

    /// What other tasks of the same utterance should give: answers that would show that this one was not followed.
    pub fn others<'a>(&self, row: &'a Utterance) -> Vec<&'a str> {
        let language = |name: &str, text: &'a Option<String>| {
            let own = matches!(self, Self::Translate { to } if to == name);
            text.as_deref().filter(|_| !own)
        };
        [
            Some(row.text.as_str()).filter(|_| *self != Self::Transcribe),
            language("german", &row.german),
            language("spanish", &row.spanish),
            language("french", &row.french),
            row.continuation.as_deref().filter(|_| *self != Self::Continue),
            row.reply.as_deref().filter(|_| !matches!(self, Self::Reply | Self::Chat)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The cases of a manifest; utterances without a reference for the task have none.
    pub fn cases(&self, utterances: &[Utterance]) -> Vec<Case> {
        if let Self::Own(task) = self {
            return task.cases.clone();
        }
        let mut cases = Vec::new();
        for (utterance, row) in utterances.iter().enumerate() {
            let mut add = |task: Task, reference: &str| {
                cases.push(Case { utterance, task, reference: reference.to_owned() });
            };
            match self {
                Self::Transcribe => add(Task::Transcribe, &row.text),
                Self::Translate { to } => {
                    let reference = match to.as_str() {
                        "german" => &row.german,
                        "spanish" => &row.spanish,
                        _ => &row.french,
                    };
                    if let Some(reference) = reference {
                        add(Task::Translate { to: to.clone() }, reference);
                    }
                }
                Self::Ask => {
                    for pair in &row.questions {
                        add(Task::Ask { question: pair.question.clone() }, &pair.answer);
                    }
                }
                Self::Field => {
                    for (field, value) in &row.fields {
                        add(Task::Field { field: field.clone() }, value);
                    }
                }
                Self::Continue => {
                    if let Some(reference) = &row.continuation {
                        add(Task::Continue, reference);
                    }
                }
                Self::Reply => {
                    if let Some(reference) = &row.reply {
                        add(Task::Reply, reference);
                    }
                }
                Self::Chat => {
                    let earlier = utterance.checked_sub(1).map(|before| &utterances[before]);
                    if let (Some(reference), Some((earlier, answer))) =
                        (&row.reply, earlier.and_then(|row| Some((row, row.reply.as_ref()?))))
                    {
                        let mut dialog = Dialog::default();
                        dialog.push(Speaker::User, &earlier.text);
                        dialog.push(Speaker::Assistant, answer);
                        add(Task::Chat { dialog }, reference);
                    }
                }
                // Its cases are there already.
                Self::Own(_) => {}
            }
        }
        cases
    }
}

impl OwnTask {
    /// `model`, which is asked in the words of the task.
    fn phrased(&self, model: &SpeechModel) -> anyhow::Result<SpeechModel> {
        let cannot = || format!("the model cannot be asked task `{}`", self.name);
        let template = BTreeMap::from([(self.key.clone(), vec![self.template.clone()])]);
        let templates = Templates::parse(&template).with_context(cannot)?;
        model.clone().with_templates(templates).with_context(cannot)
    }
}

impl Headline {
    /// The name of the figure.
    pub fn name(self) -> &'static str {
        match self {
            Self::WordAccuracy => "word_accuracy",
            Self::Chrf => "chrf",
            Self::ExactMatch => "exact_match",
        }
    }
}
