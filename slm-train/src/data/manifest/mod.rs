//! Manifests: one JSON object per line, in NeMo's field names, one line an utterance.
//!
//! The whole file is checked before a row is used, and all problems are reported with their lines. Blank lines, a byte
//! order mark, CRLF and a missing last newline are accepted. Audio paths are relative to the manifest's folder and may
//! not leave it, not even by a link. Unknown fields are ignored.

mod row;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

pub use row::{QuestionAnswer, Spoken, Stretch, Utterance};

/// Largest line of a manifest, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// Largest manifest, in bytes: it is read at once.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 30;
/// Bad lines that a message shows.
const SHOWN: usize = 10;
/// Characters of a path from the file that a message shows.
const SHOWN_CHARS: usize = 200;
/// How far a duration may be from the file's: this part of it, and [`DURATION_ROUNDING_S`].
const DURATION_TOLERANCE: f64 = 0.01;
/// Half a unit of the last digit where durations are written with two, in seconds, and a little.
const DURATION_ROUNDING_S: f64 = 0.006;

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read manifest `{}`: {source}", .path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write manifest `{}`: {source}", .path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The file is larger than [`MAX_MANIFEST_BYTES`].
    #[error("invalid manifest `{}`: {bytes} bytes, allowed are {limit}", .path.display(), limit = MAX_MANIFEST_BYTES)]
    TooLarge {
        /// The manifest.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The file is of another format.
    #[error("invalid manifest `{}`: this is {found}, expected one JSON object per line", .path.display())]
    Format {
        /// The manifest.
        path: PathBuf,
        /// What the file looks like.
        found: &'static str,
    },
    /// The file has no rows.
    #[error("invalid manifest `{}`: no rows", .path.display())]
    Empty {
        /// The manifest.
        path: PathBuf,
    },
    /// Some rows are bad.
    #[error("invalid manifest `{}`: {}", .path.display(), summary(.path, *.rows, .bad))]
    Rows {
        /// The manifest.
        path: PathBuf,
        /// Number of rows.
        rows: usize,
        /// All bad ones, by line.
        bad: Vec<BadLine>,
    },
}

/// A bad line of a manifest.
#[derive(Debug)]
pub struct BadLine {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// What can be wrong with a line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// The line is longer than [`MAX_LINE_BYTES`].
    #[error("line of {0} bytes, allowed are {limit}", limit = MAX_LINE_BYTES)]
    TooLong(usize),
    /// Not a JSON object with the fields of [`Utterance`].
    #[error("{}", json_message(.0))]
    Json(serde_json::Error),
    /// The duration is not a positive number.
    #[error("`duration` is {0}, must be positive")]
    Duration(f64),
    /// The duration is more than 1 % off the file's, both in seconds.
    #[error("`duration` is {stated}, the file has {found:.3} s")]
    WrongDuration {
        /// In the manifest.
        stated: f64,
        /// In the header of the WAV file.
        found: f64,
    },
    /// The path is absolute, or leads out of the manifest's folder.
    #[error("`{}` leaves the data root", shown(.0))]
    Outside(PathBuf),
    /// The audio file is not there, or is no regular file.
    #[error("audio file `{}` is missing", shown(.0))]
    Missing(PathBuf),
}

/// Reads and checks a manifest; audio paths in the result are joined with the manifest's folder.
///
/// # Errors
///
/// [`ManifestError`], with all bad lines in [`ManifestError::Rows`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Utterance>, ManifestError> {
    let path = path.as_ref();
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLarge { path: path.to_owned(), bytes });
    }
    let content = fs::read(path).map_err(failed)?;
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
    let lines: Vec<(usize, &[u8])> = content
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let Some((_, first)) = lines.first() else {
        return Err(ManifestError::Empty { path: path.to_owned() });
    };
    if let Some(found) = other_format(first) {
        return Err(ManifestError::Format { path: path.to_owned(), found });
    }
    let folder = folder_of(path);
    let root = folder.canonicalize().map_err(failed)?;
    let rows: Vec<Result<Utterance, BadLine>> = lines
        .par_iter()
        .map(|&(line, bytes)| check(bytes, folder, &root).map_err(|problem| BadLine { line, problem }))
        .collect();
    let count = rows.len();
    let mut good = Vec::with_capacity(count);
    let mut bad = Vec::new();
    for row in rows {
        match row {
            Ok(utterance) => good.push(utterance),
            Err(line) => bad.push(line),
        }
    }
    if bad.is_empty() {
        return Ok(good);
    }
    Err(ManifestError::Rows { path: path.to_owned(), rows: count, bad })
}

/// Writes a manifest, under a temporary name first. Audio paths in the manifest's folder become relative to it.
///
/// # Errors
///
/// [`ManifestError::Rows`] for durations that [`read`] would refuse; [`ManifestError::Write`].
pub fn write(path: impl AsRef<Path>, utterances: &[Utterance]) -> Result<(), ManifestError> {
    let path = path.as_ref();
    let bad: Vec<BadLine> = utterances
        .iter()
        .enumerate()
        .filter_map(|(index, utterance)| {
            let problem = check_duration(utterance.duration).err()?;
            let line = index + 1;
            Some(BadLine { line, problem })
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

/// The folder of a manifest; `.` when the path is a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What a file with this first line is, when it is no manifest but something known.
fn other_format(first: &[u8]) -> Option<&'static str> {
    match first {
        [b'[', ..] => Some("a JSON array"),
        [b'{'] => Some("a JSON object over several lines"),
        [b'{', ..] => None,
        line if line.contains(&b'\t') => Some("a table with tabs"),
        line if line.contains(&b',') => Some("CSV"),
        _ => None,
    }
}

/// Parses one line and checks its duration and its audio file.
fn check(line: &[u8], folder: &Path, root: &Path) -> Result<Utterance, LineProblem> {
    if line.len() > MAX_LINE_BYTES {
        return Err(LineProblem::TooLong(line.len()));
    }
    let mut utterance: Utterance = serde_json::from_slice(line).map_err(LineProblem::Json)?;
    check_duration(utterance.duration)?;
    let stated = &utterance.audio_filepath;
    if !stays_inside(stated) {
        return Err(LineProblem::Outside(stated.clone()));
    }
    let joined = folder.join(stated);
    let Ok(real) = joined.canonicalize() else {
        return Err(LineProblem::Missing(stated.clone()));
    };
    if !real.starts_with(root) {
        return Err(LineProblem::Outside(stated.clone()));
    }
    if !real.is_file() {
        return Err(LineProblem::Missing(stated.clone()));
    }
    if let Some(found) = wav_duration(&real) {
        let allowed = DURATION_TOLERANCE * found + DURATION_ROUNDING_S;
        if (utterance.duration - found).abs() > allowed {
            return Err(LineProblem::WrongDuration { stated: utterance.duration, found });
        }
    }
    utterance.audio_filepath = joined;
    Ok(utterance)
}

fn check_duration(duration: f64) -> Result<(), LineProblem> {
    if duration.is_finite() && duration > 0.0 { Ok(()) } else { Err(LineProblem::Duration(duration)) }
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

/// Length of a WAV file by its header, in seconds; `None` of other formats, which the audio reader checks later.
fn wav_duration(path: &Path) -> Option<f64> {
    let is_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    let reader = is_wav.then(|| hound::WavReader::open(path).ok())??;
    let rate = reader.spec().sample_rate;
    (rate > 0).then(|| f64::from(reader.duration()) / f64::from(rate))
}

/// `P:7: problem` for a single bad line; else the counts and a list.
fn summary(path: &Path, rows: usize, bad: &[BadLine]) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    if let [only] = bad {
        return format!("{name}:{}: {}", only.line, only.problem);
    }
    let missing = bad.iter().filter(|line| matches!(line.problem, LineProblem::Missing(_))).count();
    let counts = match (bad.len() - missing, missing) {
        (0, missing) => format!("{rows} rows: {missing} audio files missing"),
        (other, 0) => format!("{rows} rows: {other} bad"),
        (other, missing) => format!("{rows} rows: {other} bad, {missing} audio files missing"),
    };
    let mut lines = vec![counts];
    lines.extend(bad.iter().take(SHOWN).map(|bad| format!("  {name}:{}: {}", bad.line, bad.problem)));
    if bad.len() > SHOWN {
        lines.push(format!("  .. and {} more", bad.len() - SHOWN));
    }
    lines.join("\n")
}

/// serde_json's message without its own line number, since it saw a single line.
fn json_message(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column", " at column")
}

/// A path from the file, escaped and cut.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests;
