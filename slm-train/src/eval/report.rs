//! Runs a task over a manifest, by speech and by text, and scores both.
//!
//! The thin gap is the speech score over the score that the same frozen language model reaches when it
//! is given the true transcript as text: 1 means that nothing is lost between speech and text.
//!
//! A case that fails, such as a recording that cannot be read, is told in its [`Hypothesis`], counted in
//! [`Report::failed`] and in no score.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use slm_core::Request;
use slm_core::models::speech::{SpeechError, SpeechModel};

use super::answers::{Asker, Outcome};
use super::context::PhraseContext;
use super::follow::follows;
use super::hypotheses::Hypothesis;
use super::score::score;
use super::tasks::Case;
use crate::data::manifest::Utterance;

pub use super::score::{EvalRun, Group, Report};

/// Inputs that go through the model together.
const BATCH: usize = 16;

/// How a run is asked for: with the decoding that the model has for its task, or with `beams`.
///
/// # Errors
///
/// What every case of a kind would be refused for: a manifest without a reference for the task, a task that the bundle
/// does not have, beams that are out of range, phrases for a model that cannot look for them.
pub fn request(
    model: &SpeechModel,
    utterances: &[Utterance],
    run: &EvalRun,
    beams: Option<usize>,
) -> anyhow::Result<Request> {
    let cases = run.task.cases(utterances);
    let Some(first) = cases.first() else {
        anyhow::bail!("manifest `{}` has no reference for task `{}`", run.manifest, run.task.name());
    };
    let own = run.task.model(model)?;
    let model = own.as_ref().unwrap_or(model);
    let mut request = model.request(first.task.clone());
    if let Some(PhraseContext::Given(given)) = &run.context {
        request.phrases = Some(model.phrases(&given.list)?);
    }
    if let Some(size) = beams {
        request.decode.strategy = request.decode.strategy.with_beams(size);
    }
    let mut known = BTreeSet::new();
    for case in &cases {
        if known.insert(case.task.key()) {
            let mut one = request.clone();
            one.task = case.task.clone();
            // What else is wrong with this one case need not be with others.
            if let Err(error @ (SpeechError::NoTask { .. } | SpeechError::Decode(_))) = model.check(&one) {
                return Err(error.into());
            }
        }
    }
    Ok(request)
}

/// Evaluates a task with a [`request`] for it; `on_answers` gets every few answers as soon as they are there, the
/// shortest recordings first.
///
/// Returned are all of them, in the order of the manifest.
///
/// # Errors
///
/// A manifest without a case, and a task whose words the model cannot take.
pub fn evaluate(
    model: &SpeechModel,
    utterances: &[Utterance],
    run: &EvalRun,
    request: &Request,
    on_answers: &mut dyn FnMut(&[Hypothesis]),
) -> anyhow::Result<(Report, Vec<Hypothesis>)> {
    let cases = run.task.cases(utterances);
    anyhow::ensure!(!cases.is_empty(), "the manifest has no reference for task `{}`", run.task.name());

    let own = run.task.model(model)?;
    let model = own.as_ref().unwrap_or(model);
    let lists = match &run.context {
        Some(PhraseContext::Drawn(settings)) => Some(settings.of(utterances)),
        Some(PhraseContext::Given(_)) | None => None,
    };
    let asker = Asker { model, utterances, lists: lists.as_ref(), request };
    let mut hypotheses: Vec<(usize, Hypothesis)> = Vec::with_capacity(cases.len());
    let mut wall = Duration::ZERO;
    // Utterances of one length waste no padding.
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|&a, &b| {
        utterances[cases[a].utterance].duration.total_cmp(&utterances[cases[b].utterance].duration)
    });
    for batch in order.chunks(BATCH) {
        let asked: Vec<&Case> = batch.iter().map(|&i| &cases[i]).collect();
        let began = Instant::now();
        let speech = asker.by_speech(&asked);
        wall += began.elapsed();
        let text = asker.by_text(&asked);
        let answered: Vec<Hypothesis> = asked
            .into_iter()
            .zip(speech.into_iter().zip(text))
            .map(|(case, (speech, text))| hypothesis(run, &utterances[case.utterance], case, speech, text))
            .collect();
        on_answers(&answered);
        hypotheses.extend(batch.iter().copied().zip(answered));
    }
    hypotheses.sort_by_key(|(index, _)| *index);
    let hypotheses: Vec<Hypothesis> = hypotheses.into_iter().map(|(_, hypothesis)| hypothesis).collect();

    let (scored, answers): (Vec<&Case>, Vec<&Hypothesis>) =
        cases.iter().zip(&hypotheses).filter(|(_, answer)| answer.error.is_none()).unzip();
    let report = Report {
        failed: cases.len() - scored.len(),
        wall_seconds: wall.as_secs_f64(),
        decoding: request.decode,
        ..score(run, &scored, utterances, &answers, lists.as_ref())
    };
    Ok((report, hypotheses))
}

/// What is kept of an answer.
fn hypothesis(
    run: &EvalRun,
    utterance: &Utterance,
    case: &Case,
    speech: Outcome,
    text: Outcome,
) -> Hypothesis {
    let mut errors: Vec<String> =
        [&speech, &text].into_iter().filter_map(|outcome| outcome.as_ref().err().cloned()).collect();
    errors.dedup();
    let error = (!errors.is_empty()).then(|| errors.join("; "));
    let (speech, text) = (speech.unwrap_or_default(), text.unwrap_or_default());
    let phrases = speech.segments.iter().flat_map(|segment| &segment.phrases);
    Hypothesis {
        task: run.name(),
        manifest: run.manifest.clone(),
        audio_filepath: utterance.audio_filepath.clone(),
        reference: case.reference.clone(),
        phrases: phrases.map(|found| found.phrase.clone()).collect(),
        agreement: speech.agreement(),
        followed: error.is_none() && follows(&speech.text, &case.reference, &run.task.others(utterance)),
        speech: speech.text,
        text: text.text,
        one_by_one: None,
        warnings: Vec::new(),
        ctc: speech.ctc_text,
        error,
    }
}
