//! What is scored, and the scores.

use std::collections::BTreeMap;

use serde::Serialize;
use slm_core::DecodeConfig;

use super::bootstrap;
use super::context::{ContextLists, NamesInList, PhraseContext, PhraseLists};
use super::hypotheses::Hypothesis;
use super::metrics::{
    self, BiasErrors, BiasWords, BleuCounts, ChrfCounts, Counts, ErrorCounts, Matches, Mean,
};
use super::normalise::Normaliser;
use super::tasks::{Case, EvalTask, Headline};
use crate::data::manifest::Utterance;

/// A task over a manifest.
#[derive(Debug, Clone)]
pub struct EvalRun {
    /// What is asked.
    pub task: EvalTask,
    /// Phrases that may be said, for recognition.
    pub context: Option<PhraseContext>,
    /// The manifest's name, for the report.
    pub manifest: String,
    /// Whether the adapter has learnt the task by speech.
    pub trained: bool,
    /// How texts are changed before their words are compared.
    pub normaliser: Normaliser,
}

impl EvalRun {
    /// The task's name, with what its context is.
    pub fn name(&self) -> String {
        let task = self.task.name();
        match &self.context {
            None => task,
            Some(PhraseContext::Drawn(ContextLists { phrases, names: NamesInList::Present, .. })) => {
                format!("{task}+{phrases}-names")
            }
            Some(PhraseContext::Drawn(ContextLists { phrases, names: NamesInList::Absent, .. })) => {
                format!("{task}+{phrases}-other-names")
            }
            Some(PhraseContext::Given(given)) => format!("{task}+{}", given.name()),
        }
    }
}

/// The scores of one task over one manifest.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The task's name.
    pub task: String,
    /// The manifest.
    pub manifest: String,
    /// Whether the adapter has learnt the task by speech; else it is zero-shot.
    pub trained: bool,
    /// The figure that speech and text are compared by.
    pub metric: &'static str,
    /// That figure by speech.
    pub speech_score: f64,
    /// Where 95 % of resamples of the utterances have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_interval: Option<[f64; 2]>,
    /// That figure by the true transcript as text.
    pub text_score: f64,
    /// Where 95 % of resamples have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_interval: Option<[f64; 2]>,
    /// Speech score over text score; absent when the text score is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin_gap: Option<f64>,
    /// Where 95 % of resamples have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin_gap_interval: Option<[f64; 2]>,
    /// The share of answers that do what was asked, right or wrong.
    pub followed: f64,
    /// Word error rate, for recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wer: Option<f64>,
    /// Character error rate, for recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cer: Option<f64>,
    /// Word error rate of the encoder's CTC labels alone, for recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctc_wer: Option<f64>,
    /// B-WER, for recognition: word error rate on the words of the list of phrases or, without one, of names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biased_wer: Option<f64>,
    /// U-WER: that on all other words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unbiased_wer: Option<f64>,
    /// The share of the words that count for B-WER that were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biased_recall: Option<f64>,
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
    /// The speech score of each voice of the manifest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_voice: BTreeMap<String, Group>,
    /// The speech score of each language of the manifest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_language: BTreeMap<String, Group>,
    /// Answers that were scored.
    pub cases: usize,
    /// Cases that failed, which are in no score.
    pub failed: usize,
    /// Utterances of the manifest.
    pub utterances: usize,
    /// Their duration, as far as it is known.
    pub audio_seconds: f64,
    /// Time of the speech answers, audio reading included.
    pub wall_seconds: f64,
    /// How texts were normalised for word and character error rate.
    pub normaliser: Normaliser,
    /// The lists of phrases, where there were some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<PhraseContext>,
    /// How tokens were chosen.
    pub decoding: DecodeConfig,
}

/// A part of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Group {
    /// The speech score.
    pub speech_score: f64,
    /// Answers.
    pub cases: usize,
}

/// Scores the cases named by index.
type Scorer = Box<dyn Fn(&[usize]) -> f64>;

/// The scorer of a headline over answers.
fn scorer(headline: Headline, references: &[&str], answers: &[&str], normaliser: Normaliser) -> Scorer {
    fn counted<C: Counts + 'static>(references: &[&str], answers: &[&str], figure: fn(f64) -> f64) -> Scorer {
        let counts: Vec<C> = references.iter().zip(answers).map(|(r, a)| C::of(r, a)).collect();
        Box::new(move |cases| {
            // Without a case there is no figure, be it of what is good or of what is bad.
            if cases.is_empty() {
                0.0
            } else {
                figure(C::total(cases.iter().map(|&case| counts[case])).score())
            }
        })
    }
    match headline {
        Headline::WordAccuracy => {
            let (references, answers) = (normaliser.apply_all(references), normaliser.apply_all(answers));
            counted::<ErrorCounts>(&as_strs(&references), &as_strs(&answers), |rate| 1.0 - rate)
        }
        Headline::Chrf => counted::<ChrfCounts>(references, answers, |score| score),
        Headline::ExactMatch => counted::<Matches>(references, answers, |score| score),
    }
}

/// The scores of `cases`, each with its answer.
pub(super) fn score(
    run: &EvalRun,
    cases: &[&Case],
    utterances: &[Utterance],
    hypotheses: &[&Hypothesis],
    lists: Option<&PhraseLists<'_>>,
) -> Report {
    let references: Vec<&str> = cases.iter().map(|case| case.reference.as_str()).collect();
    let spoken: Vec<&str> = hypotheses.iter().map(|answer| answer.speech.as_str()).collect();
    let written: Vec<&str> = hypotheses.iter().map(|answer| answer.text.as_str()).collect();
    let headline = run.task.headline();
    let scorer = |answers: &[&str]| scorer(headline, &references, answers, run.normaliser);
    let (speech, text) = (scorer(&spoken), scorer(&written));
    let all: Vec<usize> = (0..cases.len()).collect();
    let (speech_score, text_score) = (speech(&all), text(&all));
    // The cases of each utterance stay together in a resample.
    let units: Vec<Vec<usize>> = grouped(cases, |case| Some(case.utterance)).into_values().collect();
    let drawn = |units: &[Vec<usize>], of: &[usize]| -> Vec<usize> {
        of.iter().flat_map(|&unit| units[unit].iter().copied()).collect()
    };
    let interval =
        |score: &dyn Fn(&[usize]) -> f64| bootstrap::interval(units.len(), |of| score(&drawn(&units, of)));
    let groups = |name: &dyn Fn(&Utterance) -> Option<String>| {
        let cases_of = grouped(cases, |case| name(&utterances[case.utterance]));
        let group = |cases: Vec<usize>| Group { speech_score: speech(&cases), cases: cases.len() };
        cases_of.into_iter().map(|(name, cases)| (name, group(cases))).collect::<BTreeMap<_, _>>()
    };

    let some = !cases.is_empty();
    let recognition = some && headline == Headline::WordAccuracy;
    let free_text = some && headline == Headline::Chrf;
    let extraction = some && headline == Headline::ExactMatch;
    let normalised = |texts: &[&str]| run.normaliser.apply_all(texts);
    let (plain_references, plain) = (normalised(&references), normalised(&spoken));
    let heard: Option<Vec<String>> = hypotheses.iter().map(|answer| answer.ctc.clone()).collect();
    // One list for all is made ready once.
    let given = match &run.context {
        Some(PhraseContext::Given(given)) if recognition => {
            Some(BiasWords::of(&run.normaliser.apply_all(given.list.phrases())))
        }
        _ => None,
    };
    let mut bias = BiasErrors::default();
    for ((case, reference), answer) in cases.iter().zip(&plain_references).zip(&plain).filter(|_| recognition)
    {
        let of = |phrases: &[String]| BiasErrors::of(reference, answer, &run.normaliser.apply_all(phrases));
        bias += match (&given, lists) {
            (Some(words), _) => BiasErrors::with_words(reference, answer, words),
            (None, Some(lists)) => of(&lists.phrases(case.utterance)),
            (None, None) => of(&utterances[case.utterance].names),
        };
    }
    let mut followed = Mean::default();
    for answer in hypotheses {
        followed += Mean::one(f64::from(u8::from(answer.followed)));
    }
    Report {
        task: run.name(),
        manifest: run.manifest.clone(),
        trained: run.trained,
        metric: headline.name(),
        speech_score,
        speech_interval: interval(&speech),
        text_score,
        text_interval: interval(&text),
        thin_gap: (text_score > 0.0).then(|| speech_score / text_score),
        thin_gap_interval: interval(&|cases| speech(cases) / text(cases)).filter(|_| text_score > 0.0),
        followed: followed.value(),
        wer: recognition.then(|| metrics::wer(&plain_references, &plain)),
        cer: recognition.then(|| metrics::cer(&plain_references, &plain)),
        ctc_wer: heard
            .filter(|_| recognition)
            .map(|heard| metrics::wer(&plain_references, &run.normaliser.apply_all(&heard))),
        biased_wer: bias.biased_rate(),
        unbiased_wer: bias.unbiased_rate().filter(|_| bias.biased_rate().is_some()),
        biased_recall: bias.recall(),
        chrf: free_text.then(|| metrics::chrf(&references, &spoken)),
        bleu: free_text.then(|| BleuCounts::of_corpus(&references, &spoken).score()),
        exact_match: metrics::exact_match(&references, &spoken),
        f1: extraction.then(|| metrics::f1(&references, &spoken)),
        by_voice: groups(&|utterance| utterance.voice.clone()),
        by_language: groups(&|utterance| utterance.language.clone()),
        cases: cases.len(),
        failed: 0,
        utterances: utterances.len(),
        audio_seconds: utterances.iter().map(|utterance| utterance.duration).sum(),
        wall_seconds: 0.0,
        normaliser: run.normaliser,
        context: run.context.clone(),
        decoding: DecodeConfig::default(),
    }
}

/// The cases of each key, by index; those without one are left out.
fn grouped<K: Ord>(cases: &[&Case], key: impl Fn(&Case) -> Option<K>) -> BTreeMap<K, Vec<usize>> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if let Some(key) = key(case) {
            groups.entry(key).or_default().push(index);
        }
    }
    groups
}

fn as_strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
