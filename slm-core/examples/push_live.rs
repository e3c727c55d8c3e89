//! Pushes samples as a microphone gives them, a tenth of a second at a time, and prints text as soon as it can no longer
//! change.
//!
//! ```console
//! $ cargo run --release -p slm-core --example push_live -- weights/slm-tiny tests/audio/test/wav/000010-9ff32614.wav
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use slm_core::{Delivery, Event, Model, OpenOptions, Task, audio};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: push_live MODEL FILE".into());
    };
    let model = Model::open(model, &OpenOptions::new())?;
    let sound = audio::read(&file)?;

    let mut request = model.request(Task::Transcribe);
    request.delivery = Delivery::Text;
    let mut session = model.session(request)?;
    for piece in sound.samples.chunks(audio::SAMPLE_RATE as usize / 10) {
        // A real microphone calls back once it has recorded so much.
        sleep(Duration::from_millis(100));
        session.push(piece)?;
        while let Some(event) = session.try_event() {
            show(&event)?;
        }
    }
    session.finish();
    while let Some(event) = session.next_event() {
        show(&event)?;
    }
    Ok(())
}

fn show(event: &Event) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match event {
        Event::Text(text) => write!(out, "{text}")?,
        Event::Warning(warning) => writeln!(out, "\nwarning: {warning}")?,
        Event::Finished(answer) => writeln!(out, "\n({:.1} s of audio)", answer.seconds)?,
        Event::Failed(failure) => writeln!(out, "\nerror: {failure}")?,
        _ => {}
    }
    out.flush()
}
