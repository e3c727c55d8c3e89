//! How far word times are from the synthesiser's: `word_times BUNDLE MANIFEST`.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::error::Error;
use std::path::Path;

use slm_core::Backend;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::speech::SpeechModel;
use slm_tests::alignment::{median, read_word_times, start_errors};
use slm_train::data::manifest;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(bundle), Some(path)) = (args.next(), args.next()) else {
        return Err("usage: word_times BUNDLE MANIFEST".into());
    };
    let model = SpeechModel::load(&Bundle::open(Path::new(&bundle))?, &Backend::Flex.device()?)?;
    let errors = start_errors(&model, &manifest::read(&path)?, &read_word_times()?)?;
    let mut sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let at = |share: usize| 1000.0 * sizes[(sizes.len() - 1) * share / 100];
    println!(
        "{} words: median of the error {:.0} ms, of its size {:.0} ms; 75 % within {:.0} ms, 90 % within {:.0} ms",
        sizes.len(),
        1000.0 * median(errors),
        at(50),
        at(75),
        at(90)
    );
    Ok(())
}
