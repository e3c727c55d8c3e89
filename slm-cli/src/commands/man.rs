//! `slm-cli man`: the manual, as pages that `man` shows.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::report::Stop;

/// What the pages are of.
const SOURCE: &str = concat!("slm-cli ", env!("CARGO_PKG_VERSION"));

pub(super) fn execute(args: &ManArgs) -> Result<ExitCode, Stop> {
    let Some(dir) = &args.out else {
        let mut out = io::stdout().lock();
        let (_, page) = pages()?.into_iter().next().unwrap_or_default();
        out.write_all(&page)?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    };
    write(dir)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes all pages into `dir`, which is made where it lacks.
fn write(dir: &Path) -> anyhow::Result<()> {
    let cannot = |path: &Path| format!("cannot write `{}`", path.display());
    fs::create_dir_all(dir).with_context(|| cannot(dir))?;
    for (name, page) in pages()? {
        let path = dir.join(name);
        fs::write(&path, page).with_context(|| cannot(&path))?;
    }
    Ok(())
}

/// The name and the text of each page, that of the program first.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let verbs: Vec<_> = program.get_subcommands().cloned().collect();
    let page = |command: clap::Command| {
        let page = Man::new(command).source(SOURCE);
        let mut text = Vec::new();
        page.render(&mut text)?;
        Ok((page.get_filename(), text))
    };
    std::iter::once(program).chain(verbs).map(page).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page() {
        let pages = pages().unwrap();
        let verbs = Cli::command().get_subcommands().count();
        assert_eq!(pages.len(), verbs + 1);
        assert_eq!(pages[0].0, "slm-cli.1");
        let (_, page) = pages.iter().find(|(name, _)| name == "slm-cli-transcribe.1").unwrap();
        let text = String::from_utf8_lossy(page);
        assert!(text.contains(".TH ") && text.contains("max\\-segment\\-s"), "{text}");
    }
}
