//! From what a source states to utterances that can be used: paths are found, durations checked or measured.

use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::error::{BadRow, ManifestError, RowProblem};
use super::kind::ManifestKind;
use super::row::Utterance;
use super::stated::{Begins, Stated};
use super::{librispeech, lines, shards, table};
use crate::data::speech;

/// How far a duration may be from the file's: this part of it, and [`DURATION_ROUNDING_S`].
const DURATION_TOLERANCE: f64 = 0.01;
/// Half a unit of the last digit where durations are written with two, in seconds, and a little.
const DURATION_ROUNDING_S: f64 = 0.006;
/// Rows that are checked at once, on all cores.
const CHUNK: usize = 4096;
/// Where Common Voice and `CoVoST` 2 have their audio.
const CLIPS: &str = "clips";

/// Takes an utterance that can be used, or a row that cannot.
type Checked<'a> = &'a mut dyn FnMut(Result<Utterance, BadRow>);

/// Whether rows may have no audio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audio {
    /// A row without audio is a bad row.
    #[default]
    Required,
    /// It is a row of text.
    Optional,
}

/// What is looked at of the audio files while rows are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileCheck {
    /// Nothing but durations that no row states: who reads a file that is not there, or is no audio, finds out.
    Later,
    /// Whether they are there, and the headers of WAV files.
    #[default]
    Headers,
    /// Each is opened, whatever its row states.
    Opened,
}

/// How a source is read.
#[derive(Debug, Clone, Default)]
pub struct ReadSettings {
    /// What is looked at of audio files.
    pub files: FileCheck,
    /// Whether rows may have no audio.
    pub audio: Audio,
    /// A folder that holds all audio: relative paths begin there, and none may leave it, not even by a link. Without it
    /// relative paths begin in the manifest's folder, and all are allowed.
    pub data_root: Option<PathBuf>,
}

/// Gives every row of the source at `path` to `take`, in order.
///
/// # Errors
///
/// [`ManifestError`] but [`ManifestError::Rows`]: what the source as a whole is, or that it cannot be read.
pub(super) fn each(path: &Path, settings: &ReadSettings, take: Checked) -> Result<usize, ManifestError> {
    let failed = ManifestError::read(path);
    let kind = ManifestKind::of(path).map_err(&failed)?;
    let kind = kind.map_err(|found| ManifestError::Format { path: path.to_owned(), found })?;
    let root = settings.data_root.as_deref().map(|root| Ok((root, root.canonicalize()?)));
    let root = root.transpose().map_err(|source: io::Error| ManifestError::Read {
        path: settings.data_root.clone().unwrap_or_default(),
        source,
    })?;
    let finder = Finder { folder: folder_of(path), root, audio: settings.audio, files: settings.files };
    let (mut chunk, mut rows) = (Vec::with_capacity(CHUNK), 0);
    let mut flush = |chunk: &mut Vec<Stated>| {
        let checked: Vec<_> = chunk.par_drain(..).map(|stated| finder.check(stated)).collect();
        checked.into_iter().for_each(&mut *take);
    };
    let mut gather = |stated| {
        rows += 1;
        chunk.push(stated);
        if chunk.len() == CHUNK {
            flush(&mut chunk);
        }
        Ok(())
    };
    match kind {
        ManifestKind::JsonLines => lines::json_lines(path, &mut gather),
        ManifestKind::LhotseCuts => lines::cuts(path, &mut gather),
        ManifestKind::Table => table::table(path, &mut gather),
        ManifestKind::LibriSpeech => librispeech::folders(path, &mut gather),
        ManifestKind::Shards => shards::shards(path, &mut gather),
    }?;
    flush(&mut chunk);
    if rows == 0 {
        return Err(ManifestError::Empty { path: path.to_owned() });
    }
    Ok(rows)
}

/// The folder of a manifest; `.` when the path is a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Finds the audio of rows.
struct Finder<'a> {
    folder: &'a Path,
    /// The data root as it was given, and without links.
    root: Option<(&'a Path, PathBuf)>,
    audio: Audio,
    files: FileCheck,
}

impl Finder<'_> {
    fn check(&self, stated: Stated) -> Result<Utterance, BadRow> {
        let Stated { place, row, begins } = stated;
        let checked = row.and_then(|row| {
            if !row.has_audio() {
                return self.without_audio(row);
            }
            let row = self.find(row, begins)?;
            self.with_duration(row)
        });
        checked.map_err(|problem| BadRow { place, problem })
    }

    /// A row of text, where there may be some. No speech takes no time.
    fn without_audio(&self, row: Utterance) -> Result<Utterance, RowProblem> {
        match self.audio {
            Audio::Required => Err(RowProblem::Absent("`audio_filepath`")),
            Audio::Optional => Ok(Utterance { duration: 0.0, ..row }),
        }
    }

    /// Joins the path with where it begins, and checks that there is a file.
    fn find(&self, mut row: Utterance, begins: Begins) -> Result<Utterance, RowProblem> {
        let stated = &row.audio_filepath;
        let missing = || RowProblem::Missing(stated.clone());
        let outside = || RowProblem::Outside(stated.clone());
        let start = self.root.as_ref().map_or(self.folder, |(root, _)| root);
        let joined = match begins {
            Begins::Source => stated.clone(),
            Begins::Workplace => {
                self.root.as_ref().map_or_else(|| stated.clone(), |(root, _)| root.join(stated))
            }
            Begins::FolderOrClips if start.join(CLIPS).join(stated).is_file() => {
                start.join(CLIPS).join(stated)
            }
            Begins::Folder | Begins::FolderOrClips => start.join(stated),
        };
        if let Some((root, real_root)) = &self.root {
            // What is not there is judged by its components, so that nothing is told of other folders.
            let inside = joined.strip_prefix(root).is_ok_and(stays_inside);
            match joined.canonicalize() {
                Ok(real) if !real.starts_with(real_root) => return Err(outside()),
                Err(_) if !inside => return Err(outside()),
                _ => {}
            }
        }
        if self.files != FileCheck::Later && !joined.is_file() {
            return Err(missing());
        }
        row.audio_filepath = joined;
        Ok(row)
    }

    /// Checks the times of an utterance against its file, and measures the duration where none is stated.
    fn with_duration(&self, mut row: Utterance) -> Result<Utterance, RowProblem> {
        let start = row.offset.unwrap_or(0.0);
        if !start.is_finite() || start < 0.0 {
            return Err(RowProblem::Offset(start));
        }
        if row.duration == 0.0 {
            row.duration = match (speech::seconds(&row), self.files) {
                // Where there is none it stays unknown, and whoever reads the file is told why.
                (found, FileCheck::Later) => found.map_or(0.0, |found| (found - start).max(0.0)),
                (found, _) => found.map_err(RowProblem::Audio)? - start,
            };
            return match self.files {
                FileCheck::Later => Ok(row),
                _ => check_duration(row.duration).map(|()| row),
            };
        }
        check_duration(row.duration)?;
        let found = match self.files {
            FileCheck::Later => None,
            FileCheck::Opened => Some(speech::seconds(&row).map_err(RowProblem::Audio)?),
            // Files in archives are not opened for a duration that is stated.
            FileCheck::Headers if row.member.is_some() => None,
            FileCheck::Headers => wav_seconds(&row.audio_filepath),
        };
        let Some(found) = found else { return Ok(row) };
        let allowed = DURATION_TOLERANCE * found + DURATION_ROUNDING_S;
        let end = start + row.duration;
        if row.offset.is_some() && end > found + allowed {
            return Err(RowProblem::BeyondEnd { end, found });
        }
        if row.offset.is_none() && (row.duration - found).abs() > allowed {
            return Err(RowProblem::WrongDuration { stated: row.duration, found });
        }
        Ok(row)
    }
}

/// Whether a relative path stays below its start, by its components alone.
fn stays_inside(path: &Path) -> bool {
    let mut depth = 0usize;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    depth > 0
}

pub(super) fn check_duration(duration: f64) -> Result<(), RowProblem> {
    if duration.is_finite() && duration > 0.0 { Ok(()) } else { Err(RowProblem::Duration(duration)) }
}

/// Length of a WAV file by its header, in seconds; `None` of other formats, which the audio reader checks later.
fn wav_seconds(path: &Path) -> Option<f64> {
    let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    let reader = is_wav.then(|| hound::WavReader::open(path).ok())??;
    let rate = reader.spec().sample_rate;
    (rate > 0).then(|| f64::from(reader.duration()) / f64::from(rate))
}
