//! `slm-cli models`: the published models that SLM reads, what each can do and what it takes.

use std::io::{self, Write};
use std::process::ExitCode;

use slm_core::models::nn::weights::Placement;
use slm_core::{Model, ModelDescription};

use crate::args::{ModelArgs, ModelsArgs};
use crate::interrupt::Interrupt;
use crate::published::{Outline, PUBLISHED, Published};
use crate::report::Stop;
use crate::{capable, embedded, model, scratch};

/// What the columns are called.
const COLUMNS: [&str; 9] =
    ["model", "kind", "can", "parameters", "weights in f32", "in f16, bf16", "work", "licence", "checked"];
/// The column of the command, which Markdown alone has: it follows from the model.
const COMMAND: &str = "command";

/// A model, a text a column.
struct Row {
    columns: [String; COLUMNS.len()],
    command: String,
}

pub(super) fn execute(model: &ModelArgs, args: &ModelsArgs, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    // What is written for the outlines is cleared away.
    let _held = interrupt.hold();
    let rows = rows(&model::placement(model, interrupt)?, interrupt)?;
    let text = if args.markdown { markdown(&rows) } else { plain(&rows) };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The model in the program, and all published ones.
fn rows(placement: &Placement, interrupt: &Interrupt) -> anyhow::Result<Vec<Row>> {
    let token = interrupt.token();
    let dir = scratch::dir(|dir| embedded::unpack(dir, &token))?;
    let own = Outline::read(Model::describe(dir.path())?, placement)?;
    let mut rows = vec![Row::own(&own)];
    for published in PUBLISHED {
        rows.push(Row::of(published, &Outline::of(published, placement)?));
    }
    Ok(rows)
}

impl Row {
    fn new(name: &str, outline: &Outline, licence: &str, checked: &str, command: String) -> Self {
        let [full, half] = outline.memory;
        let columns = [
            name.to_owned(),
            outline.described.kind.name().to_owned(),
            capable::text(&outline.described),
            count(outline.parameters),
            bytes(full.weights),
            bytes(half.weights),
            bytes(full.working),
            licence.to_owned(),
            checked.to_owned(),
        ];
        Self { columns, command }
    }

    /// The model in the program.
    fn own(outline: &Outline) -> Self {
        let checked = "run: all tests and figures of this repository";
        let command = "slm-cli transcribe FILE".to_owned();
        Self::new("weights/slm-tiny", outline, "MIT or Apache-2.0", checked, command)
    }

    fn of(published: &Published, outline: &Outline) -> Self {
        let repository = published.repository;
        let checked = published.evidence.text();
        Self::new(repository, outline, published.licence, checked, command(repository, &outline.described))
    }
}

/// How a model is fetched, and used where it answers.
fn command(repository: &str, described: &ModelDescription) -> String {
    let fetch = format!("slm-cli fetch {repository}");
    let name = repository.rsplit('/').next().unwrap_or(repository);
    if described.tasks.is_empty() {
        return fetch;
    }
    format!("{fetch} && slm-cli --bundle {name} transcribe FILE")
}

/// A table in Markdown.
fn markdown(rows: &[Row]) -> String {
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let heads = [&COLUMNS[..], &[COMMAND]].concat();
    let mut text = line(&heads);
    text.push('|');
    text.push_str(&"---|".repeat(heads.len()));
    text.push('\n');
    for row in rows {
        let command = format!("`{}`", row.command);
        let cells: Vec<&str> = row.columns.iter().map(String::as_str).chain([command.as_str()]).collect();
        text.push_str(&line(&cells));
    }
    text
}

/// A paragraph a model.
fn plain(rows: &[Row]) -> String {
    let width = COLUMNS.iter().map(|name| name.len()).max().unwrap_or(0);
    let paragraphs = rows.iter().map(|row| {
        let [name, others @ ..] = &row.columns;
        let fields = COLUMNS[1..].iter().zip(others).map(|(column, value)| (*column, value));
        let lines = fields.chain([(COMMAND, &row.command)]);
        lines
            .fold(format!("{name}\n"), |text, (column, value)| format!("{text}  {column:<width$}  {value}\n"))
    });
    paragraphs.collect::<Vec<_>>().join("\n")
}

/// A number of parameters, in three digits or two.
fn count(parameters: u64) -> String {
    let millions = parameters as f64 / 1e6;
    if millions < 1000.0 { format!("{millions:.0} M") } else { format!("{:.1} B", millions / 1e3) }
}

/// A number of bytes, likewise.
fn bytes(count: u64) -> String {
    let megabytes = count as f64 / 1e6;
    if megabytes < 1000.0 { format!("{megabytes:.0} MB") } else { format!("{:.1} GB", megabytes / 1e3) }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::prelude::Device;

    use super::*;

    const README: &str = include_str!("../../../README.md");
    /// The lines around the table.
    const MARKS: (&str, &str) = ("<!-- slm-cli models --markdown -->\n", "<!-- end -->\n");

    fn table() -> Vec<Row> {
        rows(&Placement::new(&Device::flex()), &Interrupt::default()).unwrap()
    }

    #[test]
    fn the_readme_has_the_table_that_the_command_writes() {
        let (_, rest) = README.split_once(MARKS.0).unwrap();
        let (found, _) = rest.split_once(MARKS.1).unwrap();
        let expected = markdown(&table());
        assert!(found == expected, "replace the table in README.md by:\n{expected}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!((count(1_499_000), count(2_313_100_000)), ("1 M".to_owned(), "2.3 B".to_owned()));
        assert_eq!((bytes(269_000_000), bytes(9_252_400_000)), ("269 MB".to_owned(), "9.3 GB".to_owned()));
    }
}
