//! How the utterances of a synthetic corpus are spoken: `takes SPLIT COUNT`, a line each of tab-separated index, voice,
//! words a minute, pitch, and silence before and after in seconds. For `fixtures/make_word_times.py`.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::error::Error;

use slm_train::data::corpus::Split;

/// The seed of the reference model's test sets.
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(split), Some(count)) = (args.next(), args.next()) else {
        return Err("usage: takes test|test-voices COUNT".into());
    };
    let split = match split.as_str() {
        "test" => Split::Test,
        "test-voices" => Split::TestVoices,
        other => return Err(format!("unknown split `{other}`").into()),
    };
    for index in 0..count.parse::<u64>()? {
        let take = split.take(SEED, index);
        println!(
            "{index}\t{}\t{}\t{}\t{}\t{}",
            take.voice.name, take.rate_wpm, take.pitch, take.lead_s, take.trail_s
        );
    }
    Ok(())
}
