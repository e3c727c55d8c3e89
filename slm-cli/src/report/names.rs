//! Names of the files of several inputs: those of the inputs without their endings, and no two the same.
//!
//! Inputs of one name get more of their path, as little as tells them apart: their endings, then the folders above. So a
//! name does not depend on the order of the inputs, nor on inputs of other names. The same path twice is numbered.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::input;

/// The name of standard input.
const STDIN: &str = "stdin";
/// The name of a path without any, which cannot be read.
const NAMELESS: &str = "input";

/// A name for each of `inputs`.
pub(super) fn names(inputs: &[PathBuf]) -> Vec<OsString> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        groups.entry(key(&name(input, Detail::default()))).or_default().push(index);
    }
    let mut named: Vec<(OsString, usize)> = Vec::new();
    for group in groups.values() {
        let paths: Vec<&Path> = group.iter().map(|&index| inputs[index].as_path()).collect();
        let detail = least_detail(&paths);
        named.extend(group.iter().zip(paths).map(|(&index, path)| (name(path, detail), index)));
    }
    // An order that is not that of the inputs.
    named.sort_by_key(|(name, index)| (name.clone(), inputs[*index].clone(), *index));
    let mut taken = BTreeSet::new();
    let mut names = vec![OsString::new(); inputs.len()];
    let (first, again): (Vec<_>, Vec<_>) = named.into_iter().partition(|(name, _)| taken.insert(key(name)));
    for (name, index) in first {
        names[index] = name;
    }
    for (name, index) in again {
        names[index] = numbered(&name, &mut taken);
    }
    names
}

/// How much of a path a name has.
#[derive(Debug, Clone, Copy, Default)]
struct Detail {
    folders: usize,
    has_ending: bool,
}

/// The least detail that tells `paths` apart, or the most that there is.
fn least_detail(paths: &[&Path]) -> Detail {
    let distinct: BTreeSet<&Path> = paths.iter().copied().collect();
    let depth = paths.iter().map(|path| path.components().count()).max().unwrap_or(0);
    let mut details =
        (0..depth).flat_map(|folders| [false, true].map(|has_ending| Detail { folders, has_ending }));
    let is_enough = |detail: &Detail| {
        let keys: BTreeSet<String> = paths.iter().map(|path| key(&name(path, *detail))).collect();
        keys.len() == distinct.len()
    };
    details.find(is_enough).unwrap_or_default()
}

/// The name of a path with so much detail.
fn name(path: &Path, detail: Detail) -> OsString {
    if input::is_stdin(path) {
        return STDIN.into();
    }
    let last = if detail.has_ending { path.file_name() } else { path.file_stem() };
    let folder = |component: Component| match component {
        Component::Normal(folder) => Some(folder.to_owned()),
        _ => None,
    };
    let above: Vec<OsString> =
        path.parent().into_iter().flat_map(Path::components).filter_map(folder).collect();
    let mut parts = above[above.len().saturating_sub(detail.folders)..].to_vec();
    parts.push(last.unwrap_or(OsStr::new(NAMELESS)).to_owned());
    parts.join(OsStr::new("-"))
}

/// What two names must not share: there are systems that do not tell letters of two cases apart.
fn key(name: &OsStr) -> String {
    name.to_string_lossy().to_lowercase()
}

/// `name` with the first number that makes it another.
fn numbered(name: &OsStr, taken: &mut BTreeSet<String>) -> OsString {
    let mut number = 2;
    loop {
        let mut free = name.to_owned();
        free.push(format!("-{number}"));
        if taken.insert(key(&free)) {
            return free;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(inputs: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        names(&paths).into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn names_are_those_of_the_inputs() {
        assert_eq!(named(&["calls/a.wav", "b.c.mp3", "-", ".."]), ["a", "b.c", "stdin", "input"]);
    }

    #[test]
    fn inputs_of_one_name_get_as_little_more_as_needed() {
        assert_eq!(named(&["a.wav", "a.mp3", "b.wav"]), ["a.wav", "a.mp3", "b"]);
        assert_eq!(named(&["mon/1.wav", "tue/1.wav", "tue/2.wav"]), ["mon-1", "tue-1", "2"]);
        assert_eq!(named(&["x/mon/1.wav", "y/mon/1.wav", "/z/1.wav"]), ["x-mon-1", "y-mon-1", "z-1"]);
        assert_eq!(named(&["1.wav", "./x/1.wav"]), ["1", "x-1"]);
        assert_eq!(named(&["A.wav", "a.flac"]), ["A.wav", "a.flac"]);
        // Channels of one file, as inputs name them.
        assert_eq!(named(&["call.wav#1", "call.wav#2"]), ["call.wav#1", "call.wav#2"]);
    }

    #[test]
    fn no_two_names_are_the_same_in_any_order() {
        for inputs in [
            &["a.wav", "a.wav", "a-2.wav"][..],
            &["x/y.wav", "z/y.wav", "x-y.wav", "-", "stdin.wav"],
            &["A.wav", "a.wav", "b/a.wav", "b/A.mp3", "a"],
            &["x-y/z.wav", "y/z.wav", "x/y-z.wav", "x/y/z.wav"],
        ] {
            let forward = named(inputs);
            let unique: BTreeSet<String> = forward.iter().map(|name| name.to_lowercase()).collect();
            assert_eq!(unique.len(), inputs.len(), "{forward:?}");
            let reversed: Vec<&str> = inputs.iter().rev().copied().collect();
            let mut backward = named(&reversed);
            backward.reverse();
            if BTreeSet::from_iter(inputs).len() == inputs.len() {
                assert_eq!(forward, backward);
            }
        }
        assert_eq!(named(&["a.wav", "a.wav", "a-2.wav"]), ["a", "a-3", "a-2"]);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_stay() {
        use std::os::unix::ffi::OsStringExt;
        let paths = [b"\xfe.wav".to_vec(), b"\xff.wav".to_vec()]
            .map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
        let names = names(&paths).into_iter().map(OsString::into_vec);
        assert_eq!(names.collect::<Vec<_>>(), [b"\xfe".to_vec(), b"\xff-2".to_vec()]);
    }
}
