//! What is answered, and where the answers go: certain before a model is loaded.

use std::path::{Path, PathBuf};

use crate::args::InputArgs;
use crate::input::{self, Input, InputError};
use crate::report::{FailedInput, Failure, Outputs, Stop};

/// All inputs, and where their answers go.
pub(crate) struct Plan {
    /// In their order; what cannot be opened has its failure in its place.
    pub(super) inputs: Vec<Result<Input, FailedInput>>,
    /// With a place for each of them.
    pub(super) outputs: Outputs,
}

impl Plan {
    /// What the arguments name.
    pub(crate) fn of(args: &InputArgs) -> Result<Self, Stop> {
        let named = input::expand(&args.files, args.folders());
        let inputs: Vec<_> = named.into_iter().flat_map(|named| parts(named, args)).collect();
        let names: Vec<PathBuf> = inputs.iter().map(|input| name(input).to_owned()).collect();
        Ok(Self { inputs, outputs: Outputs::plan(args, &names)? })
    }

    /// Whether the input at `index` is left out, as its answer is there. What cannot be opened is not done, whatever its
    /// name.
    pub(super) fn is_done(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(Result::is_ok) && self.outputs.is_done(index)
    }

    /// Whether that is so for all inputs.
    pub(super) fn is_all_done(&self) -> bool {
        (0..self.inputs.len()).all(|index| self.is_done(index))
    }
}

/// What an input is called in answers and messages.
pub(super) fn name(input: &Result<Input, FailedInput>) -> &Path {
    match input {
        Ok(input) => &input.name,
        Err(failed) => &failed.path,
    }
}

/// What of a file is answered by itself: all of it, or each channel.
fn parts(named: Result<PathBuf, InputError>, args: &InputArgs) -> Vec<Result<Input, FailedInput>> {
    let path = match named {
        Ok(path) => path,
        Err(error) => {
            let path = error.path().to_owned();
            return vec![Err(FailedInput { path, failure: Failure::Input(error) })];
        }
    };
    match Input::at(&path, &args.reading) {
        Ok(parts) => parts.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(FailedInput { path, failure: error.into() })],
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    /// The plan of a `transcribe` line.
    fn plan(words: &[&str]) -> Result<Plan, Stop> {
        let line = ["slm-cli", "transcribe"].iter().chain(words);
        let Command::Transcribe(args) = Cli::parse_from(line).command else { panic!("expected transcribe") };
        Plan::of(&args.inputs)
    }

    #[test]
    fn what_is_no_input_keeps_its_place() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["talks/a.wav", "talks/b.mp3", "empty/notes.txt"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let [talks, empty, missing] = ["talks", "empty", "missing.wav"].map(|name| dir.path().join(name));
        let paths = [&empty, &talks, &missing].map(|path| path.to_str().unwrap());
        let plan = plan(&[paths[0], paths[1], "--recursive", paths[2]]).unwrap();
        let names: Vec<&Path> = plan.inputs.iter().map(name).collect();
        assert_eq!(names, [empty, talks.join("a.wav"), talks.join("b.mp3"), missing]);
        let is_ok: Vec<bool> = plan.inputs.iter().map(Result::is_ok).collect();
        assert_eq!(is_ok, [false, true, true, true]);
    }

    #[test]
    fn formats_are_for_so_many_inputs_as_there_are() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.wav", "b.wav"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let folder = dir.path().to_str().unwrap();
        let refused = plan(&["--recursive", "--format", "srt", folder]);
        assert!(matches!(refused, Err(Stop::Start(error)) if error.to_string().contains("of 2 inputs")));
        // A folder of answers is made where there is none, unless a file is in its place.
        let [out, taken] = ["new/out", "a.wav"].map(|name| dir.path().join(name));
        plan(&["--recursive", folder, "--output-dir", out.to_str().unwrap()]).unwrap();
        assert!(out.is_dir());
        let refused = plan(&["--recursive", folder, "--output-dir", taken.to_str().unwrap()]);
        assert!(matches!(refused, Err(Stop::Start(_))));
    }
}
