//! `slm-cli fetch REPO`: a folder of the Hugging Face hub.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::FetchArgs;
use crate::fetch::FetchError;
use crate::fetch::download::{self, Existing, Fetched};
use crate::fetch::http::Http;
use crate::fetch::listing;
use crate::fetch::repo::Repo;
use crate::fetch::selection::Selection;
use crate::fetch::space;
use crate::report::{Stop, to_stderr};

/// The hub, where `--endpoint` and `HF_ENDPOINT` name no other.
const HUB: &str = "https://huggingface.co";

pub(super) fn execute(args: &FetchArgs) -> Result<ExitCode, Stop> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    if set("HF_HUB_OFFLINE")
        .is_some_and(|value| !["0", "false", "no"].contains(&value.to_lowercase().as_str()))
    {
        return Err(start(FetchError::Offline));
    }
    let endpoint = args.endpoint.clone().or_else(|| set("HF_ENDPOINT")).unwrap_or_else(|| HUB.into());
    let endpoint = endpoint.trim_end_matches('/');
    let repo = Repo::new(&args.repo, &args.revision).map_err(start)?;
    let http = Http::new(endpoint, set("HF_TOKEN")).map_err(start)?;
    let listed = listing::list(&http, endpoint, &repo).map_err(start)?;
    let selection = match (&args.file, args.include.is_empty()) {
        _ if args.all => Selection::All,
        (Some(file), _) => Selection::File(file.clone()),
        (None, true) => Selection::Needed,
        (None, false) => Selection::Matching(args.include.clone()),
    };
    let files = selection.of(&repo, &listed).map_err(start)?;

    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(repo.name()));
    if let Err(error) = space::check(&files, &out) {
        return Ok(failed(&error));
    }
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let total = files.iter().map(|file| file.size).sum();
    let bar = bar(total);
    let (mut done, mut new) = (0, 0);
    for file in &files {
        bar.set_message(file.path.clone());
        let url = repo.file_url(endpoint, &file.path);
        let progress = |bytes: u64| bar.set_position(done + bytes);
        let fetched = download::fetch(&http, &url, file, &out, existing, &progress);
        match fetched {
            Ok(Fetched::New) => new += 1,
            Ok(Fetched::Present) => {}
            Err(error) => {
                bar.finish_and_clear();
                return Ok(failed(&error));
            }
        }
        done += file.size;
    }
    bar.finish_and_clear();
    to_stderr(&summary(files.len(), new, total, &out));
    Ok(ExitCode::SUCCESS)
}

/// A failure before the first file.
fn start(error: FetchError) -> Stop {
    Stop::Start(anyhow::Error::new(error))
}

/// A failure on the way: what came stays.
fn failed(error: &FetchError) -> ExitCode {
    to_stderr(&crate::report::render(error));
    ExitCode::from(1)
}

fn bar(total: u64) -> ProgressBar {
    let template = "{bar:24} {bytes}/{total_bytes} {bytes_per_sec} left {eta_precise} {msg}";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn summary(files: usize, new: usize, bytes: u64, out: &Path) -> String {
    let out = out.display();
    format!(
        "{files} files, {:.1} MB, in `{out}` ({} were there)\nhint: `slm-cli doctor {out}` says whether a model is whole, `slm-cli info --load {out}` checks every tensor",
        bytes as f64 / 1e6,
        files - new
    )
}
