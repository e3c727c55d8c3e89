//! The text metrics against jiwer and sacrebleu: `fixtures/metrics.json`, written by `fixtures/make_metrics.py`, and
//! `fixtures/bias.json` by `fixtures/make_bias.py`.

use serde_json::Value;
use slm_train::eval::metrics::{BiasErrors, Counts, ErrorCounts, bleu, cer, chrf, exact_match, f1, wer};
use slm_train::eval::normalise::normalise;

const GOLDEN: &str = include_str!("../fixtures/metrics.json");

/// The references and the hypotheses of a list of pairs.
fn columns(pairs: &Value) -> (Vec<&str>, Vec<&str>) {
    pairs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)))
        .unzip()
}

/// Compares every score of a corpus with the golden one, to four digits.
fn check(name: &str, references: &[&str], hypotheses: &[&str], golden: &Value) {
    let counts = ErrorCounts::of_corpus(references, hypotheses);
    let computed = [
        ("wer", wer(references, hypotheses)),
        ("cer", cer(references, hypotheses)),
        ("substitutions", counts.substitutions as f64),
        ("insertions", counts.insertions as f64),
        ("deletions", counts.deletions as f64),
        ("reference_words", counts.reference_words as f64),
        ("chrf", chrf(references, hypotheses)),
        ("bleu", bleu(references, hypotheses)),
        ("exact_match", exact_match(references, hypotheses)),
        ("f1", f1(references, hypotheses)),
    ];
    for (metric, value) in computed {
        let expected = golden[metric].as_f64().unwrap_or(f64::NAN);
        let close = (value - expected).abs() <= 5e-5;
        assert!(close, "{name}: {metric} is {value}, expected {expected}");
    }
}

#[test]
fn scores_equal_jiwer_and_sacrebleu() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let (mut all_references, mut all_hypotheses) = (Vec::new(), Vec::new());
    let (mut all_normalised_references, mut all_normalised_hypotheses) = (Vec::new(), Vec::new());
    // the corpus holds the subsets in the order of the file; no score depends on that order
    for (name, subset) in golden["subsets"].as_object().unwrap() {
        let (references, hypotheses) = columns(&subset["pairs"]);
        assert!(!references.is_empty());
        check(name, &references, &hypotheses, &subset["scores"]);
        all_references.extend(references);
        all_hypotheses.extend(hypotheses);

        let (references, hypotheses) = columns(&subset["normalised"]);
        let name = format!("{name}, normalised");
        check(&name, &references, &hypotheses, &subset["scores_normalised"]);
        all_normalised_references.extend(references);
        all_normalised_hypotheses.extend(hypotheses);
    }
    let corpus = &golden["corpus"];
    check("corpus", &all_references, &all_hypotheses, &corpus["scores"]);
    check(
        "corpus, normalised",
        &all_normalised_references,
        &all_normalised_hypotheses,
        &corpus["scores_normalised"],
    );
}

#[test]
fn normaliser_equals_the_one_by_unicode_category() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    for subset in golden["subsets"].as_object().unwrap().values() {
        let (references, hypotheses) = columns(&subset["pairs"]);
        let (expected_references, expected_hypotheses) = columns(&subset["normalised"]);
        let texts = references.iter().chain(&hypotheses);
        for (text, expected) in texts.zip(expected_references.iter().chain(&expected_hypotheses)) {
            assert_eq!(&normalise(text), expected);
        }
    }
}

#[test]
fn biased_and_unbiased_errors_equal_those_of_jiwer_s_alignments() {
    let golden: Vec<Value> = serde_json::from_str(include_str!("../fixtures/bias.json")).unwrap();
    assert!(golden.len() >= 200);
    for row in golden {
        let text = |name: &str| row[name].as_str().unwrap();
        let phrases: Vec<String> = serde_json::from_value(row["phrases"].clone()).unwrap();
        let found = BiasErrors::of(text("reference"), text("hypothesis"), &phrases);
        for (name, side) in [("biased", found.biased), ("unbiased", found.unbiased)] {
            let ErrorCounts { substitutions, insertions, deletions, reference_words } = side;
            let expected: [usize; 4] = serde_json::from_value(row[name].clone()).unwrap();
            assert_eq!([substitutions, insertions, deletions, reference_words], expected, "{name}: {row}");
        }
    }
}
