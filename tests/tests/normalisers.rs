//! Whisper's normalisers against those of OpenAI's package: `fixtures/normalisers.json`, written by
//! `fixtures/make_normalisers.py`.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

use slm_train::eval::normalise::Normaliser;

const GOLDEN: &str = include_str!("../fixtures/normalisers.json");

/// The texts that a normaliser makes something else of, with its output and the expected one.
fn differences(normaliser: Normaliser, column: usize) -> Vec<String> {
    let rows: Vec<[String; 3]> = serde_json::from_str(GOLDEN).unwrap();
    assert!(rows.len() > 1_800);
    rows.into_iter()
        .filter_map(|row| {
            // The original leaves white space at the ends, which no metric counts.
            let (found, expected) = (normaliser.apply(&row[0]), row[column].trim());
            (found != expected).then(|| format!("{:?}: {found:?}, expected {expected:?}", row[0]))
        })
        .collect()
}

#[test]
fn basic_equals_the_original() {
    assert_eq!(differences(Normaliser::WhisperBasic, 1), Vec::<String>::new());
}

#[test]
fn english_equals_the_original() {
    assert_eq!(differences(Normaliser::WhisperEnglish, 2), Vec::<String>::new());
}
