//! Prints what the engine measures of each segment, for choosing thresholds: `segment_stats MIN_SILENCE FILE...`.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::path::PathBuf;

use slm_core::{Model, OpenOptions, Task, audio};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::open("weights/slm-tiny", &OpenOptions::new())?;
    let mut request = model.request(Task::Transcribe);
    let mut arguments = std::env::args().skip(1);
    request.segmentation.min_silence = arguments.next().unwrap_or_default().parse()?;
    for path in arguments.map(PathBuf::from) {
        let sound = audio::read(&path)?;
        let answer = model.answer(&sound.samples, &request)?;
        for segment in &answer.segments {
            let agreement = segment.alignment.as_ref().map_or(-1.0, |aligned| aligned.agreement.value());
            println!(
                "{}\t{:.2}\t{:.2}\t{agreement:.4}\t{:.4}\t{:.4}\t{}\t{}",
                path.display(),
                segment.start,
                segment.end,
                segment.no_speech_prob,
                segment.avg_logprob,
                segment.is_supported,
                segment.text
            );
        }
        println!("{}\tquiet\t{:?}", path.display(), answer.quiet);
    }
    Ok(())
}
