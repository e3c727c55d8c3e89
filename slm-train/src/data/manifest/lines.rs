//! JSON lines: an object a row, in the field names of NeMo or SLAM-LLM, and Lhotse's cuts.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{ManifestError, Place, RowProblem};
use super::files;
use super::row::Utterance;
use super::stated::{Begins, Stated, Taker};

/// Largest line of a manifest, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// Largest line of cuts, which tell their recordings too.
const MAX_CUT_BYTES: usize = 1 << 20;

/// Gives every line of a file that is not blank to `take`, with its place.
pub(super) fn each_line(
    path: &Path,
    longest: usize,
    mut take: impl FnMut(Place, Result<&[u8], RowProblem>) -> Result<(), ManifestError>,
) -> Result<(), ManifestError> {
    let failed = ManifestError::read(path);
    let mut file = files::open(path).map_err(&failed)?;
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(&failed)? == 0 {
            return Ok(());
        }
        number += 1;
        let text = line.trim_ascii_end();
        if text.trim_ascii().is_empty() {
            continue;
        }
        let place = Place::Line { file: path.to_owned(), line: number };
        let found = text.len();
        let text =
            if found > longest { Err(RowProblem::TooLong { found, allowed: longest }) } else { Ok(text) };
        take(place, text)?;
    }
}

/// Reads one JSON object a line.
pub(super) fn json_lines(path: &Path, take: Taker) -> Result<(), ManifestError> {
    each_line(path, MAX_LINE_BYTES, |place, line| {
        let row = line.and_then(|line| serde_json::from_slice(line.trim_ascii()).map_err(RowProblem::Json));
        take(Stated { place, row, begins: Begins::Folder })
    })
}

/// A cut of one channel, as Lhotse writes it.
#[derive(Deserialize)]
struct Cut {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    start: f64,
    duration: f64,
    #[serde(default)]
    channel: Channels,
    #[serde(default)]
    supervisions: Vec<Supervision>,
    recording: Option<Recording>,
    /// What its author added.
    custom: Option<Map<String, Value>>,
}

/// The channels of a cut, from 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Channels {
    One(u16),
    Several(Vec<u16>),
}

impl Default for Channels {
    fn default() -> Self {
        Self::One(0)
    }
}

#[derive(Deserialize)]
struct Supervision {
    text: Option<String>,
    language: Option<String>,
    speaker: Option<String>,
    custom: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Recording {
    sources: Vec<RecordingSource>,
}

#[derive(Deserialize)]
struct RecordingSource {
    #[serde(rename = "type")]
    kind: String,
    source: PathBuf,
    #[serde(default)]
    channels: Vec<u16>,
}

/// Reads Lhotse's cuts.
///
/// Reference: lhotse, `MonoCut.to_dict` and `Recording.to_dict`.
pub(super) fn cuts(path: &Path, take: Taker) -> Result<(), ManifestError> {
    each_line(path, MAX_CUT_BYTES, |place, line| {
        let row = line.and_then(|line| {
            let cut: Cut = serde_json::from_slice(line.trim_ascii()).map_err(RowProblem::Json)?;
            cut.utterance()
        });
        take(Stated { place, row, begins: Begins::Workplace })
    })
}

impl Cut {
    fn utterance(self) -> Result<Utterance, RowProblem> {
        const ONE_FILE: &str = "a cut of one recording in one file";
        let unsupported = |field, found: String| RowProblem::Unsupported { field, found, expected: ONE_FILE };
        match self.kind.as_deref() {
            None | Some("MonoCut" | "MultiCut" | "Cut") => {}
            Some(other) => return Err(unsupported("the cut's `type`", other.to_owned())),
        }
        let recording = self.recording.ok_or(RowProblem::Absent("`recording`"))?;
        let [source] = <[RecordingSource; 1]>::try_from(recording.sources)
            .map_err(|all| unsupported("the number of `sources`", all.len().to_string()))?;
        // A command would be run, an address fetched.
        if source.kind != "file" {
            return Err(unsupported("the source's `type`", source.kind));
        }
        let channel = match self.channel {
            // All channels of the file are mixed.
            _ if source.channels.len() < 2 => None,
            Channels::One(channel) => Some(channel + 1),
            Channels::Several(all) if all.len() == source.channels.len() => None,
            Channels::Several(all) => match *all.as_slice() {
                [channel] => Some(channel + 1),
                _ => return Err(unsupported("the cut's `channel`", format!("{all:?}"))),
            },
        };
        let texts: Vec<String> =
            self.supervisions.iter().filter_map(|supervision| supervision.text.clone()).collect();
        if texts.is_empty() {
            return Err(RowProblem::Absent("`text` in `supervisions`"));
        }
        // What authors add are the fields of a row, such as a translation; what a supervision has goes before that of the cut.
        let mut fields = self.custom.unwrap_or_default();
        let first = self.supervisions.into_iter().next();
        let (language, voice, custom) =
            first.map(|first| (first.language, first.speaker, first.custom)).unwrap_or_default();
        fields.extend(custom.into_iter().flatten());
        fields.insert("audio_filepath".to_owned(), source.source.to_string_lossy().into());
        fields.insert("text".to_owned(), texts.join(" ").into());
        for of_the_cut in ["offset", "duration", "channel"] {
            fields.remove(of_the_cut);
        }
        let row: Utterance = serde_json::from_value(Value::Object(fields)).map_err(RowProblem::Json)?;
        Ok(Utterance {
            audio_filepath: source.source,
            offset: Some(self.start),
            duration: self.duration,
            channel,
            language: language.or(row.language),
            voice: voice.or(row.voice),
            ..row
        })
    }
}
