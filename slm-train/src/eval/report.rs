//! Runs a task over a manifest, by speech and by text, and scores both.
//!
//! The thin gap is the speech score over the score that the same frozen language model reaches when it
//! is given the true transcript as text: 1 means that nothing is lost between speech and text.

use std::time::Instant;

use anyhow::Context;
use serde::Serialize;
use slm_core::audio;
use slm_core::task::{Request, Response, SpeechModel, Task};

use super::metrics;
use super::normalise::{self, normalise};
use super::tasks::{Case, EvalTask, Headline};
use crate::data::manifest::Utterance;

/// Inputs that go through the model together.
const BATCH: usize = 16;

/// The scores of one task over one manifest.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The task's name.
    pub task: String,
    /// The figure that speech and text are compared by.
    pub metric: &'static str,
    /// That figure by speech.
    pub speech_score: f64,
    /// That figure by the true transcript as text.
    pub text_score: f64,
    /// Speech score over text score; absent when the text score is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin_gap: Option<f64>,
    /// Word error rate, for recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wer: Option<f64>,
    /// Character error rate, for recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cer: Option<f64>,
    /// Word error rate of the encoder's CTC labels alone, for recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctc_wer: Option<f64>,
    /// chrF, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chrf: Option<f64>,
    /// BLEU, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bleu: Option<f64>,
    /// The share of answers that are right after normalising.
    pub exact_match: f64,
    /// Mean token F1, for questions and fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Answers that were scored.
    pub cases: usize,
    /// Utterances of the manifest.
    pub utterances: usize,
    /// Their duration.
    pub audio_seconds: f64,
    /// Time of the speech answers, audio reading included.
    pub wall_seconds: f64,
    /// How texts were normalised for word and character error rate.
    pub normaliser: &'static str,
}

/// An answer, to be kept for inspection.
#[derive(Debug, Clone, Serialize)]
pub struct Hypothesis {
    /// The audio file.
    pub audio_filepath: std::path::PathBuf,
    /// The right answer.
    pub reference: String,
    /// The answer by speech.
    pub speech: String,
    /// The answer by text.
    pub text: String,
    /// What the encoder's CTC head heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctc: Option<String>,
}

/// Evaluates `task`; `progress` gets the number of finished answers.
///
/// # Errors
///
/// Audio that cannot be read, a task that the bundle has no template for, a device that fails, or a
/// manifest without a case.
pub fn evaluate(
    model: &SpeechModel,
    utterances: &[Utterance],
    task: &EvalTask,
    request: &Request,
    progress: &dyn Fn(usize),
) -> anyhow::Result<(Report, Vec<Hypothesis>)> {
    let cases = task.cases(utterances);
    anyhow::ensure!(!cases.is_empty(), "the manifest has no reference for task `{}`", task.name());

    let began = Instant::now();
    let mut speech: Vec<Response> = vec![Response::default(); cases.len()];
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|&a, &b| {
        utterances[cases[a].utterance].duration.total_cmp(&utterances[cases[b].utterance].duration)
    });
    for (done, batch) in order.chunks(BATCH).enumerate() {
        let samples = batch
            .iter()
            .map(|&i| Ok(audio::read(&utterances[cases[i].utterance].audio_filepath)?.samples))
            .collect::<Result<Vec<_>, audio::AudioError>>()?;
        let samples: Vec<&[f32]> = samples.iter().map(Vec::as_slice).collect();
        let tasks: Vec<Task> = batch.iter().map(|&i| cases[i].task.clone()).collect();
        let answers = model.respond_each(&samples, &tasks, request).context("cannot answer")?;
        for (&i, answer) in batch.iter().zip(answers) {
            speech[i] = answer;
        }
        progress(done * BATCH + batch.len());
    }
    let wall_seconds = began.elapsed().as_secs_f64();

    let mut text: Vec<Response> = Vec::with_capacity(cases.len());
    for batch in cases.chunks(BATCH) {
        let words: Vec<&str> = batch.iter().map(|case| utterances[case.utterance].text.as_str()).collect();
        let tasks: Vec<Task> = batch.iter().map(|case| case.task.clone()).collect();
        text.extend(model.respond_to_text_each(&words, &tasks, request).context("cannot answer")?);
    }
    let report = score(task, &cases, utterances, &speech, &text, wall_seconds);
    let hypotheses = cases
        .iter()
        .zip(speech.into_iter().zip(text))
        .map(|(case, (speech, text))| Hypothesis {
            audio_filepath: utterances[case.utterance].audio_filepath.clone(),
            reference: case.reference.clone(),
            speech: speech.text,
            text: text.text,
            ctc: speech.ctc_text,
        })
        .collect();
    Ok((report, hypotheses))
}

fn score(
    task: &EvalTask,
    cases: &[Case],
    utterances: &[Utterance],
    speech: &[Response],
    text: &[Response],
    wall_seconds: f64,
) -> Report {
    let references: Vec<&str> = cases.iter().map(|case| case.reference.as_str()).collect();
    let spoken: Vec<&str> = speech.iter().map(|response| response.text.as_str()).collect();
    let written: Vec<&str> = text.iter().map(|response| response.text.as_str()).collect();
    let headline = task.headline();
    let speech_score = headline_score(headline, &references, &spoken);
    let text_score = headline_score(headline, &references, &written);

    let recognition = matches!(task, EvalTask::Transcribe);
    let free_text = headline == Headline::Chrf;
    let extraction = headline == Headline::ExactMatch;
    let (plain_references, plain) = (normalised(&references), normalised(&spoken));
    let heard: Option<Vec<String>> = speech.iter().map(|response| response.ctc_text.clone()).collect();
    Report {
        task: task.name(),
        metric: headline.name(),
        speech_score,
        text_score,
        thin_gap: (text_score > 0.0).then(|| speech_score / text_score),
        wer: recognition.then(|| metrics::wer(&plain_references, &plain)),
        cer: recognition.then(|| metrics::cer(&plain_references, &plain)),
        ctc_wer: heard
            .filter(|_| recognition)
            .map(|heard| metrics::wer(&plain_references, &normalised(&heard))),
        chrf: free_text.then(|| metrics::chrf(&references, &spoken)),
        bleu: free_text.then(|| metrics::bleu(&references, &spoken)),
        exact_match: metrics::exact_match(&references, &spoken),
        f1: extraction.then(|| metrics::f1(&references, &spoken)),
        cases: cases.len(),
        utterances: utterances.len(),
        audio_seconds: utterances.iter().map(|utterance| utterance.duration).sum(),
        wall_seconds,
        normaliser: normalise::NAME,
    }
}

fn headline_score(headline: Headline, references: &[&str], answers: &[&str]) -> f64 {
    match headline {
        Headline::WordAccuracy => 1.0 - metrics::wer(&normalised(references), &normalised(answers)),
        Headline::Chrf => metrics::chrf(references, answers),
        Headline::ExactMatch => metrics::exact_match(references, answers),
    }
}

fn normalised<S: AsRef<str>>(texts: &[S]) -> Vec<String> {
    texts.iter().map(|text| normalise(text.as_ref())).collect()
}
