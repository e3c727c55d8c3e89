//! Recordings of several utterances, transcribed as an application does it: samples go into a session piece by piece, and
//! the engine cuts them.
//!
//! Beside the whole, every utterance is transcribed alone in the same run, so that what is lost by the recording is one
//! number.

mod report;
mod times;

use std::collections::HashMap;
use std::time::Instant;

use slm_core::models::checkpoint::hash::sha256;
use slm_core::{Answer, Model, Request, Task, audio};

use super::answers::contained;
use super::hypotheses::Hypothesis;
use super::metrics::{Counts, ErrorCounts};
use super::normalise::Normaliser;
use crate::data::manifest::Utterance;
use crate::data::speech;

pub use report::{Found, RecordingsReport, count_warnings, markdown};
pub use times::{Coverage, Span, Written, coverage, words, written};

/// The name of the task in suites, on the command line and in answers.
pub const TASK: &str = "recordings";

/// Samples that a session is given at once, as a microphone gives them: 0.1 s.
const PIECE: usize = audio::SAMPLE_RATE as usize / 10;

/// Transcribes recordings and their utterances. An utterance that comes in several recordings is transcribed once.
#[derive(Debug)]
pub struct Listener<'a> {
    model: &'a Model,
    request: Request,
    normaliser: Normaliser,
    /// The transcripts of utterances, by the hash of their samples.
    alone: HashMap<String, String>,
}

impl<'a> Listener<'a> {
    /// Asks `model` for what `request` says; texts are compared as `normaliser` makes them.
    pub fn new(model: &'a Model, request: Request, normaliser: Normaliser) -> Self {
        Self { model, request, normaliser, alone: HashMap::new() }
    }

    /// Scores `rows` of the corpus `manifest`. `on_answer` gets each answer as soon as it is there. A recording that fails
    /// is told in its answer, counted, and in no score.
    ///
    /// # Errors
    ///
    /// Rows that do not say which utterances they are made of.
    pub fn evaluate(
        &mut self,
        manifest: &str,
        rows: &[Utterance],
        on_answer: &mut dyn FnMut(&Hypothesis),
    ) -> anyhow::Result<RecordingsReport> {
        check(manifest, rows)?;
        let mut all = Vec::new();
        for row in rows {
            let mut answer = Hypothesis {
                task: TASK.to_owned(),
                manifest: manifest.to_owned(),
                audio_filepath: row.audio_filepath.clone(),
                reference: row.text.clone(),
                speech: String::new(),
                text: String::new(),
                one_by_one: None,
                warnings: Vec::new(),
                ctc: None,
                phrases: Vec::new(),
                agreement: None,
                followed: true,
                error: None,
            };
            match self.listen(row, &mut answer) {
                Ok(found) => all.push(found),
                Err(error) => answer.error = Some(error),
            }
            on_answer(&answer);
        }
        Ok(RecordingsReport::of(manifest, &all, rows.len() - all.len(), self.normaliser, self.request.decode))
    }

    /// Transcribes one recording, and each of its utterances.
    fn listen(&mut self, row: &Utterance, hypothesis: &mut Hypothesis) -> Result<Found, String> {
        let path = row.audio_filepath.display();
        let samples = contained(|| speech::samples(row))?.samples;
        let began = Instant::now();
        let answer = transcribe(self.model, &self.request, &samples)
            .map_err(|error| format!("cannot answer `{path}`: {error}"))?;
        let wall = began.elapsed();
        let mut one_by_one = Vec::new();
        let mut alone = ErrorCounts::default();
        for spoken in &row.utterances {
            let at = |seconds: f64| {
                ((seconds * f64::from(audio::SAMPLE_RATE)).round() as usize).min(samples.len())
            };
            let text = self
                .alone(&samples[at(spoken.start)..at(spoken.end).max(at(spoken.start))])
                .map_err(|error| format!("cannot answer `{path}` from {:.2} s: {error}", spoken.start))?;
            alone += self.errors(&spoken.text, &text);
            one_by_one.push(text);
        }
        hypothesis.speech.clone_from(&answer.text);
        hypothesis.one_by_one = Some(one_by_one.join(" "));
        hypothesis.agreement = answer.agreement();
        hypothesis.warnings = answer.warnings.iter().map(ToString::to_string).collect();
        hypothesis.ctc.clone_from(&answer.ctc_text);
        Ok(Found { one_by_one: alone, wall, ..found(row, &answer, self.normaliser) })
    }

    fn errors(&self, reference: &str, text: &str) -> ErrorCounts {
        ErrorCounts::of(&self.normaliser.apply(reference), &self.normaliser.apply(text))
    }

    fn alone(&mut self, samples: &[f32]) -> Result<String, String> {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let key = sha256(&bytes);
        if let Some(text) = self.alone.get(&key) {
            return Ok(text.clone());
        }
        let text = transcribe(self.model, &self.request, samples)?.text;
        self.alone.insert(key, text.clone());
        Ok(text)
    }
}

/// The request for a transcript, with the decoding that the model has for it, or with `beams`.
///
/// # Errors
///
/// A model that cannot transcribe, beams that are out of range.
pub fn request(model: &Model, beams: Option<usize>) -> anyhow::Result<Request> {
    let mut request = model.request(Task::Transcribe);
    if let Some(size) = beams {
        request.decode.strategy = request.decode.strategy.with_beams(size);
    }
    model.check(&request)?;
    Ok(request)
}

/// The answer of a session that gets the samples as they come.
///
/// # Errors
///
/// In words, why there is none.
pub fn transcribe(model: &Model, request: &Request, samples: &[f32]) -> Result<Answer, String> {
    contained(|| -> anyhow::Result<Answer> {
        let session = model.session(request.clone())?;
        for piece in samples.chunks(PIECE) {
            // A session that ended early says why when it is waited for.
            if session.push(piece).is_err() {
                break;
            }
        }
        Ok(session.wait()?)
    })
}

/// What an answer is worth, but for what it is compared with.
pub fn found(row: &Utterance, answer: &Answer, normaliser: Normaliser) -> Found {
    Found {
        whole: ErrorCounts::of(&normaliser.apply(&row.text), &normaliser.apply(&answer.text)),
        utterances: row.utterances.len(),
        written: written(&words(answer), &row.stretches),
        coverage: coverage(answer),
        warnings: count_warnings(&answer.warnings),
        seconds: answer.seconds,
        ..Found::default()
    }
}

/// Refuses rows that the task cannot be scored on.
///
/// # Errors
///
/// As [`Listener::evaluate`].
pub fn check(manifest: &str, rows: &[Utterance]) -> anyhow::Result<()> {
    let without = rows.iter().filter(|row| row.utterances.is_empty()).count();
    anyhow::ensure!(
        without == 0 && !rows.is_empty(),
        "manifest `{manifest}`: {without} of {} rows have no `utterances`, which task `{TASK}` needs",
        rows.len()
    );
    Ok(())
}
