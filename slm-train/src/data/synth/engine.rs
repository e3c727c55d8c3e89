//! The two speech programs as child processes: text in, 16 kHz mono samples out.
//!
//! No shell is involved. `espeak-ng` reads the text from standard input, `flite` takes it as an argument; both write a
//! WAV to standard output, so there are no temporary files. The sizes in espeak-ng's header are placeholders (it cannot
//! seek in a pipe); the data end where the output ends.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::voices::{Engine, Voice};
use super::{SynthError, Take};

/// Largest text of one utterance, in bytes: several minutes of speech, and less than a pipe holds, so that writing the
/// whole text before reading cannot block.
pub const MAX_TEXT_BYTES: usize = 4096;

const ESPEAK: &str = "espeak-ng";
const FLITE: &str = "flite";

/// Amplitude of espeak-ng in percent: at its default of 100 the loudest variants clip.
const ESPEAK_AMPLITUDE: &str = "60";
/// Rates that map to the ends of flite's range of duration factors, in words a minute.
const FLITE_RATE_WPM: (f32, f32) = (135.0, 190.0);
/// Duration factors of flite at these rates.
const FLITE_STRETCH: (f32, f32) = (1.2, 0.9);

/// Characters of a child's standard error that go into a message.
const MAX_MESSAGE_CHARS: usize = 200;

/// The text as spoken by the voice of `take` with its rate and pitch, dry and untrimmed, at 16 kHz.
pub(super) fn synthesise(text: &str, take: &Take) -> Result<Vec<f32>, SynthError> {
    let (program, wav) = match take.voice.engine {
        Engine::Espeak(voice) => {
            let text = plain_text(text)?;
            (ESPEAK, capture(ESPEAK, &espeak_args(voice, take), &text)?)
        }
        Engine::Flite(voice) => {
            let text = plain_text(&ascii(text))?;
            (FLITE, capture(FLITE, &flite_args(voice, take, text), "")?)
        }
    };
    decode(program, &wav)
}

/// Name of the program behind a voice.
pub(super) fn program(voice: &Voice) -> &'static str {
    match voice.engine {
        Engine::Espeak(_) => ESPEAK,
        Engine::Flite(_) => FLITE,
    }
}

/// Checks that the programs are there and know the voices.
pub(super) fn check(voices: &[Voice]) -> Result<(), SynthError> {
    let espeak: Vec<&'static str> = voices
        .iter()
        .filter_map(|voice| match voice.engine {
            Engine::Espeak(name) => Some(name.split_once('+').map_or("", |(_, variant)| variant)),
            Engine::Flite(_) => None,
        })
        .collect();
    let flite: Vec<&'static str> = voices
        .iter()
        .filter_map(|voice| match voice.engine {
            Engine::Flite(name) => Some(name),
            Engine::Espeak(_) => None,
        })
        .collect();
    // Each variant is listed by its file, as `!v/m3`; flite lists plain names.
    check_listed(ESPEAK, "--voices=variant", "!v/", &espeak)?;
    check_listed(FLITE, "-lv", "", &flite)
}

/// Checks that `program option` prints each of `names`, with `prefix` before it, as a word.
fn check_listed(
    program: &'static str,
    option: &str,
    prefix: &str,
    names: &[&'static str],
) -> Result<(), SynthError> {
    if names.is_empty() {
        return Ok(());
    }
    let listing = capture(program, &[option.to_owned()], "")?;
    let listing = String::from_utf8_lossy(&listing);
    for &voice in names.iter().filter(|name| !name.is_empty()) {
        let wanted = format!("{prefix}{voice}");
        if !listing.split_whitespace().any(|word| word == wanted) {
            return Err(SynthError::MissingVoice { program, voice });
        }
    }
    Ok(())
}

fn espeak_args(voice: &str, take: &Take) -> Vec<String> {
    // Pitch 50 is the voice's own; the scale doubles the frequency every 50 steps.
    let pitch = (50.0 + 50.0 * take.pitch.log2()).round().clamp(0.0, 99.0);
    // -b 1: the input is UTF-8. -z: no pause after the last sentence.
    let fixed = ["-a", ESPEAK_AMPLITUDE, "-b", "1", "-z", "--stdin", "--stdout"];
    let mut args = vec![
        "-v".to_owned(),
        voice.to_owned(),
        "-s".to_owned(),
        take.rate_wpm.to_string(),
        "-p".to_owned(),
        pitch.to_string(),
    ];
    args.extend(fixed.map(str::to_owned));
    args
}

fn flite_args(voice: &str, take: &Take, text: String) -> Vec<String> {
    let (slow, fast) = FLITE_RATE_WPM;
    let position = ((take.rate_wpm as f32 - slow) / (fast - slow)).clamp(0.0, 1.0);
    let stretch = FLITE_STRETCH.0 + position * (FLITE_STRETCH.1 - FLITE_STRETCH.0);
    vec![
        "-voice".to_owned(),
        voice.to_owned(),
        "--setf".to_owned(),
        format!("duration_stretch={stretch:.3}"),
        "--setf".to_owned(),
        format!("f0_shift={:.3}", take.pitch),
        "-t".to_owned(),
        text,
        "-o".to_owned(),
        "/dev/stdout".to_owned(),
    ]
}

/// Runs `program` with `input` on its standard input and returns its standard output.
fn capture(program: &'static str, args: &[String], input: &str) -> Result<Vec<u8>, SynthError> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| match source.kind() {
            ErrorKind::NotFound => SynthError::NotFound { program },
            _ => SynthError::Run { program, source },
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ended early, or reads nothing, breaks the pipe; its exit status tells what happened.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|source| SynthError::Run { program, source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(SynthError::Failed {
        program,
        status: output.status,
        message: message.trim().escape_debug().take(MAX_MESSAGE_CHARS).collect(),
    })
}

/// The text in one line, without control characters and without brackets, which espeak-ng takes for phonemes.
fn plain_text(text: &str) -> Result<String, SynthError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(SynthError::TextTooLong { bytes: text.len(), limit: MAX_TEXT_BYTES });
    }
    let cleaned = text.replace(|c: char| c.is_control() || c == '[' || c == ']', " ");
    if !cleaned.contains(char::is_alphanumeric) {
        return Err(SynthError::NothingToSay);
    }
    Ok(cleaned.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The text in the ASCII that flite can read: typographic quotes, dashes and common accented letters become plain.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            '\u{2013}' | '\u{2014}' => ',',
            '\u{2026}' => '.',
            'à'..='å' => 'a',
            'ç' => 'c',
            'è'..='ë' => 'e',
            'ì'..='ï' => 'i',
            'ñ' => 'n',
            'ò'..='ö' => 'o',
            'ù'..='ü' => 'u',
            'É' => 'E',
            c if c.is_ascii() => c,
            _ => ' ',
        })
        .collect()
}

/// The samples of a program's WAV at 16 kHz.
fn decode(program: &'static str, wav: &[u8]) -> Result<Vec<f32>, SynthError> {
    match slm_core::audio::read_bytes(wav, Path::new(program)) {
        Ok(audio) => Ok(audio.samples),
        Err(error) => Err(SynthError::BadOutput { program, source: Box::new(error.problem) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synth::{VoiceSet, plan, voices};

    #[test]
    fn placeholder_sizes_are_accepted() {
        // The header of espeak-ng 1.51 before 0.1 s of its samples.
        let mut wav = b"RIFF\x24\xf0\xff\x7fWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00".to_vec();
        wav.extend(22_050u32.to_le_bytes());
        wav.extend(44_100u32.to_le_bytes());
        wav.extend(b"\x02\x00\x10\x00data\x00\xf0\xff\x7f");
        wav.extend([0u8, 0x40].repeat(2205));
        assert_eq!(decode(ESPEAK, &wav).unwrap().len(), 1600);
        let error = decode(ESPEAK, b"no audio").unwrap_err();
        assert!(error.to_string().starts_with("`espeak-ng` gave no usable audio: "), "{error}");
    }

    #[test]
    fn text_is_made_safe() {
        assert_eq!(plain_text(" a\n[[b]]\u{7} c ").unwrap(), "a b c");
        assert!(matches!(plain_text("..."), Err(SynthError::NothingToSay)));
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        assert!(matches!(plain_text(&long), Err(SynthError::TextTooLong { .. })));
        assert_eq!(ascii("it\u{2019}s a café"), "it's a cafe");
    }

    #[test]
    fn rate_and_pitch_reach_the_programs() {
        let mut take = plan(1, 1, VoiceSet::Known);
        (take.rate_wpm, take.pitch) = (190, 1.0);
        let args = espeak_args("en-us+m3", &take).join(" ");
        assert!(args.starts_with("-v en-us+m3 -s 190 -p 50 "), "{args}");
        let args = flite_args("slt", &take, "-hi".to_owned()).join(" ");
        assert!(args.contains("duration_stretch=0.900") && args.contains("f0_shift=1.000"));
    }

    #[test]
    fn a_missing_program_is_named_with_a_hint() {
        let error = capture("slm-no-such-program", &[], "").unwrap_err();
        assert_eq!(error.to_string(), "cannot run `slm-no-such-program`: not found");
        assert!(error.hint().unwrap().contains("apt-get install"));
    }

    #[test]
    fn the_installed_programs_know_all_voices() {
        check(voices(VoiceSet::Known)).unwrap();
        check(voices(VoiceSet::Unseen)).unwrap();
        let odd = Voice { name: "flite-nobody", engine: Engine::Flite("nobody") };
        assert!(matches!(check(&[odd]), Err(SynthError::MissingVoice { voice: "nobody", .. })));
    }
}
