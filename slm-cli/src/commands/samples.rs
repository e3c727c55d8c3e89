//! A value for every option of the verbs that answer. The parser says which options there are, so that none is forgotten.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::sync::LazyLock;

use clap::{Arg, CommandFactory};
use tempfile::TempDir;

use super::harness;
use crate::args::Cli;

/// The verbs that answer.
pub(super) const VERBS: [&str; 6] = ["transcribe", "translate", "ask", "continue", "chat", "run"];

/// Options, with a value where they take one, and with what they cannot do without.
const SAMPLES: [&[&str]; 56] = [
    &["--json"],
    &["--stream"],
    &["--timestamps", "segments"],
    &["--timestamps", "words"],
    &["--n-best", "2"],
    &["--format", "txt"],
    &["--format", "srt"],
    &["--format", "vtt"],
    &["--format", "tsv"],
    &["--format", "json"],
    &["--format", "jsonl"],
    &["--max-line-width", "20"],
    &["--max-line-count", "2"],
    &["--beam", "1"],
    &["--beam", "3"],
    &["--length-penalty", "0.8"],
    &["--temperature", "0.7"],
    &["--top-k", "3"],
    &["--top-p", "0.9"],
    &["--seed", "7"],
    &["--max-new-tokens", "60"],
    &["--repetition-penalty", "1.1"],
    &["--no-repeat-ngram", "4"],
    &["--ctc-weight", "0.3"],
    &["--prior-weight", "0.5", "--ctc-weight", "0.3"],
    &["--stop", "zebra"],
    &["--strict"],
    &["--fail-fast"],
    &["--recursive"],
    &["--raw", "s16le,16000,1"],
    &["--channel", "each"],
    &["--start", "0:00", "--duration", "1:00"],
    &["--vad-threshold", "0.4"],
    &["--min-silence-ms", "400"],
    &["--max-segment-s", "20"],
    &["--speech-pad-ms", "100"],
    &["--no-speech-threshold", "0.3"],
    &["--no-vad"],
    &["--suppress-unsupported"],
    &["--quiet"],
    &["--verbose"],
    &["--color", "always"],
    &["--task", "reply"],
    &["--task", "transcribe"],
    &["--language", "english"],
    &["--phrase", "anna"],
    &["--context-top", "2"],
    &["--context-boost", "0.4"],
    &["--context-respell", "off"],
    &["--history", "20"],
    // Of the model, which the tests open themselves.
    &["--backend", "flex"],
    &["--dtype", "f32"],
    &["--memory", "4G"],
    &["--bundle", "weights/slm-tiny"],
    &["--adapter", "weights/slm-tiny"],
    &["--templates", "templates.json"],
];

/// Options that are walked through by no test of pairs, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    ("--help", "it is answered by the parser, whatever stands beside it"),
    ("--to", "every line of `translate` has it"),
    ("--instruction", "every line of `run` has it"),
];

/// The shortest of the committed recordings.
const RECORDING: &str = "000008-2122339f.wav";
/// Bytes of its header.
const HEADER_BYTES: usize = 44;
/// A file with its text, and what it holds.
const DONE: &str = "done/000008-2122339f.txt";
const OF_BEFORE: &str = "of before\n";

/// The samples, with the files that some of them name.
pub(super) struct Samples {
    dir: TempDir,
    recording: String,
    /// The recording without its header.
    headless: String,
    phrases: String,
    /// A folder for answers.
    out: String,
    /// Another one, which has the recording's text.
    done: String,
}

impl Samples {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let [headless, phrases, out, done] = ["000008-2122339f.raw", "phrases.txt", "out", "done"].map(path);
        let recording = harness::recording(RECORDING);
        fs::write(&headless, &fs::read(&recording).unwrap()[HEADER_BYTES..]).unwrap();
        fs::write(&phrases, "basement\nanna karlsson\n").unwrap();
        fs::create_dir(&done).unwrap();
        fs::write(dir.path().join(DONE), OF_BEFORE).unwrap();
        Self { dir, recording, headless, phrases, out, done }
    }

    /// The samples of the options that a verb has.
    pub(super) fn of(&self, verb: &str) -> Vec<Vec<&str>> {
        let options = options(verb);
        let named = [
            vec!["--context", self.phrases.as_str()],
            vec!["--output-dir", self.out.as_str()],
            vec!["--resume", "--output-dir", self.done.as_str()],
        ];
        let all = SAMPLES.iter().map(|sample| sample.to_vec()).chain(named);
        all.filter(|sample| options.iter().any(|option| option == sample[0])).collect()
    }

    /// A line of a verb with these options, about the recording. A dialog has none.
    pub(super) fn line<'a>(&'a self, verb: &'a str, options: &[&[&'a str]]) -> Vec<&'a str> {
        let options = options.concat();
        let is_headless = options.contains(&"--raw");
        let file = if is_headless { self.headless.as_str() } else { self.recording.as_str() };
        let line = match verb {
            "translate" => vec![verb, "--to", "german", file],
            "ask" => vec![verb, "what is said", file],
            "run" => vec![verb, "--instruction", "translate to french", file],
            "chat" => vec![verb],
            _ => vec![verb, file],
        };
        [line, options].concat()
    }

    /// The recording.
    pub(super) fn recording(&self) -> &str {
        &self.recording
    }

    /// Empties the folder for answers.
    pub(super) fn clear(&self) {
        let folder = self.dir.path().join("out");
        if folder.is_dir() {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    /// Whether the text that was there before is what it was.
    pub(super) fn is_untouched(&self) -> bool {
        fs::read_to_string(self.dir.path().join(DONE)).unwrap() == OF_BEFORE
    }

    /// The names and texts of the files in the folder for answers.
    pub(super) fn written(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.dir.path().join("out")).unwrap().map(Result::unwrap);
        let file = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        };
        entries.map(file).collect()
    }
}

/// The options of all verbs.
static OF_MODEL: LazyLock<Vec<String>> = LazyLock::new(|| {
    Cli::command().get_arguments().filter(|argument| argument.is_global_set()).map(name).collect()
});

/// Whether an option says how the model is opened, as the options of all verbs do.
pub(super) fn is_of_model(option: &str) -> bool {
    OF_MODEL.iter().any(|name| name == option)
}

/// The options of a verb, those of all verbs among them.
fn options(verb: &str) -> Vec<String> {
    let mut program = Cli::command();
    // Hands on the options of all verbs.
    program.build();
    let verb = program.find_subcommand(verb).unwrap();
    verb.get_arguments().filter(|argument| argument.get_long().is_some()).map(name).collect()
}

/// An option as it is written; empty for what has its meaning by its place.
fn name(argument: &Arg) -> String {
    argument.get_long().map(|name| format!("--{name}")).unwrap_or_default()
}

#[test]
fn every_option_of_the_verbs_that_answer_has_a_sample() {
    let samples = Samples::new();
    let mut found = Vec::new();
    for verb in VERBS {
        let sampled: Vec<&str> = samples.of(verb).concat();
        for option in options(verb) {
            let left_out = LEFT_OUT.iter().find(|(name, _)| *name == option);
            match (sampled.contains(&option.as_str()), left_out) {
                (true, None) | (false, Some(_)) => {}
                (false, None) => panic!("`{option}` of `slm-cli {verb}` has no sample"),
                (true, Some((_, why))) => panic!("`{option}` has a sample, and is left out: {why}"),
            }
            found.push(option);
        }
    }
    let named = SAMPLES.iter().map(|sample| sample[0]).chain(LEFT_OUT.map(|(name, _)| name));
    let gone: Vec<&str> = named.filter(|&name| found.iter().all(|option| option != name)).collect();
    assert!(gone.is_empty(), "no verb has {gone:?}");
}

#[test]
fn the_verbs_that_answer_are_those_that_decode() {
    let program = Cli::command();
    let decode = |verb: &&clap::Command| verb.get_arguments().any(|argument| name(argument) == "--beam");
    let verbs: Vec<&str> = program.get_subcommands().filter(decode).map(clap::Command::get_name).collect();
    assert_eq!(verbs, VERBS);
}
