//! Tells WAV from everything else by its first bytes; the name of a file plays no part.

use super::problem::{AudioProblem, Content};

/// Bytes that are enough to tell.
pub(super) const SNIFF_BYTES: u64 = 512;
/// `RIFF`, size, `WAVE`.
const RIFF_HEADER_BYTES: usize = 12;

/// Checks that a file of `len` bytes that begins with `head` is a WAV file.
pub(super) fn require_wav(head: &[u8], len: u64) -> Result<(), AudioProblem> {
    if len == 0 {
        return Err(AudioProblem::Empty);
    }
    let form = head.get(8..).and_then(|rest| rest.first_chunk::<4>());
    let (Some(magic), Some(&form)) = (head.first_chunk::<4>(), form) else {
        return Err(AudioProblem::TooShort { bytes: len });
    };
    debug_assert!(head.len() >= RIFF_HEADER_BYTES);
    Err(match (magic, &form) {
        (b"RIFF", b"WAVE") => return Ok(()),
        (b"RIFF", _) => AudioProblem::RiffForm { found: form },
        (b"RIFX", _) => AudioProblem::BigEndian,
        (b"RF64", _) => AudioProblem::LargeWav { found: "RF64" },
        (b"BW64", _) => AudioProblem::LargeWav { found: "BW64" },
        (b"riff", _) => AudioProblem::LargeWav { found: "W64" },
        (b"FORM", b"AIFF" | b"AIFC") => AudioProblem::OtherFormat { found: "AIFF" },
        _ => describe(head, *magic),
    })
}

/// What content that is not RIFF looks like.
fn describe(head: &[u8], magic: [u8; 4]) -> AudioProblem {
    if let Some(name) = text(head) {
        let found = Content::Known(name);
        return AudioProblem::NotAudio { found };
    }
    if let Some(found) = other_audio(head) {
        return AudioProblem::OtherFormat { found };
    }
    let found = match magic {
        [b'P', b'K', 3, 4] => Content::Known("a ZIP archive"),
        [0x1f, 0x8b, ..] => Content::Known("gzip data"),
        [0x89, b'P', b'N', b'G'] | [0xff, 0xd8, 0xff, _] | [b'G', b'I', b'F', b'8'] => {
            Content::Known("an image")
        }
        [b'%', b'P', b'D', b'F'] => Content::Known("PDF"),
        [0x7f, b'E', b'L', b'F'] => Content::Known("a program"),
        _ => Content::Unrecognised(magic),
    };
    AudioProblem::NotAudio { found }
}

/// Name of an audio format that is not WAV.
fn other_audio(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 12] = [
        (b"ID3", "MP3"),
        (b"fLaC", "FLAC"),
        (b"OggS", "Ogg"),
        (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
        (b".snd", "AU"),
        (b"caff", "CAF"),
        (b"#!AMR", "AMR"),
        (b"\x30\x26\xb2\x75", "WMA"),
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
        (b"ADIF", "AAC"),
        (b"FLV\x01", "Flash video"),
    ];
    if head.get(4..8) == Some(b"ftyp") {
        return Some("MP4 or M4A");
    }
    if let Some(&(_, name)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(name);
    }
    match head {
        // Layer bits 0 are ADTS, the others are layers of MPEG audio; 0xffff is no header.
        [0xff, second, third, ..] if second & 0xf6 == 0xf0 && third & 0x3c != 0x3c => Some("AAC"),
        [0xff, second, third, ..]
            if second & 0xe0 == 0xe0
                && second & 0x06 != 0
                && second & 0x18 != 0x08
                && third & 0xf0 != 0xf0
                && third & 0x0c != 0x0c =>
        {
            Some("MP3")
        }
        _ => None,
    }
}

/// The kind of text, if it is one.
fn text(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"%PDF") || head.starts_with(b"#!AMR") {
        return None;
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("text");
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The excerpt may end inside a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start: String = text.chars().take(14).collect();
    let start = start.to_ascii_lowercase();
    if start == "<!doctype html" || start.starts_with("<html") { Some("HTML") } else { Some("text") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(head: &[u8]) -> String {
        require_wav(head, head.len() as u64).unwrap_err().to_string()
    }

    #[test]
    fn names_what_it_finds() {
        let cases: [(&[u8], &str); 14] = [
            (b"", "file is empty (0 bytes)"),
            (b"hello", "file is too short to be audio (5 bytes)"),
            (b"hello, world", "not an audio file: content looks like text"),
            (b"\n <!DOCTYPE HTML>\n<html>", "not an audio file: content looks like HTML"),
            (
                b"\x3c\x00\x44\x4f\x01\x02\x03\x04\x05\x06\x07\x08",
                "not an audio file: unrecognised format, first bytes `3c 00 44 4f`",
            ),
            (b"RIFF\0\0\0\0AVI \0\0\0\0", "RIFF file of type `AVI `, expected `WAVE`"),
            (b"RIFX\0\0\0\0WAVE\0\0\0\0", "big-endian WAV (RIFX) is not supported"),
            (b"RF64\xff\xff\xff\xffWAVE", "RF64 (WAV over 4 GB) is not supported"),
            (b"ID3\x04\0\0\0\0\0\0\0\0\0", "content looks like MP3, only WAV is supported"),
            (b"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0", "content looks like MP3, only WAV is supported"),
            (b"fLaC\0\0\0\x22\x10\0\x10\0", "content looks like FLAC, only WAV is supported"),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0", "content looks like Ogg, only WAV is supported"),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", "content looks like MP4 or M4A, only WAV is supported"),
            (b"PK\x03\x04\x14\0\0\0\0\0\0\0", "not an audio file: content looks like a ZIP archive"),
        ];
        for (head, expected) in cases {
            assert_eq!(message(head), expected);
        }
    }

    #[test]
    fn accepts_wav_only() {
        assert!(require_wav(b"RIFF\0\0\0\0WAVE", 12).is_ok());
        assert!(require_wav(&[0; 512], 512).is_err());
        assert!(require_wav(&[0xff; 512], 512).is_err());
    }
}
