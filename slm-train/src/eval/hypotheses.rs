//! The single answers of an evaluation, and the files that they are written to while the work goes on.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

/// An answer, to be kept for inspection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hypothesis {
    /// The task's name.
    pub task: String,
    /// The manifest.
    pub manifest: String,
    /// The audio file.
    pub audio_filepath: PathBuf,
    /// The right answer.
    pub reference: String,
    /// The answer by speech.
    pub speech: String,
    /// The answer by text.
    pub text: String,
    /// The transcripts of a recording's utterances, each alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_by_one: Option<String>,
    /// What a reader should know of the answer by speech, for recordings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What the encoder's CTC head made of the sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctc: Option<String>,
    /// The phrases of the context that were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<String>,
    /// How well the sound supports a transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
    /// Whether the answer by speech does what was asked.
    pub followed: bool,
    /// Why there is no answer, or none by speech or text; such a case is in no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Files to which answers are written as they come, a line of JSON each.
///
/// Where one can no longer be written the others go on, and so does the evaluation; [`Self::finish`] tells it.
#[derive(Debug, Default)]
pub struct HypothesisFiles {
    files: Vec<(PathBuf, File)>,
    failure: Option<anyhow::Error>,
}

impl HypothesisFiles {
    /// Makes empty files.
    ///
    /// # Errors
    ///
    /// The path that cannot be written.
    pub fn create(paths: impl IntoIterator<Item = PathBuf>) -> anyhow::Result<Self> {
        let create = |path: PathBuf| {
            let file = File::create(&path).with_context(|| cannot_write(&path))?;
            Ok((path, file))
        };
        let files = paths.into_iter().map(create).collect::<anyhow::Result<_>>()?;
        Ok(Self { files, failure: None })
    }

    /// Appends answers; they are in the files when this returns.
    pub fn add(&mut self, hypotheses: &[Hypothesis]) {
        let mut lines = Vec::new();
        for hypothesis in hypotheses {
            match serde_json::to_vec(hypothesis) {
                Ok(line) => {
                    lines.extend(line);
                    lines.push(b'\n');
                }
                Err(error) => {
                    self.failure.get_or_insert(error.into());
                }
            }
        }
        let failure = &mut self.failure;
        self.files.retain_mut(|(path, file)| match file.write_all(&lines) {
            Ok(()) => true,
            Err(error) => {
                failure.get_or_insert(anyhow::Error::new(error).context(cannot_write(path)));
                false
            }
        });
    }

    /// Ends the writing.
    ///
    /// # Errors
    ///
    /// The first file that could not be written to its end.
    pub fn finish(self) -> anyhow::Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write `{}`", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hypothesis(speech: &str, error: Option<&str>) -> Hypothesis {
        Hypothesis {
            task: "transcribe".into(),
            manifest: "test".into(),
            audio_filepath: "a.wav".into(),
            reference: "on".into(),
            speech: speech.into(),
            text: String::new(),
            one_by_one: None,
            warnings: Vec::new(),
            ctc: None,
            phrases: Vec::new(),
            agreement: None,
            followed: true,
            error: error.map(str::to_owned),
        }
    }

    /// What was answered is on disk before the work is over.
    #[test]
    fn lines_are_there_as_soon_as_they_are_added() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a.jsonl", "b.jsonl"].map(|name| dir.path().join(name));
        let mut files = HypothesisFiles::create(paths.clone()).unwrap();
        files.add(&[hypothesis("on", None), hypothesis("", Some("no file"))]);
        for path in &paths {
            let text = std::fs::read_to_string(path).unwrap();
            let lines: Vec<serde_json::Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines.len(), 2);
            assert_eq!(lines[0]["speech"], "on");
            assert_eq!(lines[1]["error"], "no file");
            assert!(lines[0].get("error").is_none());
        }
        files.add(&[hypothesis("off", None)]);
        assert_eq!(std::fs::read_to_string(&paths[1]).unwrap().lines().count(), 3);
        files.finish().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_does_not_end_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let sound = dir.path().join("a.jsonl");
        let mut files = HypothesisFiles::create(["/dev/full".into(), sound.clone()]).unwrap();
        for _ in 0..2 {
            files.add(&[hypothesis("on", None)]);
        }
        assert_eq!(std::fs::read_to_string(&sound).unwrap().lines().count(), 2);
        let error = files.finish().unwrap_err().to_string();
        assert_eq!(error, "cannot write `/dev/full`");
    }
}
