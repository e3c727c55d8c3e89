//! What phrases cost: `context_cost BUNDLE MANIFEST [PHRASES]`, the time of transcribing about 10 s of speech with
//! that many phrases over that without, both several times in turn.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use slm_core::models::checkpoint::Bundle;
use slm_core::models::speech::SpeechModel;
use slm_core::{Backend, PhraseList, Request, Task, audio};
use slm_tests::alignment::median;
use slm_train::data::manifest;

/// Pairs of runs.
const ROUNDS: usize = 15;
/// Samples of speech: 10 s.
const SAMPLES: usize = 160_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(bundle), Some(path)) = (args.next(), args.next()) else {
        return Err("usage: context_cost BUNDLE MANIFEST [PHRASES]".into());
    };
    let count = args.next().map_or(Ok(10_000), |count| count.parse())?;
    let model = SpeechModel::load(&Bundle::open(Path::new(&bundle))?, &Backend::Flex.device()?)?;
    let utterances = manifest::read(&path)?;
    let mut samples = Vec::new();
    for utterance in &utterances {
        if samples.len() < SAMPLES {
            samples.extend(audio::read(&utterance.audio_filepath)?.samples);
        }
    }
    samples.truncate(SAMPLES);
    let phrases = phrases(&utterances, count)?;
    let began = Instant::now();
    let phrases = model.phrases(&phrases)?;
    println!("{count} phrases, prepared in {:.1} ms", 1000.0 * began.elapsed().as_secs_f64());

    let plain = model.request(Task::Transcribe);
    let mut with = plain.clone();
    with.phrases = Some(phrases);
    let seconds = |request: &Request| -> Result<f64, Box<dyn Error>> {
        let began = Instant::now();
        model.respond(&[&samples], request)?;
        Ok(began.elapsed().as_secs_f64())
    };
    let (mut without, mut ratios) = (Vec::new(), Vec::new());
    seconds(&plain)?;
    for _ in 0..ROUNDS {
        let base = seconds(&plain)?;
        without.push(base);
        ratios.push(seconds(&with)? / base);
    }
    println!(
        "{:.1} s of audio: {:.0} ms without, ratio {:.3}",
        samples.len() as f64 / 16_000.0,
        1000.0 * median(without),
        median(ratios)
    );
    Ok(())
}

/// The names of the utterances, and pairs of words of their texts, up to `count`.
fn phrases(utterances: &[manifest::Utterance], count: usize) -> Result<PhraseList, Box<dyn Error>> {
    let words: Vec<&str> = utterances.iter().flat_map(|utterance| utterance.text.split(' ')).collect();
    let names = utterances.iter().flat_map(|utterance| utterance.names.iter().cloned());
    // Every round over the words pairs them anew.
    let pair = |i: usize| {
        let (first, second) = (i % words.len(), (13 * i + i / words.len()) % words.len());
        format!("{} {}", words[first], words[second])
    };
    let mut list = PhraseList::new(names)?;
    let mut made = 0;
    while list.len() < count {
        let missing = count - list.len();
        list = list.with(PhraseList::new((made..made + missing).map(pair))?)?;
        made += missing;
    }
    Ok(list)
}
