//! Folders of LibriSpeech: in each a `.trans.txt` whose lines are a name and a text, and the audio files beside it.

use std::iter;
use std::path::Path;

use slm_core::audio::NAME_ENDINGS;
use walkdir::WalkDir;

use super::error::{ManifestError, RowProblem};
use super::lines::{MAX_LINE_BYTES, each_line};
use super::row::Utterance;
use super::stated::{Begins, Stated, Taker};

const TRANSCRIPTS: &str = ".trans.txt";
/// The ending of LibriSpeech's own files, which is looked for first.
const FLAC: &str = "flac";
/// How deep the folders lie: corpus, part, speaker, chapter.
const DEPTH: usize = 5;

fn transcripts(folder: &Path) -> impl Iterator<Item = Result<walkdir::DirEntry, walkdir::Error>> {
    let is_wanted = |entry: &walkdir::DirEntry| {
        entry.file_type().is_file() && entry.file_name().to_string_lossy().ends_with(TRANSCRIPTS)
    };
    WalkDir::new(folder)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter()
        .filter(move |entry| entry.as_ref().map_or(true, is_wanted))
}

/// Whether there are such folders in `folder`.
pub(super) fn is_one(folder: &Path) -> bool {
    transcripts(folder).any(|entry| entry.is_ok())
}

/// Reads all of them.
pub(super) fn folders(folder: &Path, take: Taker) -> Result<(), ManifestError> {
    for entry in transcripts(folder) {
        let entry = entry.map_err(|error| ManifestError::read(folder)(error.into()))?;
        let path = entry.path();
        let beside = path.parent().unwrap_or(folder);
        each_line(path, MAX_LINE_BYTES, |place, line| {
            let row = line
                .and_then(|line| std::str::from_utf8(line).map_err(|_| RowProblem::NotText))
                .and_then(|line| row(beside, line.trim()));
            take(Stated { place, row, begins: Begins::Source })
        })?;
    }
    Ok(())
}

fn row(folder: &Path, line: &str) -> Result<Utterance, RowProblem> {
    let (name, text) = line.split_once(' ').ok_or(RowProblem::Absent("text after the name"))?;
    let named = |ending: &str| folder.join(format!("{name}.{ending}"));
    let audio = iter::once(FLAC).chain(NAME_ENDINGS).map(named).find(|path| path.is_file());
    // A name is `speaker-chapter-number`.
    let voice = name.split('-').next().map(str::to_owned);
    Ok(Utterance {
        audio_filepath: audio.unwrap_or_else(|| named(FLAC)),
        text: text.trim().to_owned(),
        voice,
        language: Some("en".to_owned()),
        ..Utterance::default()
    })
}
