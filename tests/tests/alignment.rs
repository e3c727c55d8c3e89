//! Word times and agreement of the reference model over the committed utterances; those over the whole test set are in
//! `weights/README.md`, by the examples `word_times` and `agreement`.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use slm_core::Backend;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::speech::SpeechModel;
use slm_tests::alignment::{Agreements, area_under_curve, median, read_word_times, start_errors};
use slm_train::data::manifest::{self, Utterance};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn model() -> SpeechModel {
    let bundle = Bundle::open(&repository().join("weights/slm-tiny")).unwrap();
    SpeechModel::load(&bundle, &Backend::Flex.device().unwrap()).unwrap()
}

fn utterances(set: &str) -> Vec<Utterance> {
    manifest::read(repository().join(format!("tests/audio/{set}/manifest.jsonl"))).unwrap()
}

#[test]
fn words_begin_when_the_synthesiser_begins_them() {
    let errors = start_errors(&model(), &utterances("test"), &read_word_times().unwrap()).unwrap();
    assert!(errors.len() > 30, "{} words", errors.len());
    let typical = median(errors.iter().map(|error| error.abs()).collect());
    assert!(typical <= 0.12, "{typical} {errors:?}");
}

#[test]
fn agreement_tells_right_texts_from_wrong_ones() {
    let model = model();
    let mut all = utterances("test");
    all.extend(utterances("test-voices"));
    let Agreements { right, other, dropped, added } = Agreements::of(&model, &all).unwrap();
    for (name, wrong) in [("other", other), ("dropped", dropped), ("added", added)] {
        let area = area_under_curve(&right, &wrong);
        assert!(area >= 0.97, "{name}: {area}");
    }
}
