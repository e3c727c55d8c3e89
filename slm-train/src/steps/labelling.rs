//! What the stages have in common that train labels by CTC.

use slm_core::models::text::TextTokenizer;

use crate::eval::metrics;
use crate::training::{Metrics, Sample};

/// Batches of an epoch from short utterances to long ones (SortaGrad, arXiv 1512.02595, section 3.2): few labels are easier
/// to align, and an alignment is what CTC has to find first.
pub(super) fn short_first(batches: &mut [Vec<usize>], lengths: &[usize]) {
    batches.sort_by_key(|batch| batch.iter().map(|&i| lengths[i]).max());
}

/// The error rates of `hypotheses`.
pub(super) fn error_rates(texts: &[String], hypotheses: &[String]) -> Metrics {
    Metrics::from([
        ("wer".into(), metrics::wer(texts, hypotheses)),
        ("cer".into(), metrics::cer(texts, hypotheses)),
    ])
}

/// Samples of the recordings `names`, whose texts are `references`.
pub(super) fn samples(names: &[String], references: &[String], texts: Vec<String>) -> Vec<Sample> {
    let rows = names.iter().zip(references).zip(texts);
    let sample = |((example, reference), text): ((&String, &String), String)| Sample {
        example: example.clone(),
        reference: reference.clone(),
        text,
    };
    rows.map(sample).collect()
}

/// The labels of the head that is trained on `tokenizer`: its pieces, and the blank behind them.
pub(super) fn labels_with_blank(tokenizer: &TextTokenizer) -> usize {
    tokenizer.len() + 1
}
