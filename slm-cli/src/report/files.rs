//! Files of answers in a folder, which nobody sees half of: each grows under a name of its own that ends in `.part`, and
//! takes its true name when it is whole. What was done before a crash is in the part.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use slm_core::Segment;

use super::answered::{About, Closing};
use super::document::Document;
use super::error::OutputError;
use super::names::names;
use crate::args::{Format, Layout};

/// What is added to the name of a file that is not whole.
const PART: &str = ".part";

/// A folder of answers, with a name for each input.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    names: Vec<OsString>,
    formats: Vec<Format>,
}

/// A file of an answer, which grows segment by segment.
#[derive(Debug)]
pub(super) struct AnswerFile {
    document: Document,
    part: PathBuf,
    whole: PathBuf,
    file: Part,
}

/// A file that is not whole.
#[derive(Debug)]
enum Part {
    /// There was nothing to write yet.
    Unopened,
    Open(File),
    /// It cannot be written, which was told. What it has stays.
    Failed,
}

impl Folder {
    /// Makes the folder where it is not there.
    pub(super) fn create(path: &Path, inputs: &[PathBuf], formats: Vec<Format>) -> Result<Self, OutputError> {
        let path = path.to_owned();
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(Self { path, names: names(inputs), formats }),
            Err(source) => Err(OutputError::Folder { path, source }),
        }
    }

    /// The file of an input.
    fn file(&self, input: usize, format: Format) -> PathBuf {
        let mut name = self.names[input].clone();
        name.push(".");
        name.push(format.name());
        self.path.join(name)
    }

    /// Whether all files of an input are there and whole.
    pub(super) fn is_done(&self, input: usize) -> bool {
        self.formats.iter().all(|&format| self.file(input, format).is_file())
    }

    /// The files of an input; nothing is written yet.
    pub(super) fn files(&self, input: usize, layout: Option<Layout>, about: &About) -> Vec<AnswerFile> {
        let file = |&format: &Format| {
            let whole = self.file(input, format);
            let mut part = whole.clone().into_os_string();
            part.push(PART);
            AnswerFile {
                document: Document::new(format, layout, about),
                part: part.into(),
                whole,
                file: Part::Unopened,
            }
        };
        self.formats.iter().map(file).collect()
    }
}

impl AnswerFile {
    /// Adds the next segment.
    pub(super) fn segment(&mut self, segment: &Segment) -> io::Result<()> {
        let text = self.document.segment(segment)?;
        self.append(&text)
    }

    /// Adds the end. The file is whole then, unless something failed.
    pub(super) fn end(&mut self, closing: &Closing) -> io::Result<()> {
        let text = self.document.end(closing)?;
        if closing.failed.is_some() {
            // Where nothing was written, there is no part either.
            return if text.is_empty() { Ok(()) } else { self.append(&text) };
        }
        self.append(&text)?;
        let synced = match std::mem::replace(&mut self.file, Part::Unopened) {
            Part::Open(file) => file.sync_data(),
            Part::Unopened | Part::Failed => Ok(()),
        };
        let renamed = synced.and_then(|()| fs::rename(&self.part, &self.whole));
        renamed.map_err(|source| cannot_write(&self.whole, source))
    }

    /// Each piece goes to the system at once, so that a crash does not take it along.
    fn append(&mut self, text: &str) -> io::Result<()> {
        let opened = match std::mem::replace(&mut self.file, Part::Failed) {
            Part::Open(file) => Ok(file),
            Part::Unopened => File::create(&self.part),
            Part::Failed => return Ok(()),
        };
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()).map(|()| file));
        self.file = Part::Open(written.map_err(|source| cannot_write(&self.part, source))?);
        Ok(())
    }
}

/// An error of the system that knows its file.
fn cannot_write(path: &Path, source: io::Error) -> io::Error {
    let kind = source.kind();
    io::Error::new(kind, OutputError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::super::failure::{FailedInput, Failure};
    use super::*;

    fn about() -> About {
        About { path: "a/talk.wav".into(), language: "und".into() }
    }

    fn said(start: f64, text: &str) -> Segment {
        let mut segment = Segment::default();
        (segment.start, segment.end, segment.text) = (start, start + 1.0, text.to_owned());
        segment
    }

    /// The names in a folder, in order.
    fn listed(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_parts_until_they_are_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/out");
        let inputs = ["a/talk.wav".into(), "b/talk.wav".into()];
        let folder = Folder::create(&path, &inputs, vec![Format::Txt, Format::Srt]).unwrap();
        let mut files = folder.files(1, None, &about());
        assert!(listed(&path).is_empty());
        files.iter_mut().try_for_each(|file| file.segment(&said(0.0, "call"))).unwrap();
        // What is done is there for whoever looks, or after a crash.
        assert_eq!(listed(&path), ["b-talk.srt.part", "b-talk.txt.part"]);
        assert_eq!(fs::read_to_string(path.join("b-talk.txt.part")).unwrap(), "call\n");
        files.iter_mut().try_for_each(|file| file.segment(&said(1.0, "anna"))).unwrap();
        let closing = Closing { answer: None, notices: &[], failed: None };
        files[0].end(&closing).unwrap();
        assert!(!folder.is_done(1));
        files[1].end(&closing).unwrap();
        assert!(folder.is_done(1) && !folder.is_done(0));
        assert_eq!(listed(&path), ["b-talk.srt", "b-talk.txt"]);
        assert_eq!(fs::read_to_string(path.join("b-talk.txt")).unwrap(), "call\nanna\n");
    }

    #[test]
    fn a_failure_keeps_the_part_and_what_was_whole_before() {
        let dir = tempfile::tempdir().unwrap();
        let formats = vec![Format::Vtt, Format::Json];
        let folder = Folder::create(dir.path(), &["talk.wav".into()], formats).unwrap();
        fs::write(dir.path().join("talk.vtt"), "of before").unwrap();
        let failed = FailedInput { path: "talk.wav".into(), failure: Failure::NoSpeech };
        let closing = Closing { answer: None, notices: &[], failed: Some(&failed) };
        let mut files = folder.files(0, None, &about());
        files[0].segment(&said(0.0, "call")).unwrap();
        files[0].end(&closing).unwrap();
        files[1].end(&closing).unwrap();
        assert_eq!(listed(dir.path()), ["talk.json.part", "talk.vtt", "talk.vtt.part"]);
        let record = fs::read_to_string(dir.path().join("talk.json.part")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(
            (record["text"].as_str(), record["error"]["kind"].as_str()),
            (Some(""), Some("no_speech"))
        );
        // Without a segment there is nothing to keep in other formats.
        let mut file = folder.files(0, None, &about()).remove(0);
        fs::remove_file(dir.path().join("talk.vtt.part")).unwrap();
        file.end(&closing).unwrap();
        assert_eq!(listed(dir.path()), ["talk.json.part", "talk.vtt"]);
    }

    #[test]
    fn an_answer_without_segments_is_a_file_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let formats = vec![Format::Txt, Format::Vtt, Format::Tsv];
        let folder = Folder::create(dir.path(), &["-".into()], formats).unwrap();
        let closing = Closing { answer: None, notices: &[], failed: None };
        folder.files(0, None, &about()).iter_mut().try_for_each(|file| file.end(&closing)).unwrap();
        assert_eq!(listed(dir.path()), ["stdin.tsv", "stdin.txt", "stdin.vtt"]);
        assert_eq!(fs::read_to_string(dir.path().join("stdin.tsv")).unwrap(), "start\tend\ttext\n");
    }

    #[test]
    fn a_part_that_cannot_be_written_keeps_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path(), &["talk.wav".into()], vec![Format::Json]).unwrap();
        let mut file = folder.files(0, None, &about()).remove(0);
        file.segment(&said(0.0, "call")).unwrap();
        let part = dir.path().join("talk.json.part");
        let before = fs::read_to_string(&part).unwrap();
        // A file that is open for reading refuses to be written, as a full disk does.
        file.file = Part::Open(File::open(&part).unwrap());
        let error = file.segment(&said(1.0, "anna")).unwrap_err().downcast::<OutputError>().unwrap();
        let failed = FailedInput { path: "talk.wav".into(), failure: error.into() };
        assert!(
            failed.to_string().starts_with("cannot keep the answer to `talk.wav`: cannot write `"),
            "{failed}"
        );
        file.end(&Closing { answer: None, notices: &[], failed: Some(&failed) }).unwrap();
        assert_eq!(fs::read_to_string(&part).unwrap(), before);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::write(&taken, "").unwrap();
        let error = Folder::create(&taken.join("out"), &[], Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("cannot create folder `"), "{error}");
        let folder = Folder::create(dir.path(), &["talk.wav".into()], vec![Format::Txt]).unwrap();
        let whole = dir.path().join("talk.txt");
        fs::create_dir_all(whole.join("in the way")).unwrap();
        let mut file = folder.files(0, None, &about()).remove(0);
        let closing = Closing { answer: None, notices: &[], failed: None };
        let error = file.end(&closing).unwrap_err().downcast::<OutputError>().unwrap();
        assert_eq!(error.to_string(), format!("cannot write `{}`", whole.display()));
        assert!(!folder.is_done(0));
    }
}
