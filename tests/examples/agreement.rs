//! How well agreement tells right texts from wrong ones: `agreement BUNDLE MANIFEST [UTTERANCES]`.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::error::Error;
use std::path::Path;

use slm_core::Backend;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::ctc::SUSPECT;
use slm_core::models::speech::SpeechModel;
use slm_tests::alignment::{Agreements, area_under_curve};
use slm_train::data::manifest;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(bundle), Some(path)) = (args.next(), args.next()) else {
        return Err("usage: agreement BUNDLE MANIFEST [UTTERANCES]".into());
    };
    let model = SpeechModel::load(&Bundle::open(Path::new(&bundle))?, &Backend::Flex.device()?)?;
    let mut utterances = manifest::read(&path)?;
    utterances.truncate(args.next().map_or(Ok(usize::MAX), |count| count.parse())?);
    let Agreements { right, other, dropped, added } = Agreements::of(&model, &utterances)?;
    let suspect = |values: &[f64]| {
        100.0 * values.iter().filter(|&&value| value < SUSPECT).count() as f64 / values.len() as f64
    };
    println!("right: {:.1} % suspect", suspect(&right));
    let all: Vec<f64> = [other.clone(), dropped.clone(), added.clone()].concat();
    for (name, wrong) in [
        ("another's text", &other),
        ("a sentence dropped", &dropped),
        ("a sentence added", &added),
        ("all", &all),
    ] {
        println!("{name}: area {:.4}, {:.1} % suspect", area_under_curve(&right, wrong), suspect(wrong));
    }
    let mut sorted = right;
    sorted.sort_by(f64::total_cmp);
    let at = |share: usize| sorted[(sorted.len() - 1) * share / 100];
    println!(
        "right, by share: 1 % below {:.2e}, 5 % {:.2e}, 10 % {:.2e}, 50 % {:.2e}",
        at(1),
        at(5),
        at(10),
        at(50)
    );
    Ok(())
}
