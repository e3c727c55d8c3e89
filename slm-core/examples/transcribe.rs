//! Transcribes a file, with the times of its words.
//!
//! ```console
//! $ cargo run --release -p slm-core --example transcribe -- weights/slm-tiny tests/audio/test/wav/000010-9ff32614.wav
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::path::PathBuf;

use slm_core::{Model, OpenOptions, Task, audio};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: transcribe MODEL FILE".into());
    };
    let model = Model::open(model, &OpenOptions::new())?;
    println!("on {:?}: {}", model.backend().used, model.backend().device);

    let sound = audio::read(&file)?;
    let answer = model.answer(&sound.samples, &model.request(Task::Transcribe))?;
    println!("{}", answer.text);
    for word in
        answer.segments.iter().filter_map(|segment| segment.alignment.as_ref()).flat_map(|one| &one.words)
    {
        println!("{:6.2} {:6.2}  {}", word.start, word.end, word.text);
    }
    for warning in &answer.warnings {
        println!("warning: {warning}");
    }
    Ok(())
}
