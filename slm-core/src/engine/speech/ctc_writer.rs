//! A CTC model: the encoder's own labels are the text.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*, section 3.2: the best path, or with beams the most
//! probable labellings. The labels of a frame do not depend on each other, so there is nothing else to choose by.

use super::ears::Ears;
use super::error::{LoadError, SpeechError};
use super::stream::until_stop;
use super::writer::{Heard, OnText, Order, Writer, Written};
use crate::ctc::best_path::{self, Labelling};
use crate::ctc::{Aligned, CtcPosteriors, Measure, prefix_beams};
use crate::decode::{DecodeConfig, DecodeError, Strategy};
use crate::engine::answer::{Alternative, Answer};
use crate::engine::request::{Delivery, Request, TokenLimit};
use crate::nn::Watch;
use crate::prompt::{Author, Task, Templates};
use crate::text::TextTokenizer;

/// Writes down the labels of an encoder's CTC head.
#[derive(Debug, Clone)]
pub struct CtcWriter {
    labels: TextTokenizer,
}

impl CtcWriter {
    /// With the tokenizer of the labels.
    pub(super) fn new(labels: TextTokenizer) -> Self {
        Self { labels }
    }

    /// The texts of labellings, the best first, each once.
    fn written(
        &self,
        labellings: Vec<Labelling>,
        request: &Request,
        most: Option<usize>,
    ) -> Result<Written, SpeechError> {
        let mut written: Option<Written> = None;
        for Labelling { mut labels, log_prob } in labellings {
            let stopped_at = most.filter(|&most| labels.len() > most);
            labels.truncate(most.unwrap_or(usize::MAX));
            let text = until_stop(&self.labels.decode(&labels)?, &request.stop).0.trim().to_owned();
            match &mut written {
                None => {
                    let (tokens, score) = (labels, log_prob);
                    written =
                        Some(Written { text, tokens, score, log_prob, stopped_at, ..Written::default() });
                }
                Some(best) => {
                    let is_new = best.text != text && best.alternatives.iter().all(|one| one.text != text);
                    if is_new && best.alternatives.len() + 1 < request.decode.num_hypotheses {
                        best.alternatives.push(Alternative::new(text, log_prob));
                    }
                }
            }
        }
        Ok(written.unwrap_or_default())
    }
}

/// The settings of `request` that change nothing about labels, one text each.
fn vain(request: &Request) -> Vec<String> {
    let decode = &request.decode;
    let mut problems = Vec::new();
    let mut check = |is_vain: bool, name: &str| {
        if is_vain {
            problems.push(format!("{name} means nothing for a CTC model"));
        }
    };
    check(matches!(decode.strategy, Strategy::Sample { .. }), "sampling");
    // The default stands for nothing asked for: all labellings are of the same frames.
    let penalty = matches!(decode.strategy, Strategy::Beam { length_penalty, .. }
        if (length_penalty - 1.0).abs() > f64::EPSILON);
    check(penalty, "`length_penalty`");
    check(decode.repetition_penalty.is_some(), "`repetition_penalty`");
    check(decode.no_repeat_ngram.is_some(), "`no_repeat_ngram`");
    check(decode.ctc_weight.is_some(), "`ctc_weight`");
    check(decode.prior_weight.is_some(), "`prior_weight`");
    check(decode.phrase_weight.is_some(), "`phrase_weight`");
    check(decode.min_new_tokens > 0, "`min_new_tokens`");
    check(decode.vocab_limit.is_some(), "`vocab_limit`");
    problems
}

impl Writer for CtcWriter {
    fn tasks(&self) -> Vec<String> {
        vec![Task::Transcribe.key()]
    }

    fn author(&self) -> Author {
        Author::Labels
    }

    fn decoding(&self, _: &Task) -> DecodeConfig {
        DecodeConfig::default()
    }

    fn check(&self, request: &Request, _: f64) -> Result<(), SpeechError> {
        self.knows(&request.task)?;
        request.check_no_language()?;
        let mut problems = vain(request);
        problems.extend(request.decode.problems(0));
        if !problems.is_empty() {
            return Err(DecodeError::Config { problems }.into());
        }
        if request.delivery == Delivery::Text && !request.decode.can_stream() {
            return Err(SpeechError::CannotStream { hypotheses: request.decode.num_hypotheses });
        }
        Ok(())
    }

    fn knows(&self, task: &Task) -> Result<(), SpeechError> {
        if *task == Task::Transcribe { Ok(()) } else { Err(SpeechError::OnlyTranscribes { key: task.key() }) }
    }

    fn working_bytes(&self, _: usize, _: usize, _: f64) -> u64 {
        // What the head says is counted as heard.
        0
    }

    fn write(
        &self,
        heard: &[Heard],
        order: &Order,
        mut on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        let request = order.request;
        let most = match request.token_limit {
            TokenLimit::AtMost(tokens) => Some(tokens),
            // There are at most as many labels as frames.
            TokenLimit::FollowsDuration => None,
        };
        let mut all = Vec::with_capacity(heard.len());
        for (row, one) in heard.iter().enumerate() {
            self.knows(one.task)?;
            let posteriors = one.output.posteriors.as_ref().ok_or(SpeechError::NoLabels)?;
            if let Some(step) = (0..posteriors.frames()).find(|&t| !posteriors.best(t).1.is_finite()) {
                return Err(DecodeError::NonFinite { step, row }.into());
            }
            let labellings = match request.decode.strategy {
                Strategy::Beam { size, .. } => prefix_beams::search(posteriors, size, order.watch),
                Strategy::Greedy | Strategy::Sample { .. } => vec![best_path::labelling(posteriors)],
            };
            if order.watch.is_stopped() {
                return Err(SpeechError::Cancelled);
            }
            let written = self.written(labellings, request, most)?;
            if let Some(on_text) = &mut on_text
                && !written.text.is_empty()
            {
                on_text(&written.text);
            }
            all.push(written);
        }
        Ok(all)
    }

    fn align(
        &self,
        ears: &Ears,
        written: &Written,
        posteriors: &CtcPosteriors,
    ) -> Result<Option<Aligned>, SpeechError> {
        let whole = self.labels.decode(&written.tokens)?;
        if whole.split_whitespace().eq(written.text.split_whitespace()) {
            return ears.align_labels(&written.tokens, posteriors);
        }
        // It ends before the labels do.
        ears.align(&written.text, posteriors, Measure::Probability)
    }

    fn answer_texts(&self, _: &[(&str, &Task)], _: &Request, _: &Watch) -> Result<Vec<Answer>, SpeechError> {
        Err(SpeechError::OnlyHears)
    }

    fn set_templates(&mut self, _: Templates) -> Result<(), LoadError> {
        Err(LoadError::NoInstructions)
    }
}
