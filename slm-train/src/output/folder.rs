//! Folders whose files appear when all of them are whole.
//!
//! They are written into a scratch folder inside the target, and each is then renamed to its place: the same file
//! system, so that a name never stands for half a file. A failure leaves what was there before.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use slm_core::models::checkpoint::{MANIFEST_NAME, TOKENIZER_FILES};

/// The scratch folder's name.
const SCRATCH: &str = ".unfinished";

/// Whether files can be written to the folder `target`, which is made when it is not there.
///
/// # Errors
///
/// When they cannot, with the path.
pub fn check(target: &Path) -> anyhow::Result<()> {
    let scratch = prepare(target)?;
    fs::remove_dir(&scratch).with_context(|| format!("cannot remove `{}`", scratch.display()))
}

/// Lets `fill` write into a scratch folder and moves what is there, folders included, into `target`. Files of the
/// target that have other names stay, but for tokenizers: a model has one.
///
/// # Errors
///
/// What `fill` tells, or the path that cannot be written.
pub fn write(target: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let scratch = prepare(target)?;
    let written = fill(&scratch).and_then(|()| publish(&scratch, target));
    // The first error is the one to report; of a target that was empty nothing is left.
    let _ = fs::remove_dir_all(&scratch);
    if written.is_err() {
        let _ = fs::remove_dir(target);
    }
    written
}

/// Makes an empty scratch folder.
fn prepare(target: &Path) -> anyhow::Result<PathBuf> {
    let scratch = target.join(SCRATCH);
    let fail = || format!("cannot write to `{}`", target.display());
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(fail)?;
    }
    fs::create_dir_all(&scratch).with_context(fail)?;
    Ok(scratch)
}

/// Moves every file in `scratch` to the same place in `target`.
fn publish(scratch: &Path, target: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    list(scratch, Path::new(""), &mut files)?;
    // The hashes in a bundle's manifest are those of the other files, so it comes last.
    files.sort_by_key(|file| (file == Path::new(MANIFEST_NAME), file.clone()));
    for file in &files {
        let to = target.join(file);
        ensure!(!to.is_dir(), "cannot write `{}`: it is a folder", to.display());
        for old in other_tokenizers(file, &files) {
            let old = target.join(old);
            if old.exists() {
                fs::remove_file(&old).with_context(|| format!("cannot remove `{}`", old.display()))?;
            }
        }
    }
    for file in &files {
        let to = target.join(file);
        let fail = || format!("cannot write `{}`", to.display());
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(fail)?;
        }
        fs::rename(scratch.join(file), &to).with_context(fail)?;
    }
    Ok(())
}

/// The files below `scratch`, relative to it.
fn list(scratch: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let path = scratch.join(folder);
    let fail = || format!("cannot read `{}`", path.display());
    for entry in fs::read_dir(&path).with_context(fail)? {
        let entry = entry.with_context(fail)?;
        let name = folder.join(entry.file_name());
        if entry.file_type().with_context(fail)?.is_dir() {
            list(scratch, &name, files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}

/// Where other tokenizers than the new ones would be beside `file`, if it is one: an old file must not be read in place
/// of it.
fn other_tokenizers(file: &Path, new: &[PathBuf]) -> Vec<PathBuf> {
    let is_tokenizer = TOKENIZER_FILES.iter().any(|name| file.ends_with(name));
    let beside = TOKENIZER_FILES.iter().map(|name| file.with_file_name(name));
    beside.filter(|old| is_tokenizer && !new.contains(old)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a folder and their texts.
    fn content(dir: &Path) -> Vec<(String, String)> {
        let mut files = Vec::new();
        list(dir, Path::new(""), &mut files).unwrap();
        files.sort();
        let text = |file: &PathBuf| fs::read_to_string(dir.join(file)).unwrap();
        files.iter().map(|file| (file.display().to_string(), text(file))).collect()
    }

    fn fill(text: &'static str) -> impl FnOnce(&Path) -> anyhow::Result<()> {
        move |dir| {
            fs::create_dir(dir.join("llm"))?;
            fs::write(dir.join("llm").join("spiece.model"), text)?;
            fs::write(dir.join(MANIFEST_NAME), text)?;
            Ok(())
        }
    }

    #[test]
    fn files_of_the_target_stay_but_for_an_old_tokenizer() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a").join("out");
        check(&target).unwrap();
        write(&target, fill("1")).unwrap();
        fs::write(target.join("README.md"), "mine").unwrap();
        fs::write(target.join("llm").join("tokenizer.json"), "old").unwrap();
        write(&target, fill("2")).unwrap();
        let expected = [("README.md", "mine"), ("llm/spiece.model", "2"), (MANIFEST_NAME, "2")];
        assert_eq!(content(&target), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let half = |dir: &Path| -> anyhow::Result<()> {
            fill("half")(dir)?;
            anyhow::bail!("no space")
        };
        assert_eq!(write(&target, half).unwrap_err().to_string(), "no space");
        assert!(!target.exists());

        write(&target, fill("1")).unwrap();
        let before = content(&target);
        write(&target, half).unwrap_err();
        assert_eq!(content(&target), before);
        // A name that is taken is seen before any file is replaced.
        fs::remove_file(target.join(MANIFEST_NAME)).unwrap();
        fs::create_dir(target.join(MANIFEST_NAME)).unwrap();
        let error = write(&target, fill("2")).unwrap_err().to_string();
        assert!(error.ends_with("it is a folder"), "{error}");
        assert_eq!(content(&target), before[..1]);

        // A file in the place of the folder.
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(check(&file).unwrap_err().to_string().contains("cannot write to `"));
    }
}
