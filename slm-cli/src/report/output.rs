//! Where the answers of a command go: to standard output in a form or a format, or to files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use slm_core::{Keep, Request, Segment, Task};

use super::answered::{About, Closing};
use super::document::Document;
use super::files::{AnswerFile, Folder};
use super::{Form, Inputs, OutputError, Stop};
use crate::args::{Format, InputArgs, Layout};
use crate::colour::Colours;

/// The language of an answer where nobody said it: "undetermined", as ISO 639 has it.
const UNKNOWN_LANGUAGE: &str = "und";

/// Where answers go, which is certain before the first is there.
#[derive(Debug)]
pub(crate) struct Outputs {
    target: Target,
    layout: Option<Layout>,
    skips_done: bool,
}

#[derive(Debug)]
enum Target {
    Form(Form),
    Stdout(Format),
    Folder(Folder),
}

/// Where the answer of one input goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// To standard output when it is whole.
    Form(Form),
    /// Elsewhere, segment by segment.
    Growing(Growing),
}

/// An answer that grows segment by segment.
#[derive(Debug)]
pub(crate) struct Growing(Kind);

#[derive(Debug)]
enum Kind {
    Stdout(Box<Document>),
    Files(Vec<AnswerFile>),
}

impl Outputs {
    /// Where the answers to `files` go. A folder that is not there is made.
    pub(crate) fn plan(args: &InputArgs, files: &[PathBuf]) -> Result<Self, Stop> {
        args.outputs.check(files.len(), args.n_best)?;
        let formats = args.outputs.formats();
        let target = match (&args.outputs.output_dir, formats.as_slice()) {
            (Some(path), _) => {
                Target::Folder(Folder::create(path, files, formats).map_err(anyhow::Error::from)?)
            }
            // Text of several inputs is a line each.
            (None, [] | [Format::Txt]) => Target::Form(Form::of(args, Inputs::of(files.len()))),
            (None, [format, ..]) => Target::Stdout(*format),
        };
        Ok(Self { target, layout: args.outputs.layout(), skips_done: args.outputs.resume })
    }

    /// Whether answers are written to standard output piece by piece.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.target, Target::Form(Form::Streamed) | Target::Stdout(_))
    }

    /// What an answer must still have of its segments at its end, beside what was written as they came.
    pub(crate) fn keep(&self, colours: Colours) -> Keep {
        match self.target {
            Target::Form(Form::Text) if colours == Colours::Plain => Keep::Text,
            Target::Form(Form::Streamed) | Target::Stdout(_) | Target::Folder(_) => Keep::Text,
            Target::Form(_) => Keep::Segments,
        }
    }

    /// Whether an input is left out, as its files are there.
    pub(crate) fn is_done(&self, input: usize) -> bool {
        match &self.target {
            Target::Folder(folder) => self.skips_done && folder.is_done(input),
            Target::Form(_) | Target::Stdout(_) => false,
        }
    }

    /// Where the answer to an input goes. Nothing is written yet.
    pub(crate) fn of(&self, input: usize, path: &Path, request: &Request) -> Output {
        let about = about(path, request);
        let kind = match &self.target {
            Target::Form(form) => return Output::Form(*form),
            Target::Stdout(format) => Kind::Stdout(Box::new(Document::new(*format, self.layout, &about))),
            Target::Folder(folder) => Kind::Files(folder.files(input, self.layout, &about)),
        };
        Output::Growing(Growing(kind))
    }
}

fn about(path: &Path, request: &Request) -> About {
    let language = match &request.task {
        Task::Translate { to } => to.as_str(),
        _ => request.language.as_deref().unwrap_or(UNKNOWN_LANGUAGE),
    };
    About { path: path.to_owned(), language: language.to_owned() }
}

impl Growing {
    /// Adds the next segment.
    pub(crate) fn segment(&mut self, segment: &Segment, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.0 {
            Kind::Files(files) => files.iter_mut().try_for_each(|file| file.segment(segment)),
            Kind::Stdout(document) => {
                out.write_all(document.segment(segment)?.as_bytes())?;
                out.flush()
            }
        }
    }

    /// Adds the end.
    pub(crate) fn end(&mut self, closing: &Closing, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.0 {
            Kind::Files(files) => files.iter_mut().try_for_each(|file| file.end(closing)),
            Kind::Stdout(document) => {
                out.write_all(document.end(closing)?.as_bytes())?;
                out.flush()
            }
        }
    }
}

/// The error of one input's file in `error`; others are those of standard output.
pub(crate) fn of_file(error: io::Error) -> io::Result<OutputError> {
    error.downcast::<OutputError>()
}
