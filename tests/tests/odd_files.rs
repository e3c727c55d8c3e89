//! Files that are odd as a whole: larger than a header can say, joined, no plain files, silent, days long. These are W29 and
//! W31 to W33 of the bad-input catalogue, whose others are in `bad_audio`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions"
)]

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use slm_core::audio::{self, limits};
use slm_tests::wav::{PCM, accepted, chunk, fmt, mono, ramp, ramp_samples, riff, sized, wav};

/// A W64 chunk: a name of 16 bytes, a length that counts the header in, and filling up to 8 bytes.
fn w64_chunk(id: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut chunk = id.to_vec();
    chunk.extend(b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a");
    chunk.extend((payload.len() as u64 + 24).to_le_bytes());
    chunk.extend(payload);
    chunk.resize(chunk.len().next_multiple_of(8), 0);
    chunk
}

/// A W64 file with these chunks.
fn w64(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00".to_vec();
    file.extend([0; 8]);
    file.extend(b"wave\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a");
    file.extend(chunks.concat());
    file
}

#[test]
fn w29_over_4_gb() {
    // The size of the data is in a chunk of its own.
    let mut sizes = vec![0; 28];
    sizes[8..16].copy_from_slice(&18_u64.to_le_bytes());
    let data = [sized(*b"data", u32::MAX, &ramp(9)), chunk(*b"LIST", b"INFO")].concat();
    let mut file = riff(&[chunk(*b"ds64", &sizes), chunk(*b"fmt ", &mono()), data]);
    for magic in [b"RF64", b"BW64"] {
        file[..4].copy_from_slice(magic);
        assert_eq!(accepted(&file, &[]), ramp_samples(9));
        file[28..36].copy_from_slice(&18_u64.to_le_bytes());
    }
    let whole =
        w64(&[w64_chunk(*b"fmt ", &mono()), w64_chunk(*b"fact", &[9; 5]), w64_chunk(*b"data", &ramp(9))]);
    assert_eq!(accepted(&whole, &[]), ramp_samples(9));
    let cut = &whole[..whole.len() - 10];
    assert_eq!(accepted(cut, &["data ends after 0.00 s, header says 0.00 s"]), ramp_samples(7));
}

#[test]
fn w05_data_behind_the_end_is_told() {
    let joined = [wav(&mono(), &ramp(9)), vec![1; 4_000]].concat();
    let warning = ["4000 bytes after the end that the header declares ignored"];
    assert_eq!(accepted(&joined, &warning), ramp_samples(9));
    // Chunks are nothing unusual, nor is a byte that fills up.
    for rest in [chunk(*b"LIST", b"INFO"), vec![0; 2]] {
        assert_eq!(accepted(&[wav(&mono(), &ramp(9)), rest].concat(), &[]), ramp_samples(9));
    }
    let two = [wav(&mono(), &ramp(9)), wav(&mono(), &ramp(9))].concat();
    let warning = ["62 bytes after the end that the header declares ignored"];
    assert_eq!(accepted(&two, &warning), ramp_samples(9));
}

#[test]
fn w31_not_a_plain_file() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    let error = audio::read(folder.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read audio `{shown}`: is a directory"));
    assert_eq!(error.kind().as_str(), "io");
    let missing = folder.path().join("none.wav");
    let error = audio::read(&missing).unwrap_err();
    let shown = missing.display();
    assert_eq!(error.to_string(), format!("cannot read audio `{shown}`: no such file"));
    assert_eq!(error.kind().as_str(), "io");
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(unix)]
#[test]
fn w31_links_devices_and_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("loop.wav");
    symlink(&link, &link).unwrap();
    let error = audio::read(&link).unwrap_err();
    assert!(error.to_string().ends_with("loop.wav`: reading failed"));
    assert!(std::error::Error::source(&error).is_some());
    let error = audio::read(Path::new("/dev/zero")).unwrap_err();
    assert_eq!(error.kind().as_str(), "not_audio");
    // Some systems allow no such name; where one does, it is read.
    let odd = folder.path().join(OsStr::from_bytes(b"caf\xe9.wav"));
    if std::fs::write(&odd, wav(&mono(), &ramp(9))).is_ok() {
        assert_eq!(audio::read(&odd).unwrap().samples, ramp_samples(9));
    }
}

#[test]
fn w32_silence_has_no_speech() {
    let samples = accepted(&wav(&mono(), &vec![0; 32_000]), &[]);
    assert!(!audio::has_speech(&samples));
}

/// A file of a header and so many bytes of silence in 8 bits, which are made when they are read.
struct Silence {
    head: Vec<u8>,
    len: u64,
    at: u64,
}

impl Silence {
    fn new(rate: u32, bytes: u32) -> Self {
        let head = riff(&[chunk(*b"fmt ", &fmt(PCM, 1, rate, 8)), sized(*b"data", bytes, &[])]);
        Self { len: head.len() as u64 + u64::from(bytes), head, at: 0 }
    }
}

impl Read for Silence {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min((self.len - self.at) as usize);
        for (place, byte) in (self.at as usize..).zip(&mut buffer[..count]) {
            *byte = self.head.get(place).copied().unwrap_or(128);
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Silence {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.len.saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        }
        .min(self.len);
        Ok(self.at)
    }
}

/// 100 MB of 8-bit samples at 1 kHz are 6.4 GB at 16 kHz.
#[test]
fn w33_more_hours_than_allowed() {
    let day = 3600 * limits::MAX_HOURS;
    for (rate, bytes, hours) in [(1_000, 100_000_000, "27.78"), (8_000, 8_000 * (day + 1800), "12.50")] {
        let mut source = Silence::new(rate, bytes);
        let error = audio::read_from(&mut source, Path::new("talk.wav")).unwrap_err();
        let text = format!("cannot read audio `talk.wav`: {hours} hours of audio, limit is 12");
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind().as_str(), "limit");
        assert!(error.hint().is_some());
        // Refused by its header: no sample was taken.
        assert!(source.at < 1 << 17, "{} bytes read", source.at);
    }
}

#[test]
fn w33_an_hour_at_another_rate_is_read() {
    let read = audio::read_from(Silence::new(8_000, 8_000 * 3600), Path::new("talk.wav")).unwrap();
    assert_eq!((read.samples.len(), read.warnings.len()), (16_000 * 3600, 0));
    assert!(read.samples.iter().all(|sample| sample.abs() < 1e-6));
}
