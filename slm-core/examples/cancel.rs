//! Cancels a session from another thread, and tells how long that took and what was finished before.
//!
//! ```console
//! $ cargo run --release -p slm-core --example cancel -- weights/slm-tiny tests/audio/test/wav/000010-9ff32614.wav
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use slm_core::{Model, OpenOptions, Task, audio};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(path), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: cancel MODEL FILE".into());
    };
    let model = Model::open(path, &OpenOptions::new())?;
    let sound = audio::read(&file)?;

    let session = model.session(model.request(Task::Transcribe))?;
    let canceller = session.canceller();
    let cancelled = thread::spawn(move || {
        thread::sleep(Duration::from_secs(2));
        canceller.cancel();
        Instant::now()
    });
    // The same recording over and over, until the session takes no more.
    while session.push(&sound.samples).is_ok() {}
    let result = session.wait();
    let ended = Instant::now();
    let asked = cancelled.join().map_err(|_| "a thread panicked")?;
    match result {
        Err(failure) => {
            let partial = &failure.partial;
            println!("{failure} after {:.3} s", ended.saturating_duration_since(asked).as_secs_f64());
            println!("{} segments were finished before: {}", partial.segments.len(), partial.text);
        }
        Ok(answer) => println!("finished before the cancel: {}", answer.text),
    }
    Ok(())
}
