//! From what the user names to files: patterns that the shell left as they are, and folders.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use slm_core::audio::NAME_ENDINGS;
use walkdir::{DirEntry, WalkDir};

use super::error::InputError;
use super::is_stdin;
use crate::args::Folders;

/// The files that are named, in their order; what is none has its error in its place.
pub(crate) fn expand(named: &[PathBuf], folders: Folders) -> Vec<Result<PathBuf, InputError>> {
    let mut found = Vec::new();
    for path in named {
        match pattern(path) {
            Some(pattern) => matches(path, pattern, folders, &mut found),
            None => take(path, folders, &mut found),
        }
    }
    found
}

/// The text of `path` where it is a pattern. A file of that very name is no pattern.
fn pattern(path: &Path) -> Option<&str> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    path.symlink_metadata().is_err().then_some(text)
}

/// Takes all that fits `pattern`, in the order of the names.
fn matches(path: &Path, pattern: &str, folders: Folders, found: &mut Vec<Result<PathBuf, InputError>>) {
    let options = glob::MatchOptions {
        case_sensitive: !cfg!(windows),
        require_literal_separator: true,
        // As a shell does it: a pattern does not fit what is hidden.
        require_literal_leading_dot: true,
    };
    let paths = match glob::glob_with(pattern, options) {
        Ok(paths) => paths,
        Err(source) => return found.push(Err(InputError::Pattern { pattern: path.to_owned(), source })),
    };
    let before = found.len();
    for fits in paths {
        match fits {
            Ok(fits) => take(&fits, folders, found),
            Err(error) => {
                let path = error.path().to_owned();
                found.push(Err(InputError::Unreadable { path, source: error.into() }));
            }
        }
    }
    if found.len() == before {
        found.push(Err(InputError::NoMatch { pattern: path.to_owned() }));
    }
}

/// Takes a file, or the files in a folder.
fn take(path: &Path, folders: Folders, found: &mut Vec<Result<PathBuf, InputError>>) {
    if is_stdin(path) || !path.is_dir() {
        // What is missing is told when it is opened.
        return found.push(Ok(path.to_owned()));
    }
    if folders == Folders::Refused {
        return found.push(Err(InputError::Folder { path: path.to_owned() }));
    }
    let before = found.len();
    let entries = WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_audio(entry.path()) => {
                found.push(Ok(entry.into_path()));
            }
            Ok(_) => {}
            // A link to a folder around it: what is in there is taken already.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => {
                let path = error.path().unwrap_or(path).to_owned();
                // A link that leads nowhere is passed over, unless it has the name of an audio file.
                let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
                if !is_link || is_audio(&path) {
                    let source = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
                    found.push(Err(InputError::Unreadable { path, source }));
                }
            }
        }
    }
    if found.len() == before {
        found.push(Err(InputError::EmptyFolder { path: path.to_owned() }));
    }
}

/// Hidden files in folders are notes of the system, such as `._talk.wav` beside `talk.wav`.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_audio(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| NAME_ENDINGS.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with a few files, and the names of what is found in it.
    struct Shelf(tempfile::TempDir);

    impl Shelf {
        fn new(files: &[&str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for file in files {
                let path = dir.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            Self(dir)
        }

        fn find(&self, named: &[&str], folders: Folders) -> Vec<Result<String, InputError>> {
            let named: Vec<PathBuf> = named.iter().map(|name| self.0.path().join(name)).collect();
            let inside = |path: PathBuf| {
                path.strip_prefix(self.0.path()).unwrap().display().to_string().replace('\\', "/")
            };
            expand(&named, folders).into_iter().map(|found| found.map(inside)).collect()
        }

        fn names(&self, named: &[&str], folders: Folders) -> Vec<String> {
            self.find(named, folders).into_iter().map(Result::unwrap).collect()
        }
    }

    #[test]
    fn a_pattern_is_what_fits_it_in_order() {
        let shelf = Shelf::new(&["b.wav", "a.wav", "c.mp3", ".d.wav", "deep/e.wav"]);
        assert_eq!(shelf.names(&["*.wav"], Folders::Refused), ["a.wav", "b.wav"]);
        assert_eq!(
            shelf.names(&["c.mp3", "[ab].wav", "d?ep/*"], Folders::Refused),
            ["c.mp3", "a.wav", "b.wav", "deep/e.wav"]
        );
        let found = shelf.find(&["*.flac", "a.wav"], Folders::Refused);
        assert!(matches!(&found[0], Err(InputError::NoMatch { .. })), "{found:?}");
        assert_eq!(found.len(), 2);
        let found = shelf.find(&["a[.wav"], Folders::Refused);
        assert!(matches!(&found[0], Err(InputError::Pattern { .. })), "{found:?}");
    }

    #[cfg(not(windows))]
    #[test]
    fn a_file_of_that_very_name_wins() {
        let shelf = Shelf::new(&["talk[1].wav", "talk1.wav", "a*.wav", "ab.wav"]);
        assert_eq!(shelf.names(&["talk[1].wav", "a*.wav"], Folders::Refused), ["talk[1].wav", "a*.wav"]);
    }

    #[test]
    fn what_is_missing_is_left_to_the_reader() {
        let shelf = Shelf::new(&[]);
        assert_eq!(shelf.names(&["missing.wav"], Folders::Refused), ["missing.wav"]);
        let named = [PathBuf::from("-")];
        assert_eq!(expand(&named, Folders::Entered)[0].as_ref().unwrap(), Path::new("-"));
    }

    #[test]
    fn folders_are_entered_where_it_is_asked_for() {
        let shelf = Shelf::new(&[
            "talks/b.WAV",
            "talks/a/2.opus",
            "talks/a/1.m4a",
            "talks/notes.txt",
            "talks/._b.wav",
        ]);
        assert_eq!(
            shelf.names(&["talks"], Folders::Entered),
            ["talks/a/1.m4a", "talks/a/2.opus", "talks/b.WAV"]
        );
        assert_eq!(shelf.names(&["tal*"], Folders::Entered).len(), 3);
        let found = shelf.find(&["talks", "missing.wav"], Folders::Refused);
        let error = found[0].as_ref().unwrap_err();
        assert!(error.to_string().ends_with("talks`: is a directory"), "{error}");
        assert!(error.hint().unwrap().contains("`--recursive`"));
        assert!(found[1].is_ok());
        let empty = Shelf::new(&["talks/notes.txt"]);
        let found = empty.find(&["talks"], Folders::Entered);
        assert!(matches!(found.as_slice(), [Err(InputError::EmptyFolder { .. })]), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_are_harmless() {
        use std::os::unix::fs::symlink;
        let shelf = Shelf::new(&["talks/a.wav", "talks/deep/b.wav", "elsewhere/c.wav"]);
        let root = shelf.0.path();
        symlink(root.join("talks"), root.join("talks/deep/around")).unwrap();
        symlink(root.join("elsewhere"), root.join("talks/link")).unwrap();
        symlink(root.join("talks/self"), root.join("talks/self")).unwrap();
        symlink(root.join("nothing"), root.join("talks/gone")).unwrap();
        assert_eq!(
            shelf.names(&["talks"], Folders::Entered),
            ["talks/a.wav", "talks/deep/b.wav", "talks/link/c.wav"]
        );
    }

    #[test]
    fn extensions_are_in_order_and_there_once() {
        assert!(NAME_ENDINGS.is_sorted_by(|one, next| one < next));
    }
}
