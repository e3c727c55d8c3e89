//! What the parser takes, and what it refuses.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn global_flags_go_before_and_after_the_verb() {
    for line in [
        "slm-cli --backend flex --bundle b transcribe a.wav",
        "slm-cli transcribe --backend flex a.wav --bundle b",
    ] {
        let cli = parse(line).unwrap();
        assert_eq!(cli.model.backend.as_deref(), Some("flex"));
        assert_eq!(cli.model.bundle, Some(PathBuf::from("b")));
    }
}

#[test]
fn verbs_take_their_arguments() {
    let cli = parse("slm-cli ask who a.wav b.wav --json --beam 4").unwrap();
    let Command::Ask(ask) = cli.command else {
        panic!("expected ask");
    };
    assert_eq!(ask.question, "who");
    assert_eq!(ask.inputs.files.len(), 2);
    assert_eq!((ask.inputs.json, ask.inputs.decode.beam), (true, Some(4)));
    assert!(parse("slm-cli translate --to german a.wav").is_ok());
    assert!(parse("slm-cli run --instruction reply a.wav").is_ok());
    assert!(parse("slm-cli continue a.wav --stream --stop end --templates t.json").is_ok());
    assert!(parse("slm-cli chat").is_ok());
    assert!(parse("slm-cli chat a.wav b.wav --json --seed 1").is_ok());
    assert!(parse("slm-cli transcribe a.wav --context names.txt --phrase anna --timestamps words").is_ok());
    assert!(parse("slm-cli transcribe a.wav --phrase anna --context-top 3 --context-respell off").is_ok());
    assert!(parse("slm-cli transcribe a.wav --phrase anna --context-boost 0.5").is_ok());
    let cli = parse("slm-cli transcribe a.wav --memory 800M --dtype f16").unwrap();
    assert_eq!((cli.model.memory, cli.model.compute()), (Some(800_000_000), ComputeType::F16));
    let cli =
        parse("slm-cli transcribe talks *.mp3 - --recursive --channel each --start 1:30 --no-vad --quiet");
    let Command::Transcribe(args) = cli.unwrap().command else { panic!("expected transcribe") };
    assert_eq!(args.inputs.reading.channel, Some(ChannelChoice::Each));
    assert_eq!(args.inputs.reading.start, Some(90.0));
    assert!(args.inputs.recursive && args.inputs.segments.no_vad && args.inputs.manners.quiet);
    assert!(parse("slm-cli chat a.wav --raw s16le,16000,1 --channel 2 --max-segment-s 12 --verbose").is_ok());
    assert!(parse("slm-cli completions bash").is_ok());
    assert!(parse("slm-cli man --out pages").is_ok());
    assert!(
        parse("slm-cli translate --to german a.wav b.wav --format srt,json --output-dir out --resume")
            .is_ok()
    );
    assert!(parse("slm-cli devices").is_ok());
    assert!(parse("slm-cli --backend flex doctor --json").is_ok());
    assert!(parse("slm-cli doctor some/folder").is_ok());
    assert!(parse("slm-cli info --limits").is_ok());
    assert!(parse("slm-cli models --markdown").is_ok());
    assert!(parse("slm-cli fetch google/flan-t5-base --out x --include *.json --force").is_ok());
    assert!(parse("slm-cli fetch a/b-GGUF --file b-Q8_0.gguf").is_ok());
    assert!(parse("slm-cli info some/folder --load").is_ok());
    assert!(parse("slm-cli quantize some/folder --dtype q4_k --out other").is_ok());
}

#[test]
fn wrong_usage_is_refused() {
    for line in [
        "slm-cli",
        "slm-cli transcribe",
        "slm-cli ask who",
        "slm-cli translate a.wav",
        "slm-cli transcribe a.wav --beam 0",
        "slm-cli info some/folder --limits",
        "slm-cli quantize some/folder --dtype q4_k",
        "slm-cli fetch a/b --file x.gguf --all",
        "slm-cli transcribe a.wav --max-new-tokens 449",
        "slm-cli transcribe a.wav --task reply --phrase anna",
        "slm-cli transcribe a.wav --context-top 0 --phrase anna",
        "slm-cli transcribe a.wav --beam 4 --temperature 0.5",
        "slm-cli transcribe a.wav --stream --json",
        "slm-cli transcribe a.wav --stream --n-best 2",
        "slm-cli transcribe a.wav --timestamps words --n-best 2",
        "slm-cli transcribe a.wav --timestamps words --json",
        "slm-cli transcribe a.wav --format srt --json",
        "slm-cli transcribe a.wav --format jsonl --stream",
        "slm-cli transcribe a.wav --output-dir out --timestamps words",
        "slm-cli transcribe a.wav --format doc",
        "slm-cli transcribe a.wav --format srt --resume",
        "slm-cli transcribe a.wav --format srt --max-line-width 1",
        "slm-cli transcribe a.wav --format srt --max-line-count 0",
        "slm-cli transcribe a.wav --context-top 3",
        "slm-cli transcribe a.wav --context-respell off",
        "slm-cli transcribe a.wav --context-respell off --phrase anna --stream",
        "slm-cli transcribe a.wav --context-boost 1",
        "slm-cli transcribe a.wav --length-penalty inf",
        "slm-cli transcribe a.wav --temperature nan",
        "slm-cli transcribe a.wav --top-p 1.5",
        "slm-cli transcribe a.wav --repetition-penalty 0",
        "slm-cli transcribe a.wav --memory much",
        "slm-cli translate a.wav --to ",
        "slm-cli transcribe a.wav --stop ",
        "slm-cli chat --stop ",
        "slm-cli chat --n-best 2",
        "slm-cli continue",
        "slm-cli transcribe a.wav --channel 0",
        "slm-cli transcribe a.wav --start -5",
        "slm-cli transcribe a.wav --duration 0",
        "slm-cli transcribe a.wav --raw mp3",
        "slm-cli transcribe a.wav --vad-threshold 1.5",
        "slm-cli transcribe a.wav --no-vad --vad-threshold 0.5",
        "slm-cli transcribe a.wav --max-segment-s 0",
        "slm-cli transcribe a.wav --quiet --verbose",
        "slm-cli transcribe a.wav --color sometimes",
        "slm-cli completions",
        "slm-cli completions csh",
        "slm-cli man a",
    ] {
        let error = parse(line).expect_err(line);
        // Help and version come by the same way, with another code.
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    assert_eq!(parse("slm-cli --version").unwrap_err().kind(), ErrorKind::DisplayVersion);
}

#[test]
fn options_without_effect_are_refused() {
    for (line, option) in [
        ("slm-cli devices --backend flex", "--backend"),
        ("slm-cli doctor --bundle b", "--bundle"),
        ("slm-cli doctor --dtype f16", "--dtype"),
        ("slm-cli fetch a/b --templates t.json", "--templates"),
        ("slm-cli info --backend flex", "--backend"),
        ("slm-cli info --load --adapter a", "--adapter"),
        ("slm-cli info --load --memory 4G", "--memory"),
        ("slm-cli info some/folder --bundle b", "--bundle"),
        ("slm-cli --bundle b info some/folder", "--bundle"),
        ("slm-cli completions zsh --bundle b", "--bundle"),
        ("slm-cli man --memory 4G", "--memory"),
        ("slm-cli models --bundle b", "--bundle"),
    ] {
        let error = parse(line).unwrap().check().expect_err(line).to_string();
        assert!(error.starts_with(&format!("`{option}` has no effect on `slm-cli ")), "{line}: {error}");
    }
    for line in [
        "slm-cli transcribe a.wav --backend flex --dtype f16 --memory 4G --bundle b --templates t.json",
        "slm-cli chat --backend flex --dtype f16 --memory 4G --bundle b --adapter a --templates t.json",
        "slm-cli info --limits --backend flex --dtype f16 --memory 4G --bundle b --adapter a --templates t.json",
        "slm-cli info --load --backend flex --dtype f16 --bundle b",
        "slm-cli info some/folder",
        "slm-cli doctor --backend flex --json",
        "slm-cli devices",
    ] {
        parse(line).unwrap().check().unwrap();
    }
}
