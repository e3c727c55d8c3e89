//! Tells the format of a file by its first bytes; its name plays no part.

use super::content::Content;
use super::problem::AudioProblem;
use super::wav::Layout;

/// Bytes that are enough to tell.
pub(super) const SNIFF_BYTES: usize = 512;

/// What content is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// WAV or one of its relatives.
    Wav(Layout),
    /// A format of symphonia's.
    Packets(Container),
}

/// The formats that symphonia takes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Aiff,
    Caf,
    Mp3,
    Flac,
    Ogg,
    Mp4,
    Matroska,
    Adts,
    /// None that is known by its first bytes: audio may begin behind others.
    Unknown([u8; 4]),
}

/// First bytes of a W64 file: two identifiers with a length between them.
const W64_RIFF: &[u8] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";

/// Tells the format of what begins with `head`, of which there are up to [`SNIFF_BYTES`].
pub(super) fn tell(head: &[u8]) -> Result<Found, AudioProblem> {
    if head.is_empty() {
        return Err(AudioProblem::Empty);
    }
    let form = head.get(8..).and_then(|rest| rest.first_chunk::<4>());
    let (Some(magic), Some(&form)) = (head.first_chunk::<4>(), form) else {
        return Err(AudioProblem::TooShort { bytes: head.len() as u64 });
    };
    match (magic, &form) {
        (b"RIFF", b"WAVE") => Ok(Found::Wav(Layout::Riff)),
        (b"RF64", b"WAVE") => Ok(Found::Wav(Layout::Rf64)),
        (b"BW64", b"WAVE") => Ok(Found::Wav(Layout::Bw64)),
        _ if head.starts_with(W64_RIFF) => Ok(Found::Wav(Layout::W64)),
        (b"RIFF", _) => Err(AudioProblem::RiffForm { found: form }),
        (b"RIFX", _) => Err(AudioProblem::BigEndian),
        (b"FORM", b"AIFF" | b"AIFC") => Ok(Found::Packets(Container::Aiff)),
        _ => describe(head, *magic),
    }
}

/// What content that is not RIFF looks like.
fn describe(head: &[u8], magic: [u8; 4]) -> Result<Found, AudioProblem> {
    if let Some(name) = text(head) {
        let found = Content::Known(name);
        return Err(AudioProblem::NotAudio { found });
    }
    if let Some(found) = other_audio(head) {
        return Err(AudioProblem::OtherFormat { found });
    }
    if let Some(container) = container(head) {
        return Ok(Found::Packets(container));
    }
    let found = match magic {
        [b'P', b'K', 3, 4] => Content::Known("a ZIP archive"),
        [0x1f, 0x8b, ..] => Content::Known("gzip data"),
        [0x89, b'P', b'N', b'G'] | [0xff, 0xd8, 0xff, _] | [b'G', b'I', b'F', b'8'] => {
            Content::Known("an image")
        }
        [b'%', b'P', b'D', b'F'] => Content::Known("PDF"),
        [0x7f, b'E', b'L', b'F'] => Content::Known("a program"),
        _ => return Ok(Found::Packets(Container::Unknown(magic))),
    };
    Err(AudioProblem::NotAudio { found })
}

/// The format of symphonia's with these first bytes.
fn container(head: &[u8]) -> Option<Container> {
    match head {
        [b'f', b'L', b'a', b'C', ..] => Some(Container::Flac),
        [b'O', b'g', b'g', b'S', ..] => Some(Container::Ogg),
        [b'c', b'a', b'f', b'f', ..] => Some(Container::Caf),
        // A tag before MP3 as a rule, rarely before others, which the demuxer tells.
        [b'I', b'D', b'3', ..] => Some(Container::Mp3),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Container::Matroska),
        [_, _, _, _, b'f', b't', b'y', b'p', ..]
        | [0, _, _, _, b'm', b'o', b'o', b'v', ..]
        | [_, _, _, _, b'm', b'd', b'a', b't', ..]
        | [0, 0, _, _, b'w', b'i', b'd', b'e', ..]
        | [0, 0, _, _, b'f', b'r', b'e', b'e', ..]
        | [0, 0, _, _, b's', b'k', b'i', b'p', ..]
        | [0, 0, _, _, b'm', b'o', b'o', b'f', ..]
        | [0, 0, _, _, b's', b't', b'y', b'p', ..] => Some(Container::Mp4),
        // Layer bits 0 are ADTS, the others are layers of MPEG audio; 0xffff is no header.
        [0xff, second, third, ..] if second & 0xf6 == 0xf0 && third & 0x3c != 0x3c => Some(Container::Adts),
        [0xff, second, third, ..]
            if second & 0xe0 == 0xe0
                && second & 0x06 != 0
                && second & 0x18 != 0x08
                && third & 0xf0 != 0xf0
                && third & 0x0c != 0x0c =>
        {
            Some(Container::Mp3)
        }
        _ => None,
    }
}

/// Name of an audio format that is not read.
fn other_audio(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 7] = [
        (b".snd", "AU"),
        (b"#!AMR", "AMR"),
        (b"\x30\x26\xb2\x75", "WMA"),
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
        (b"ADIF", "AAC in ADIF"),
        (b"FLV\x01", "Flash video"),
    ];
    // The first page of Ogg holds the head of the codec.
    if head.starts_with(b"OggS") && head.get(28..).is_some_and(|codec| codec.starts_with(b"Speex   ")) {
        return Some("Speex");
    }
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|&(_, name)| name)
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
        tell(head).unwrap_err().to_string()
    }

    #[test]
    fn names_what_it_refuses() {
        let speex = [b"OggS\0\x02".as_slice(), &[0; 20], b"\x01\x50Speex   1.2.0"].concat();
        let cases: [(&[u8], &str); 10] = [
            (&speex, "content looks like Speex, which is not supported"),
            (b"", "file is empty (0 bytes)"),
            (b"hello", "file is too short to be audio (5 bytes)"),
            (b"hello, world", "not an audio file: content looks like text"),
            (b"\n <!DOCTYPE HTML>\n<html>", "not an audio file: content looks like HTML"),
            (b"RIFF\0\0\0\0AVI \0\0\0\0", "RIFF file of type `AVI `, expected `WAVE`"),
            (b"RIFX\0\0\0\0WAVE\0\0\0\0", "big-endian WAV (RIFX) is not supported"),
            (b"wvpk\0\0\0\x22\x10\0\x10\0", "content looks like WavPack, which is not supported"),
            (b"#!AMR\n\x04\x10\0\0\0\0", "content looks like AMR, which is not supported"),
            (b"PK\x03\x04\x14\0\0\0\0\0\0\0", "not an audio file: content looks like a ZIP archive"),
        ];
        for (head, expected) in cases {
            assert_eq!(message(head), expected);
        }
    }

    #[test]
    fn knows_the_formats_by_their_first_bytes() {
        let w64 = [W64_RIFF, &[0; 24]].concat();
        let cases: [(&[u8], Found); 14] = [
            (b"RIFF\0\0\0\0WAVE", Found::Wav(Layout::Riff)),
            (b"RF64\xff\xff\xff\xffWAVE", Found::Wav(Layout::Rf64)),
            (b"BW64\xff\xff\xff\xffWAVE", Found::Wav(Layout::Bw64)),
            (&w64, Found::Wav(Layout::W64)),
            (b"FORM\0\0\0\0AIFC", Found::Packets(Container::Aiff)),
            (b"ID3\x04\0\0\0\0\0\0\0\0\0", Found::Packets(Container::Mp3)),
            (b"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0", Found::Packets(Container::Mp3)),
            (b"\xff\xf1\x50\x80\0\0\0\0\0\0\0\0", Found::Packets(Container::Adts)),
            (b"fLaC\0\0\0\x22\x10\0\x10\0", Found::Packets(Container::Flac)),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0", Found::Packets(Container::Ogg)),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", Found::Packets(Container::Mp4)),
            (b"caff\0\x01\0\0desc\0\0\0\0", Found::Packets(Container::Caf)),
            (b"\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0", Found::Packets(Container::Matroska)),
            (&[0xff; 512], Found::Packets(Container::Unknown([0xff; 4]))),
        ];
        for (head, expected) in cases {
            assert_eq!(tell(head).unwrap(), expected);
        }
    }
}
