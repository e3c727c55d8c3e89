//! What a model can do, as a text.

use slm_core::ModelDescription;

/// What the model can do: its tasks, the languages that it translates to, and what it says beside the text.
pub(crate) fn text(described: &ModelDescription) -> String {
    let can = &described.capabilities;
    if can.tasks.is_empty() {
        return described.kind.use_for().to_owned();
    }
    let is_target = |key: &str| key.starts_with("translate.");
    let mut parts: Vec<String> = can.tasks.iter().filter(|key| !is_target(key)).cloned().collect();
    if !can.translation_targets.is_empty() {
        parts.push(format!("translate to {}", can.translation_targets.join(", ")));
    }
    let mut text = parts.join(", ");
    if can.word_timestamps {
        text.push_str("; times of words");
    }
    if can.phrases {
        text.push_str(", phrases");
    }
    text
}
