//! Tar archives of WebDataset: the members of one key are a row, and the audio is read where it lies.
//!
//! A key is a member's path up to the first point of its name. `.txt` is the text, `.json` an object with the fields
//! of a row, and one more is the audio. Members of a key follow each other.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use slm_core::audio::NAME_ENDINGS;
use tar::Archive;

use super::error::{ManifestError, Place, RowProblem};
use super::files::files;
use super::lines::MAX_LINE_BYTES;
use super::row::{Member, Utterance};
use super::stated::{Begins, Stated, Taker};

const TAR: &str = "tar";

/// The archives that `path` names: itself, or those of a range such as `train-{000000..000012}.tar`.
pub(super) fn names(path: &Path) -> Option<Vec<PathBuf>> {
    if path.extension().is_none_or(|ending| ending != TAR) {
        return None;
    }
    Some(range(path).unwrap_or_else(|| vec![path.to_owned()]))
}

/// The archives in a folder, by name.
pub(super) fn inside(folder: &Path) -> io::Result<Vec<PathBuf>> {
    files(folder, |path| path.extension().is_some_and(|ending| ending == TAR))
}

fn range(path: &Path) -> Option<Vec<PathBuf>> {
    let name = path.to_str()?;
    let (before, rest) = name.split_once('{')?;
    let (range, after) = rest.split_once('}')?;
    let (first, last) = range.split_once("..")?;
    let width = first.len();
    let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
    Some((first..=last).map(|number| format!("{before}{number:0width$}{after}").into()).collect())
}

/// Reads the archives at `path`.
pub(super) fn shards(path: &Path, take: Taker) -> Result<(), ManifestError> {
    let all = match names(path) {
        Some(names) => names,
        None => inside(path).map_err(ManifestError::read(path))?,
    };
    for shard in all {
        one(&shard, take)?;
    }
    Ok(())
}

/// What was found of a key.
#[derive(Default)]
struct Group {
    key: String,
    fields: Map<String, Value>,
    audio: Option<Member>,
    problem: Option<RowProblem>,
}

impl Group {
    fn row(self, shard: &Path) -> Result<Utterance, RowProblem> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let member = self.audio.ok_or(RowProblem::Absent("audio under this key"))?;
        let mut fields = self.fields;
        // Where the audio lay before it was packed means nothing here.
        for name in ["audio_filepath", "audio", "path", "source"] {
            fields.remove(name);
        }
        fields.insert("audio_filepath".to_owned(), shard.to_string_lossy().into());
        let mut row: Utterance = serde_json::from_value(Value::Object(fields)).map_err(RowProblem::Json)?;
        shard.clone_into(&mut row.audio_filepath);
        row.member = Some(member);
        Ok(row)
    }
}

fn one(shard: &Path, take: Taker) -> Result<(), ManifestError> {
    let failed = ManifestError::read(shard);
    let file = BufReader::new(File::open(shard).map_err(&failed)?);
    let mut archive = Archive::new(file);
    let place = |key: &str| Place::Key { file: shard.to_owned(), key: key.to_owned() };
    let mut group = Group::default();
    let give = |group: &mut Group, take: Taker| {
        let group = std::mem::take(group);
        if group.key.is_empty() {
            return Ok(());
        }
        take(Stated { place: place(&group.key), row: group.row(shard), begins: Begins::Source })
    };
    for entry in archive.entries_with_seek().map_err(&failed)? {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                // What was read before it is used, and the damage is told.
                let key = group.key.clone();
                give(&mut group, take)?;
                let row = Err(RowProblem::Archive(error));
                return take(Stated { place: place(&key), row, begins: Begins::Source });
            }
        };
        let Some((name, key, ending)) = split(&entry) else { continue };
        if key != group.key {
            give(&mut group, take)?;
            group.key = key;
        }
        let (start, bytes) = (entry.raw_file_position(), entry.size());
        match ending.as_str() {
            "txt" | "json" => {
                if let Err(problem) = read_fields(&mut entry, &ending, &mut group.fields) {
                    group.problem.get_or_insert(problem);
                }
            }
            ending if NAME_ENDINGS.contains(&ending) => group.audio = Some(Member { name, start, bytes }),
            // Other members, such as features of another program, are no part of a row.
            _ => {}
        }
    }
    give(&mut group, take)
}

/// The name, the key and the ending of a member that is a file.
fn split<R: Read>(entry: &tar::Entry<R>) -> Option<(String, String, String)> {
    if !entry.header().entry_type().is_file() {
        return None;
    }
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let (folder, base) = name.rsplit_once('/').map_or(("", name.as_str()), |(folder, base)| (folder, base));
    let (stem, endings) = base.split_once('.')?;
    if stem.is_empty() {
        return None;
    }
    let key = if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") };
    let ending = endings.rsplit('.').next()?.to_ascii_lowercase();
    Some((name.clone(), key, ending))
}

fn read_fields<R: Read>(
    entry: &mut tar::Entry<R>,
    ending: &str,
    fields: &mut Map<String, Value>,
) -> Result<(), RowProblem> {
    let found = usize::try_from(entry.size()).unwrap_or(usize::MAX);
    if found > MAX_LINE_BYTES {
        return Err(RowProblem::TooLong { found, allowed: MAX_LINE_BYTES });
    }
    let mut text = String::new();
    entry.read_to_string(&mut text).map_err(RowProblem::Archive)?;
    if ending == "txt" {
        fields.insert("text".to_owned(), text.trim().into());
        return Ok(());
    }
    let object: Map<String, Value> = serde_json::from_str(&text).map_err(RowProblem::Json)?;
    for (name, value) in object {
        // A text file beside it says the same, and is what people edit.
        fields.entry(name).or_insert(value);
    }
    Ok(())
}
