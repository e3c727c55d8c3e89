//! Every audio format: decoded, and compared with the recording it was made from; cut off; damaged at random.
//!
//! The files are made by `tests/audio/formats/make.sh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions"
)]

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use slm_core::audio::{self, Audio, AudioError, AudioStream, AudioWarning, Channel, RawFormat, ReadOptions};

/// How often each file is damaged, at 1 to 10 places; more by the variable `SLM_DAMAGES`.
const DAMAGES: usize = 40;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("audio/formats")
}

/// All committed files with their names, in order.
fn files() -> Vec<(String, PathBuf)> {
    let mut files: Vec<(String, PathBuf)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "sh"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    assert!(files.len() > 60, "{} files", files.len());
    files
}

/// The recording that all files were made from.
fn recording() -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio/test/wav/000010-9ff32614.wav");
    audio::read(&path).unwrap().samples
}

/// What a name tells of the file.
struct Made {
    rate: u32,
    channels: u16,
    is_lossless: bool,
    /// Samples at 16 kHz before the recording.
    shift: usize,
    /// Samples by which the recording may be moved, where a format does not tell what an encoder puts in front.
    lag: usize,
    /// Seconds by which the duration may differ.
    longer: f64,
}

fn made(name: &str) -> Made {
    let stem = name.split('.').next().unwrap();
    let mut parts = stem.split('-');
    let coding = parts.next().unwrap();
    let rate: u32 = parts.next().unwrap().parse().unwrap();
    let channels = parts.next().unwrap().parse().unwrap();
    let lossless = ["s16", "s24", "s32", "f32", "f64", "flac", "alac"];
    // MP3 without a tag and HE-AAC without an edit list, and AAC without a container or in ffmpeg's Matroska, keep the 1,105 and 1,024 samples that the
    // encoder has put in front.
    let container = name.rsplit('.').next();
    let (lag, longer) = match (coding, matches!(container, Some("aac" | "mkv"))) {
        ("plain" | "heaac" | "heaac2", _) => (1_200, 0.2),
        ("aac" | "film" | "mp3", true) => (1_024 * 16_000 / rate as usize + 80, 0.1),
        _ => (320, 0.1),
    };
    Made {
        rate,
        channels,
        is_lossless: lossless.contains(&coding),
        shift: if coding == "film" { 8_000 } else { 0 },
        lag,
        longer,
    }
}

/// The highest correlation with `expected` at a lag of up to `most` samples, and that lag.
fn correlation(found: &[f32], expected: &[f32], most: usize) -> (f64, isize) {
    let energy = |samples: &[f32]| samples.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    let at = |lag: isize| {
        let (found, expected) = (&found[lag.max(0) as usize..], &expected[(-lag).max(0) as usize..]);
        let len = found.len().min(expected.len());
        let (found, expected) = (&found[..len], &expected[..len]);
        let product: f64 = found.iter().zip(expected).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        product / (energy(found) * energy(expected)).sqrt().max(1e-9)
    };
    let most = most as isize;
    (-most..=most).map(|lag| (at(lag), lag)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

fn warnings(audio: &Audio) -> Vec<String> {
    audio.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn every_format_gives_the_recording() {
    let recording = recording();
    for (name, path) in files() {
        let made = made(&name);
        let mut stream = AudioStream::open(&path, &ReadOptions::default()).expect(&name);
        assert_eq!(stream.channels(), made.channels, "{name}");
        let declared = stream.declared_seconds();
        let audio = audio::read(&path).expect(&name);
        assert!(audio.warnings.is_empty(), "{name}: {:?}", warnings(&audio));
        // A Matroska film tells the duration of its video.
        if let Some(declared) = declared.filter(|_| name != "film-44100-1.mkv") {
            assert!((declared - audio.seconds()).abs() < 0.15, "{name}: {declared} s, {} s", audio.seconds());
        }
        let mut pieces = Vec::new();
        while let Some(piece) = stream.next_piece().expect(&name) {
            assert!(!piece.is_empty() && piece.len() <= 16_000, "{name}");
            pieces.extend(piece);
        }
        assert!(pieces == audio.samples, "{name}: pieces differ from the whole");

        let expected = [vec![0.0; made.shift], recording.clone()].concat();
        let whole = expected.len() as f64 / 16_000.0;
        let is_part = audio.seconds() < whole - 0.15;
        assert!(is_part || (audio.seconds() - whole).abs() < made.longer, "{name}: {} s", audio.seconds());
        let (found, lag) = correlation(&audio.samples, &expected, made.lag);
        // At 8 kbit/s little of the waveform is left.
        let least = if name.starts_with("opus8-") { 0.8 } else { 0.9 };
        assert!(found > least, "{name}: {found} at {lag} samples");
        if made.is_lossless && made.rate >= 16_000 {
            assert!(found > 0.999 && lag == 0, "{name}: {found} at {lag} samples");
        }
        if made.is_lossless && made.rate == 16_000 && made.channels == 1 {
            let worst = audio.samples.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{name}: {worst}");
        }
    }
}

#[test]
fn what_is_not_decoded_is_named() {
    // A configuration of AAC-LC becomes one of xHE-AAC.
    let mut file = std::fs::read(folder().join("aac-48000-6.m4a")).unwrap();
    let place = file.windows(5).position(|bytes| bytes == [0x11, 0xb0, 0x56, 0xe5, 0]).unwrap();
    file[place..place + 3].copy_from_slice(&[0xf9, 0x46, 0xc0]);
    let error = audio::read_bytes(&file, Path::new("talk.m4a")).unwrap_err();
    let name = "codec AAC other than LC, Main, LTP, HE, LD and ELD is not supported";
    assert!(error.to_string().ends_with(name), "{error}");
    assert_eq!(error.hint().as_deref(), Some("convert with: ffmpeg -i IN -c:a pcm_s16le OUT.wav"));
    assert_eq!(error.kind().as_str(), "unsupported_codec");
}

#[test]
fn formats_have_names() {
    let cases = [
        ("s16-44100-2.wav", "WAV"),
        ("ima-44100-2.wav", "WAV (IMA ADPCM)"),
        ("s16-16000-1.rf64", "RF64"),
        ("s16-22050-1.w64", "W64"),
        ("s16-8000-1.aiff", "AIFF"),
        ("mp3-44100-2.mp3", "MP3"),
        ("mp2-48000-2.mp2", "MP2"),
        ("flac-8000-1.flac", "FLAC"),
        ("flac-16000-1.ogg", "Ogg FLAC"),
        ("vorbis-8000-1.ogg", "Ogg Vorbis"),
        ("opus-48000-2.opus", "Ogg Opus"),
        ("opus-48000-1.webm", "Matroska Opus"),
        ("aac-44100-2.m4a", "MP4 AAC"),
        ("alac-44100-2.m4a", "MP4 ALAC"),
        ("alac-44100-1.caf", "CAF ALAC"),
        ("aac-48000-1.aac", "AAC"),
        ("film-44100-1.mkv", "Matroska AAC"),
        ("heaac-48000-2.m4a", "MP4 AAC"),
    ];
    for (name, expected) in cases {
        let stream = AudioStream::open(&folder().join(name), &ReadOptions::default()).expect(name);
        assert_eq!(stream.format(), expected, "{name}");
    }
}

/// A reader that gives a few bytes at a time, as pipes do.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(777);
        self.0.read(&mut buffer[..most])
    }
}

fn of_pipe(name: &str, bytes: Vec<u8>, options: &ReadOptions) -> Vec<f32> {
    let mut stream =
        AudioStream::from_reader(Trickle(Cursor::new(bytes)), Path::new("-"), options).expect(name);
    let mut samples = Vec::new();
    while let Some(piece) = stream.next_piece().expect(name) {
        samples.extend(piece);
    }
    samples
}

#[test]
fn pipes_give_what_files_give() {
    for (name, path) in files() {
        let piped = of_pipe(&name, std::fs::read(&path).unwrap(), &ReadOptions::default());
        let file = audio::read(&path).unwrap().samples;
        // At the end alone may there be a difference: what an encoder filled up is known by the last page of Ogg.
        assert!(piped.len().abs_diff(file.len()) < 1_600, "{name}: {} and {}", piped.len(), file.len());
        let common = piped.len().min(file.len()) - 400;
        let same = piped[..common].iter().zip(&file).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(same, "{name}");
    }
}

#[test]
fn parts_are_cut_out_to_the_sample() {
    for (name, path) in files() {
        let whole = audio::read(&path).unwrap().samples;
        let second = whole.len() as f64 / 16_000.0;
        for start in [0.0, second * 0.2, second * 0.7] {
            let mut options = ReadOptions::default();
            (options.start, options.duration) = (start, Some(0.2));
            let mut stream = AudioStream::open(&path, &options).expect(&name);
            let mut part = Vec::new();
            while let Some(piece) = stream.next_piece().expect(&name) {
                part.extend(piece);
            }
            let first = (start * 16_000.0).round() as usize;
            let expected = &whole[first.min(whole.len())..(first + 3_200).min(whole.len())];
            assert_eq!(part.len(), expected.len(), "{name} from {start} s");
            let worst = part.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{name} from {start} s: {worst}");
            assert!(stream.take_warnings().is_empty(), "{name}");
        }
    }
}

#[test]
fn a_start_behind_the_end_is_told() {
    for name in ["u8-8000-1.wav", "mp3-44100-1.mp3", "opus16-48000-1.opus"] {
        let mut options = ReadOptions::default();
        options.start = 100.0;
        let mut stream = AudioStream::open(&folder().join(name), &options).unwrap();
        assert!(stream.next_piece().unwrap().is_none(), "{name}");
        let warnings = stream.take_warnings();
        assert!(matches!(warnings.as_slice(), [AudioWarning::StartBeyondEnd { .. }]), "{name}: {warnings:?}");
    }
}

#[test]
fn one_channel_can_be_chosen() {
    let mut options = ReadOptions::default();
    options.channel = Channel::Only(2);
    let path = folder().join("flac-48000-2.flac");
    let mut stream = AudioStream::open(&path, &options).unwrap();
    assert!(stream.next_piece().unwrap().is_some());
    options.channel = Channel::Only(3);
    let error = AudioStream::open(&path, &options).unwrap_err();
    assert!(error.to_string().ends_with("there is no channel 3, the file has 2"), "{error}");
}

#[test]
fn cut_files_give_what_is_there() {
    for (name, path) in files() {
        let bytes = std::fs::read(&path).unwrap();
        let whole = audio::read(&path).unwrap().seconds();
        let cut = &bytes[..bytes.len() * 6 / 10];
        let index_is_last = [
            "aac-44100-2.m4a",
            "alac-44100-2.m4a",
            "aac-44100-1.mov",
            "film-44100-1.mp4",
            "opus-48000-2.mp4",
        ];
        let table_is_last = name == "alac-44100-1.caf";
        let read = audio::read_bytes(cut, Path::new(&name));
        if index_is_last.contains(&name.as_str()) {
            let error = read.unwrap_err();
            assert!(error.to_string().ends_with("file is incomplete: index (moov) is missing"), "{error}");
            assert_eq!(error.kind().as_str(), "truncated");
            continue;
        }
        if table_is_last {
            let error = read.unwrap_err();
            assert!(error.to_string().ends_with("the CAF ALAC data is damaged or cut off"), "{error}");
            continue;
        }
        let audio = read.unwrap_or_else(|error| panic!("{error}"));
        assert!(
            audio.seconds() > whole * 0.25 && audio.seconds() < whole * 0.9,
            "{name}: {} s of {whole} s",
            audio.seconds()
        );
        let odd = [17, 23, 29, 37, 41, 47, 53, 61, 71, 83].map(|part| bytes.len() * part / 100 + part % 5);
        // Where audio was found at all: of an early cut there may be none.
        let told = odd.into_iter().filter(|&end| warns_of_a_cut(&name, &bytes[..end]) != Some(false)).count();
        assert_eq!(told, odd.len(), "{name}");
        // Behind the samples of other formats there may be something else.
        if [".ogg", ".opus", ".mp3", ".aac", ".flac", ".webm", ".mkv"].iter().any(|kind| name.ends_with(kind))
        {
            let cut = &bytes[..bytes.len() - 1];
            assert_eq!(warns_of_a_cut(&name, cut), Some(true), "{name} without its last byte");
        }
        assert_eq!(warns_of_a_cut(&name, &bytes), Some(false), "{name}");
    }
}

/// Whether a warning says that the file was cut; `None` if it is refused. It is the same for a pipe.
fn warns_of_a_cut(name: &str, bytes: &[u8]) -> Option<bool> {
    let is_told = |warnings: Vec<AudioWarning>| {
        warnings.iter().any(|warning| {
            matches!(warning, AudioWarning::DataTruncated { .. } | AudioWarning::BreaksOff { .. })
        })
    };
    let file = audio::read_bytes(bytes, Path::new(name)).ok().map(|audio| is_told(audio.warnings));
    let pipe = warnings_of_pipe(name, bytes).ok().map(is_told);
    assert_eq!(pipe, file, "{name} to byte {}", bytes.len());
    file
}

fn warnings_of_pipe(name: &str, bytes: &[u8]) -> Result<Vec<AudioWarning>, AudioError> {
    let reader = Trickle(Cursor::new(bytes.to_vec()));
    let mut stream = AudioStream::from_reader(reader, Path::new(name), &ReadOptions::default())?;
    while stream.next_piece()?.is_some() {}
    Ok(stream.take_warnings())
}

/// A generator of numbers without a pattern.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

#[test]
fn damaged_files_never_panic() {
    let damages = std::env::var("SLM_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(DAMAGES);
    let mut random = Random(17);
    for (name, path) in files() {
        let whole = std::fs::read(&path).unwrap();
        for _ in 0..damages {
            let mut bytes = whole.clone();
            // In the header more often than behind it.
            for _ in 0..=random.below(10) {
                let limit = if random.below(2) == 0 { bytes.len().min(1024) } else { bytes.len() };
                let place = random.below(limit);
                bytes[place] = random.below(256) as u8;
            }
            if random.below(4) == 0 {
                bytes.truncate(random.below(bytes.len()));
            }
            let begun = Instant::now();
            if let Ok(audio) = audio::read_bytes(&bytes, Path::new(&name)) {
                assert!(audio.samples.iter().all(|sample| sample.is_finite()), "{name}");
            }
            assert!(begun.elapsed().as_secs() < 20, "{name}");
        }
    }
}

#[test]
fn raw_samples_are_read() {
    let whole = std::fs::read(folder().join("alaw-8000-1.wav")).unwrap();
    let data = whole.windows(4).position(|name| name == b"data").unwrap() + 8;
    let mut options = ReadOptions::default();
    options.raw = Some("alaw,8000,1".parse::<RawFormat>().unwrap());
    let expected = audio::read_bytes(&whole, Path::new("talk.wav")).unwrap().samples;
    let samples = of_pipe("raw", whole[data..data + expected.len() / 2].to_vec(), &options);
    assert!(samples == expected);
}
