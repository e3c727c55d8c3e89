//! Tables with tabs and a header: Common Voice, `CoVoST` 2, and others whose columns have the names of fields.
//!
//! Fields have no quotes, as both corpora are published. A path is looked for beside the table and in `clips/`.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::{ManifestError, RowProblem};
use super::lines::{MAX_LINE_BYTES, each_line};
use super::row::Utterance;
use super::stated::{Begins, Stated, Taker};

/// The columns with the audio, the first that is there is taken.
const AUDIO: [&str; 4] = ["path", "audio_filepath", "audio", "source"];
/// The columns with the text.
const TEXT: [&str; 4] = ["sentence", "text", "transcript", "target"];
/// The columns with numbers.
const NUMBERS: [&str; 2] = ["duration", "offset"];

/// A header: the name of the field of each column.
struct Header(Vec<String>);

impl Header {
    fn parse(path: &Path, line: &str) -> Result<Self, ManifestError> {
        let mut columns: Vec<String> = line.split('\t').map(|name| name.trim().to_owned()).collect();
        let missing = |wanted| ManifestError::Column {
            path: path.to_owned(),
            wanted,
            found: columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        let find =
            |names: &[&str]| names.iter().find_map(|name| columns.iter().position(|column| column == name));
        let audio = find(&AUDIO).ok_or_else(|| missing("path"))?;
        let text = find(&TEXT).ok_or_else(|| missing("sentence"))?;
        let speaker = columns.iter().position(|column| column == "client_id");
        for (column, field) in [(Some(audio), "audio_filepath"), (Some(text), "text"), (speaker, "voice")] {
            if let Some(name) = column.and_then(|column| columns.get_mut(column)) {
                field.clone_into(name);
            }
        }
        Ok(Self(columns))
    }

    fn row(&self, line: &str) -> Result<Utterance, RowProblem> {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() != self.0.len() {
            return Err(RowProblem::Fields { found: fields.len(), expected: self.0.len() });
        }
        let present = self.0.iter().zip(fields).filter(|(_, field)| !field.trim().is_empty());
        let object: Map<String, Value> = present
            .map(|(name, field)| {
                let number = NUMBERS.contains(&name.as_str()).then(|| field.trim().parse::<f64>().ok());
                let value = number.flatten().map_or_else(|| Value::from(field), Value::from);
                (name.clone(), value)
            })
            .collect();
        serde_json::from_value(Value::Object(object)).map_err(RowProblem::Json)
    }
}

/// The languages in a name such as `covost_v2.fr_en.train.tsv`.
fn languages(path: &Path) -> Option<(String, String)> {
    let name = path.file_name()?.to_str()?;
    let (from, to) = name.strip_prefix("covost_v2.")?.split('.').next()?.split_once('_')?;
    Some((from.to_owned(), to.to_owned()))
}

/// Reads a table.
pub(super) fn table(path: &Path, take: Taker) -> Result<(), ManifestError> {
    let languages = languages(path);
    let mut header: Option<Header> = None;
    each_line(path, MAX_LINE_BYTES, |place, line| {
        let text = line.and_then(|line| std::str::from_utf8(line).map_err(|_| RowProblem::NotText));
        let Some(columns) = &header else {
            header = Some(Header::parse(path, text.unwrap_or_default())?);
            return Ok(());
        };
        let mut row = text.and_then(|text| columns.row(text));
        if let (Ok(row), Some((from, to))) = (&mut row, &languages) {
            row.language.get_or_insert_with(|| from.clone());
            row.target_language.get_or_insert_with(|| to.clone());
        }
        take(Stated { place, row, begins: Begins::FolderOrClips })
    })
}
