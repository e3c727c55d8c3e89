//! One model, two sessions on two threads at once: one set of weights.
//!
//! ```console
//! $ cargo run --release -p slm-core --example two_sessions -- weights/slm-tiny \
//!       tests/audio/test/wav/000010-9ff32614.wav
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::path::PathBuf;
use std::thread;

use slm_core::{Model, OpenOptions, Task, audio};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(path), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: two_sessions MODEL FILE".into());
    };
    let model = Model::open(path, &OpenOptions::new())?;
    let sound = audio::read(&file)?;

    let tasks = [Task::Transcribe, Task::Translate { to: "german".into() }];
    let answers = thread::scope(|scope| {
        let ask = |task: Task| {
            let (model, samples) = (model.clone(), &sound.samples);
            scope.spawn(move || model.answer(samples, &model.request(task)))
        };
        tasks.map(ask).map(thread::ScopedJoinHandle::join)
    });
    for answer in answers {
        let answer = answer.map_err(|_| "a thread panicked")??;
        println!("{}", answer.text);
    }
    Ok(())
}
