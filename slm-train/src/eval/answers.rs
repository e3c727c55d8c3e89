//! Asks a model about cases, by speech and by text. One that fails is a failure of its own and not of its batch.

use std::fmt::Display;
use std::panic::{self, AssertUnwindSafe};

use slm_core::models::speech::SpeechModel;
use slm_core::{Answer, Request, Task, Warning};

use super::context::PhraseLists;
use super::tasks::Case;
use crate::data::manifest::Utterance;
use crate::data::speech;

/// An answer, or in words why there is none.
pub(super) type Outcome = Result<Answer, String>;

/// A model and what it is asked with.
pub(super) struct Asker<'a> {
    pub(super) model: &'a SpeechModel,
    pub(super) utterances: &'a [Utterance],
    /// The lists of phrases, where there are some.
    pub(super) lists: Option<&'a PhraseLists<'a>>,
    /// How answers are generated.
    pub(super) request: &'a Request,
}

impl Asker<'_> {
    /// The answers to `cases` by speech.
    pub(super) fn by_speech(&self, cases: &[&Case]) -> Vec<Outcome> {
        let samples: Vec<Result<Vec<f32>, String>> = cases.iter().map(|case| self.samples(case)).collect();
        if let Some(lists) = self.lists {
            // A list of phrases is that of one utterance.
            let rows = cases.iter().zip(samples);
            return rows.map(|(case, samples)| self.with_phrases(lists, case, &samples?)).collect();
        }
        let inputs: Vec<(&[f32], &Task)> = cases
            .iter()
            .zip(&samples)
            .filter_map(|(case, samples)| Some((samples.as_ref().ok()?.as_slice(), &case.task)))
            .collect();
        let mut answers = all_or_each(&inputs, |inputs| self.model.respond_each(inputs, self.request))
            .into_iter()
            .map(|answer| answer.and_then(whole));
        let outcomes = samples.iter().map(|samples| match samples {
            Ok(_) => answers.next().unwrap_or_else(|| Err("no answer".to_owned())),
            Err(error) => Err(error.clone()),
        });
        cases.iter().zip(outcomes).map(|(case, outcome)| self.named(case, outcome)).collect()
    }

    /// The answers to `cases` by the true text.
    pub(super) fn by_text(&self, cases: &[&Case]) -> Vec<Outcome> {
        let inputs: Vec<(&str, &Task)> =
            cases.iter().map(|case| (self.utterances[case.utterance].text.as_str(), &case.task)).collect();
        let answers = all_or_each(&inputs, |inputs| self.model.respond_to_text_each(inputs, self.request));
        cases.iter().zip(answers).map(|(case, outcome)| self.named(case, outcome)).collect()
    }

    fn with_phrases(&self, lists: &PhraseLists<'_>, case: &Case, samples: &[f32]) -> Outcome {
        let ask = || -> anyhow::Result<Answer> {
            let mut phrases = self.model.phrases(&lists.list(case.utterance)?)?;
            phrases.respelling = lists.respelling();
            let mut request = self.request.clone();
            request.phrases = Some(phrases);
            let answers = self.model.respond_each(&[(samples, &case.task)], &request)?;
            answers.into_iter().next().ok_or_else(|| anyhow::anyhow!("no answer"))
        };
        self.named(case, contained(ask).and_then(whole))
    }

    fn samples(&self, case: &Case) -> Result<Vec<f32>, String> {
        let utterance = &self.utterances[case.utterance];
        self.named(case, contained(|| speech::samples(utterance)).map(|audio| audio.samples))
    }

    /// The result, with the recording in the error where that does not name it.
    fn named<T>(&self, case: &Case, result: Result<T, String>) -> Result<T, String> {
        let path = self.utterances[case.utterance].audio_filepath.display().to_string();
        result.map_err(
            |error| {
                if error.contains(&path) { error } else { format!("cannot answer `{path}`: {error}") }
            },
        )
    }
}

/// What `ask` says to all inputs together; where that fails, to each alone.
fn all_or_each<I: Copy, E: Display>(
    inputs: &[I],
    ask: impl Fn(&[I]) -> Result<Vec<Answer>, E>,
) -> Vec<Outcome> {
    if inputs.is_empty() {
        return Vec::new();
    }
    match contained(|| ask(inputs)) {
        Ok(answers) if answers.len() == inputs.len() => answers.into_iter().map(Ok).collect(),
        _ => inputs
            .iter()
            .map(|&input| {
                let alone = contained(|| ask(&[input]))?;
                alone.into_iter().next().ok_or_else(|| "no answer".to_owned())
            })
            .collect(),
    }
}

/// What `ask` gives. A panic is a bug, but not one that takes hours of answers with it.
pub(super) fn contained<T, E: Display>(ask: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(ask)) {
        // With all causes on one line, of those errors that list them so.
        Ok(result) => result.map_err(|error| format!("{error:#}")),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            Err(format!("internal error: {}", text.unwrap_or("no message")))
        }
    }
}

/// An answer to all of the audio: a segment that failed is a failure of the whole.
fn whole(answer: Answer) -> Outcome {
    match answer.warnings.iter().find(|warning| matches!(warning, Warning::SegmentFailed { .. })) {
        Some(failed) => Err(failed.to_string()),
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn one_bad_input_fails_alone() {
        let calls = Cell::new(0);
        let ask = |inputs: &[u32]| {
            calls.set(calls.get() + 1);
            match inputs.iter().find(|input| **input > 8) {
                Some(9) => Err("nine"),
                Some(_) => panic!("ten"),
                None => Ok(vec![Answer::default(); inputs.len()]),
            }
        };
        let failed = |inputs: &[u32]| -> Vec<Option<String>> {
            all_or_each(inputs, ask).into_iter().map(Result::err).collect()
        };
        assert_eq!(failed(&[1, 2, 3]), [None, None, None]);
        assert_eq!(calls.get(), 1);
        let expected = [None, Some("nine".to_owned()), Some("internal error: ten".to_owned()), None];
        assert_eq!(failed(&[1, 9, 10, 4]), expected);
        assert_eq!(calls.get(), 6);
        assert!(failed(&[]).is_empty());
    }
}
