//! What is learnt or judged by, in a compact form.

/// One utterance under one task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example<'a> {
    /// The place of the utterance.
    pub(super) speech: usize,
    /// The place of the task among those of the stage.
    pub(super) task: usize,
    /// What is to be answered, with the end token.
    pub(super) target: &'a [u32],
}

/// Many of them: memory holds 16 bytes of each, and 4 of a token.
#[derive(Debug, Default)]
pub(super) struct Examples {
    /// Utterance and task of each.
    of: Vec<(u32, u32)>,
    /// Where its target ends.
    ends: Vec<usize>,
    tokens: Vec<u32>,
}

impl Examples {
    /// Adds one.
    pub(super) fn push(&mut self, example: Example<'_>) {
        self.of.push((example.speech as u32, example.task as u32));
        self.tokens.extend(example.target);
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
        let (speech, task) = self.of[index];
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let target = &self.tokens[start..self.ends[index]];
        Example { speech: speech as usize, task: task as usize, target }
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
        for (speech, target) in targets.into_iter().enumerate() {
            examples.push(Example { speech, task: speech % 2, target });
        }
        assert_eq!(examples.len(), 4);
        for (index, example) in examples.iter().enumerate() {
            assert_eq!((example.speech, example.task, example.target), (index, index % 2, targets[index]));
        }
    }
}
