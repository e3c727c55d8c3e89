//! What is learnt or judged by, in a compact form.

use serde::Serialize;

/// Stands for no utterance.
const NO_SPEECH: u32 = u32::MAX;

/// A row under one task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example<'a> {
    /// The place of its utterance, where speech is what the task is about.
    pub(super) speech: Option<usize>,
    /// The words in the place of speech, where there is none.
    pub(super) words: Option<&'a str>,
    /// The place of the task among those that are learnt.
    pub(super) task: usize,
    /// What fills the slots of the task's phrasings.
    pub(super) slots: &'a [String],
    /// Tokens of its prompt in the first phrasing.
    pub(super) prompt_tokens: usize,
    /// What is to be answered, with the end token.
    pub(super) target: &'a [u32],
}

/// What a row gives for a task, but for the place of its speech.
#[derive(Debug, Clone)]
pub(super) struct NewExample {
    pub(super) words: Option<String>,
    pub(super) task: usize,
    pub(super) slots: Vec<String>,
    pub(super) prompt_tokens: usize,
    pub(super) target: Vec<u32>,
}

/// Many examples: memory holds 20 bytes of each, 4 of a token of its target, and the texts that fill its prompt.
#[derive(Debug, Default, Serialize)]
pub(super) struct Examples {
    /// Utterance, task and tokens of the prompt of each.
    of: Vec<(u32, u32, u32)>,
    /// Where its target ends.
    ends: Vec<usize>,
    tokens: Vec<u32>,
    /// Words and slots of those that have some, after the place of the example.
    filled: Vec<(usize, Option<String>, Vec<String>)>,
}

impl Examples {
    /// Adds one, about the utterance `speech` where it is about one.
    pub(super) fn push(&mut self, speech: Option<usize>, example: NewExample) {
        let NewExample { words, task, slots, prompt_tokens, target } = example;
        if words.is_some() || !slots.is_empty() {
            self.filled.push((self.len(), words, slots));
        }
        self.of.push((speech.map_or(NO_SPEECH, |speech| speech as u32), task as u32, prompt_tokens as u32));
        self.tokens.extend(target);
        self.ends.push(self.tokens.len());
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> Example<'_> {
        let (speech, task, prompt_tokens) = self.of[index];
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let filled = self.filled.binary_search_by_key(&index, |(place, ..)| *place);
        let (words, slots) = match filled.ok().map(|place| &self.filled[place]) {
            Some((_, words, slots)) => (words.as_deref(), slots.as_slice()),
            None => (None, [].as_slice()),
        };
        Example {
            speech: (speech != NO_SPEECH).then_some(speech as usize),
            words,
            task: task as usize,
            slots,
            prompt_tokens: prompt_tokens as usize,
            target: &self.tokens[start..self.ends[index]],
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = Example<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there() {
        let targets: [&[u32]; 4] = [&[1, 2, 3], &[], &[4], &[5, 6]];
        let mut examples = Examples::default();
        assert!(examples.is_empty());
        for (place, target) in targets.into_iter().enumerate() {
            let words = (place == 1).then(|| "said".to_owned());
            let slots = vec!["x".to_owned(); place / 2];
            let speech = words.is_none().then_some(place);
            let (task, prompt_tokens) = (place % 2, 7 + place);
            examples.push(speech, NewExample { words, task, slots, prompt_tokens, target: target.to_vec() });
        }
        assert_eq!(examples.len(), 4);
        for (place, example) in examples.iter().enumerate() {
            assert_eq!((example.task, example.prompt_tokens), (place % 2, 7 + place));
            assert_eq!(example.target, targets[place]);
            assert_eq!(example.slots, vec!["x".to_owned(); place / 2]);
            let expected = if place == 1 { (None, Some("said")) } else { (Some(place), None) };
            assert_eq!((example.speech, example.words), expected);
        }
    }
}
