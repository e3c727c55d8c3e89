//! The phrasings of every task that the reference language model knows, for a bundle's manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::domain::Field;
use crate::data::domain::tasks::{Language, Task, instructions};

/// Whether the speech comes before the instruction or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Speech, then the instruction.
    SpeechFirst,
    /// The instruction, then speech.
    InstructionFirst,
}

/// The template of an instruction in the user's words; in training all instructions begin with a colon.
fn free_instruction(order: Order) -> &'static str {
    match order {
        Order::SpeechFirst => "{speech} : {instruction}",
        Order::InstructionFirst => ": {instruction} {speech}",
    }
}

/// The phrasings of every task, by the task's key.
pub fn templates(order: Order) -> BTreeMap<String, Vec<String>> {
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
    tasks
        .into_iter()
        .map(|(key, task)| {
            let phrasings = instructions(task)
                .iter()
                .map(|text| match order {
                    Order::SpeechFirst => format!("{{speech}} {text}"),
                    Order::InstructionFirst => format!("{text} {{speech}}"),
                })
                .collect();
            (key, phrasings)
        })
        .chain([("instruction".to_owned(), vec![free_instruction(order).to_owned()])])
        .collect()
}
