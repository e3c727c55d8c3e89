//! Writes answers that are whole, and tells what they do not.

use std::io;
use std::path::Path;

use slm_core::Answer;

use crate::args::Stretches;
use crate::colour::{self, Colours};
use crate::console::Console;
use crate::report::{self, Answered, FailedInput, Form, Inputs, Output};

/// Whether a line was begun that is not ended yet.
#[derive(Default)]
pub(super) struct OpenLine {
    pub(super) is_open: bool,
}

/// Writes an answer that is whole, or what stands in its place.
pub(super) fn answer(
    answered: Option<&Answered>,
    failed: Option<&FailedInput>,
    form: Form,
    (several, line): (Inputs, &OpenLine),
    console: &mut Console,
) -> io::Result<()> {
    match (answered, failed) {
        (Some(answered), _) => whole(answered, form, console)?,
        (None, Some(failed)) if form == Form::Json => report::write_failure(console.out, failed)?,
        // What is told next must not stand on the line that was begun; lines and inputs stay in step.
        (None, _) if line.is_open => writeln!(console.out)?,
        (None, _) if several == Inputs::Several && form.is_line_an_input() => writeln!(console.out)?,
        (None, _) => {}
    }
    console.out.flush()
}

/// Writes an answer, its words in colours where that is wanted and the form is one for reading.
fn whole(answered: &Answered, form: Form, console: &mut Console) -> io::Result<()> {
    let (path, answer) = (answered.path, answered.answer);
    match form {
        _ if console.manner.colours == Colours::Plain => report::write_answer(console.out, answered, form),
        Form::Text => writeln!(console.out, "{}", colour::text(answer)),
        Form::Timed(Stretches::Words, count) => {
            let name = report::name_column(path, count);
            let aligned = answer.segments.iter().filter_map(|segment| segment.alignment.as_ref());
            aligned.flat_map(|aligned| &aligned.words).try_for_each(|word| {
                let text = colour::word(&word.text, word.agreement);
                writeln!(console.out, "{name}{:.2}\t{:.2}\t{text}", word.start, word.end)
            })
        }
        _ => report::write_answer(console.out, answered, form),
    }
}

/// Tells what an answer in this form does not.
pub(super) fn tell_more(path: &Path, answer: &Answer, output: &Output, console: &mut Console) {
    if !matches!(output, Output::Form(Form::Json)) {
        let told = [
            report::phrases(path, answer),
            report::respelled(path, answer),
            report::sources(path, &answer.sources),
        ];
        told.into_iter().flatten().for_each(|line| console.remark(&line));
    }
    if matches!(output, Output::Form(Form::NBest)) && answer.segments.len() > 1 {
        let warning = "other texts are written for audio of one segment, 30 s at most; \
                       `--json` has those of each segment";
        console.remark(&report::warning(path, &warning));
    }
}
