//! What a path with training data is: told by what is there, not by its name alone.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::files::open;
use super::{librispeech, shards};

/// Bytes of a first line that are looked at.
const SNIFFED_BYTES: u64 = 1 << 20;

/// The kinds of training data that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestKind {
    /// A JSON object a line, in the field names of NeMo or SLAM-LLM.
    JsonLines,
    /// A table with tabs and a header: Common Voice, `CoVoST` 2, and others with these columns.
    Table,
    /// Lhotse's cuts, a JSON object a line.
    LhotseCuts,
    /// Folders of LibriSpeech, with a `.trans.txt` each.
    LibriSpeech,
    /// Tar archives of WebDataset.
    Shards,
}

impl ManifestKind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "JSON lines",
            Self::Table => "a table with tabs",
            Self::LhotseCuts => "Lhotse cuts",
            Self::LibriSpeech => "LibriSpeech folders",
            Self::Shards => "tar shards",
        }
    }

    /// What is at `path`; `Err` with what else it looks like.
    pub(super) fn of(path: &Path) -> io::Result<Result<Self, &'static str>> {
        if shards::names(path).is_some() {
            return Ok(Ok(Self::Shards));
        }
        if path.is_dir() {
            return Ok(if !shards::inside(path)?.is_empty() {
                Ok(Self::Shards)
            } else if librispeech::is_one(path) {
                Ok(Self::LibriSpeech)
            } else {
                Err("a folder without `.trans.txt` files and tar shards")
            });
        }
        let mut first = Vec::new();
        let mut lines = open(path)?.take(SNIFFED_BYTES);
        while first.is_empty() {
            let mut line = Vec::new();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            first = line.trim_ascii().to_vec();
        }
        Ok(Self::of_first_line(&first))
    }

    fn of_first_line(first: &[u8]) -> Result<Self, &'static str> {
        match first {
            [b'[', ..] => Err("a JSON array"),
            [b'{'] => Err("a JSON object over several lines"),
            [b'{', ..] if is_cut(first) => Ok(Self::LhotseCuts),
            [b'{', ..] => Ok(Self::JsonLines),
            line if line.contains(&b'\t') => Ok(Self::Table),
            line if line.contains(&b',') => Err("CSV"),
            // The first row says what is wrong with it.
            _ => Ok(Self::JsonLines),
        }
    }
}

/// Whether a line is a cut of Lhotse: it has supervisions, or a type that only cuts have.
fn is_cut(line: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(line) else { return false };
    let kind = value.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
    value.get("supervisions").is_some() || kind.ends_with("Cut")
}
