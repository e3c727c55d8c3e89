//! From the paths of tensors in [`SpeechDecoder`](super::SpeechDecoder) to the names in files.

/// Parts of a path, and what a file calls them.
pub(super) type Renamed = &'static [(&'static str, &'static str)];

/// `path` with all parts that are in `renamed` as the file calls them.
pub(super) fn rename(path: &str, renamed: Renamed) -> String {
    renamed.iter().fold(path.to_owned(), |path, (ours, theirs)| path.replace(ours, theirs))
}
