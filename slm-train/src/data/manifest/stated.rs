//! What a source states of a row, before anything is checked.

use super::error::{ManifestError, Place, RowProblem};
use super::row::Utterance;

/// Where the relative paths of a source begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// In the folder of the manifest.
    Folder,
    /// There, or in `clips/` beside the manifest.
    FolderOrClips,
    /// Where the program runs, or in the data root: the format says so.
    Workplace,
    /// Where the program runs: the reader made the path of that of the source.
    Source,
}

/// A row as its source states it.
pub(super) struct Stated {
    pub(super) place: Place,
    pub(super) row: Result<Utterance, RowProblem>,
    pub(super) begins: Begins,
}

/// Takes one row after the other.
pub(super) type Taker<'a> = &'a mut dyn FnMut(Stated) -> Result<(), ManifestError>;
