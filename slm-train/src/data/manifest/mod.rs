//! Manifests: what is said in which audio, a row an utterance.
//!
//! [`read`] takes JSON lines in the field names of NeMo and SLAM-LLM, tables of Common Voice and `CoVoST` 2, Lhotse's cuts,
//! LibriSpeech's folders and tar shards of WebDataset, told apart by their content. All rows are checked before one is
//! used, and all problems are reported with their places. Blank lines, a byte order mark, CRLF, gzip and a missing last
//! newline are accepted. A row keeps the fields that nothing here knows.

mod error;
mod files;
mod kind;
mod librispeech;
mod lines;
mod row;
mod shards;
mod source;
mod stated;
mod summary;
mod table;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use error::{BadRow, ManifestError, Place, RowProblem};
pub use kind::ManifestKind;
pub use lines::MAX_LINE_BYTES;
pub use row::{Member, QuestionAnswer, Spoken, Stretch, Utterance, field_of};
pub use source::{Audio, FileCheck, ReadSettings};
pub use summary::{Counting, Summary, summarise};

use source::{check_duration, each, folder_of};

/// Reads and checks the rows at `path`; audio paths in the result can be opened.
///
/// # Errors
///
/// [`ManifestError`], with all bad rows in [`ManifestError::Rows`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Utterance>, ManifestError> {
    read_with(path, &ReadSettings::default())
}

/// As [`read`], with `settings`.
///
/// # Errors
///
/// As [`read`].
pub fn read_with(path: impl AsRef<Path>, settings: &ReadSettings) -> Result<Vec<Utterance>, ManifestError> {
    let mut good = Vec::new();
    stream(path.as_ref(), settings, &mut |utterance| good.push(utterance))?;
    Ok(good)
}

/// Gives the rows at `path` to `take`, in order, and holds none of them.
///
/// # Errors
///
/// As [`read`]. Rows before a bad one are taken by then.
pub fn stream(
    path: &Path,
    settings: &ReadSettings,
    take: &mut dyn FnMut(Utterance),
) -> Result<(), ManifestError> {
    let mut bad = Vec::new();
    let rows = each(path, settings, &mut |row| match row {
        Ok(utterance) => take(utterance),
        Err(row) => bad.push(row),
    })?;
    if bad.is_empty() { Ok(()) } else { Err(ManifestError::Rows { path: path.to_owned(), rows, bad }) }
}

/// Writes a manifest, under a temporary name first. Audio paths in the manifest's folder become relative to it.
///
/// # Errors
///
/// [`ManifestError::Rows`] for durations that [`read`] would refuse; [`ManifestError::Write`].
pub fn write(path: impl AsRef<Path>, utterances: &[Utterance]) -> Result<(), ManifestError> {
    let path = path.as_ref();
    let bad: Vec<BadRow> = utterances
        .iter()
        .enumerate()
        .filter_map(|(index, utterance)| {
            let problem = match &utterance.member {
                Some(member) => RowProblem::Unsupported {
                    field: "the audio",
                    found: member.name.clone(),
                    expected: "a file outside of an archive",
                },
                None if !utterance.has_audio() => RowProblem::Absent("`audio_filepath`"),
                None => check_duration(utterance.duration).err()?,
            };
            let place = Place::Line { file: path.to_owned(), line: index + 1 };
            Some(BadRow { place, problem })
        })
        .collect();
    if !bad.is_empty() {
        return Err(ManifestError::Rows { path: path.to_owned(), rows: utterances.len(), bad });
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    write_lines(&temporary, folder_of(path), utterances).and_then(|()| fs::rename(&temporary, path)).map_err(
        |source| {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
            ManifestError::Write { path: path.to_owned(), source }
        },
    )
}

fn write_lines(path: &Path, folder: &Path, utterances: &[Utterance]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for utterance in utterances {
        let mut row = utterance.clone();
        if let Ok(relative) = row.audio_filepath.strip_prefix(folder) {
            row.audio_filepath = relative.to_owned();
        }
        serde_json::to_writer(&mut file, &row)?;
        file.write_all(b"\n")?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

#[cfg(test)]
mod tests;
