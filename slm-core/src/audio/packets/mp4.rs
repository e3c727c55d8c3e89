//! A look at the index of an MP4 file for what symphonia leaves out: whether it is there at all, and the edit list,
//! which says how much an encoder has put before and after the audio.

use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Most boxes looked at in one level, so that the look ends.
const MAX_BOXES: u32 = 10_000;
/// Most entries of an edit list that are read.
const MAX_EDITS: u32 = 64;

/// What the edit list says of the first audio track.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Edit {
    /// Silence before the audio, in seconds.
    pub(super) silence: f64,
    /// Where the audio begins among what is decoded, in seconds.
    pub(super) start: f64,
    /// How long it lasts, in seconds, where that is known.
    pub(super) length: Option<f64>,
}

/// A box: its name, and where its content begins and ends.
#[derive(Clone, Copy)]
struct Atom {
    name: [u8; 4],
    start: u64,
    end: u64,
}

/// Reads the edit list, and where the last box ends, which is behind the end of a file that was cut; the source is at its
/// start afterwards. Without an index the file is refused.
pub(super) fn look(source: &mut Source<'_>) -> Result<(Edit, u64), AudioProblem> {
    let len = source.len().unwrap_or(0);
    let index = find(source, 0, len, *b"moov")?.filter(|index| index.end <= len);
    let index = index.ok_or(AudioProblem::IndexMissing)?;
    let edit = edit_of(source, index)?;
    let mut end = index.end;
    while let Some(atom) = atom_at(source, end, len)? {
        end = atom.end;
    }
    source.go_to(0)?;
    Ok((edit.unwrap_or_default(), end))
}

/// Where another file begins behind the first one. Only the first box of a file is such a one.
pub(super) fn second_file(source: &mut Source<'_>) -> Result<Option<u64>, AudioProblem> {
    let len = source.len().unwrap_or(0);
    let (mut place, mut has_index) = (0, false);
    for _ in 0..MAX_BOXES {
        let Some(atom) = atom_at(source, place, len)? else {
            return Ok(None);
        };
        if atom.name == *b"ftyp" && has_index {
            return Ok(Some(place));
        }
        has_index |= atom.name == *b"moov";
        place = atom.end;
    }
    Ok(None)
}

/// The edit of the first audio track, where there is one.
fn edit_of(source: &mut Source<'_>, index: Atom) -> Result<Option<Edit>, AudioProblem> {
    let movie_scale = match find(source, index.start, index.end, *b"mvhd")? {
        Some(header) => time_scale(source, header)?,
        None => None,
    };
    let mut place = index.start;
    while let Some(track) = find(source, place, index.end, *b"trak")? {
        place = track.end;
        let Some(media) = find(source, track.start, track.end, *b"mdia")? else {
            continue;
        };
        if !is_sound(source, media)? {
            continue;
        }
        if is_encrypted(source, media)? {
            return Err(AudioProblem::Encrypted);
        }
        let header = find(source, media.start, media.end, *b"mdhd")?;
        let scale = header.map(|header| time_scale(source, header)).transpose()?.flatten();
        let list = match find(source, track.start, track.end, *b"edts")? {
            Some(edits) => find(source, edits.start, edits.end, *b"elst")?,
            None => None,
        };
        return match (list, scale, movie_scale) {
            (Some(list), Some(scale), Some(movie_scale)) => read_list(source, list, scale, movie_scale),
            _ => Ok(None),
        };
    }
    Ok(None)
}

/// The first box of this name from `place` on.
fn find(source: &mut Source<'_>, place: u64, end: u64, name: [u8; 4]) -> Result<Option<Atom>, AudioProblem> {
    let mut place = place;
    for _ in 0..MAX_BOXES {
        let Some(atom) = atom_at(source, place, end)? else {
            return Ok(None);
        };
        if atom.name == name {
            return Ok(Some(atom));
        }
        place = atom.end;
    }
    Ok(None)
}

/// The box at `place`, which may claim to be longer than the file.
fn atom_at(source: &mut Source<'_>, place: u64, end: u64) -> Result<Option<Atom>, AudioProblem> {
    if end.saturating_sub(place) < 8 {
        return Ok(None);
    }
    source.go_to(place)?;
    let mut header = [0; 16];
    let count = source.fill(&mut header)?;
    let Some(([a, b, c, d], rest)) = header.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let name = rest.first_chunk::<4>().copied().unwrap_or_default();
    let (size, header_bytes) = match u32::from_be_bytes([*a, *b, *c, *d]) {
        0 => (end - place, 8),
        1 => (
            rest.get(4..).and_then(|long| long.first_chunk()).map_or(0, |long| u64::from_be_bytes(*long)),
            16,
        ),
        size => (u64::from(size), 8),
    };
    if count < header_bytes as usize || size < header_bytes {
        return Ok(None);
    }
    Ok(Some(Atom { name, start: place + header_bytes, end: place.saturating_add(size) }))
}

/// The content of a box from `offset` on.
fn content<const N: usize>(
    source: &mut Source<'_>,
    atom: Atom,
    offset: u64,
) -> Result<Option<[u8; N]>, AudioProblem> {
    let place = atom.start.saturating_add(offset);
    if place.saturating_add(N as u64) > atom.end {
        return Ok(None);
    }
    source.go_to(place)?;
    let mut bytes = [0; N];
    Ok((source.fill(&mut bytes)? == N).then_some(bytes))
}

/// Ticks a second of a `mvhd` or `mdhd` box.
fn time_scale(source: &mut Source<'_>, header: Atom) -> Result<Option<u32>, AudioProblem> {
    let version = content::<1>(source, header, 0)?;
    let offset = if version == Some([1]) { 20 } else { 12 };
    let scale = content(source, header, offset)?.map(u32::from_be_bytes);
    Ok(scale.filter(|&scale| scale > 0))
}

fn is_sound(source: &mut Source<'_>, media: Atom) -> Result<bool, AudioProblem> {
    let Some(handler) = find(source, media.start, media.end, *b"hdlr")? else {
        return Ok(false);
    };
    Ok(content(source, handler, 8)? == Some(*b"soun"))
}

/// Whether the first description of the samples says so.
fn is_encrypted(source: &mut Source<'_>, media: Atom) -> Result<bool, AudioProblem> {
    let mut inner = media;
    for name in [b"minf", b"stbl", b"stsd"] {
        match find(source, inner.start, inner.end, *name)? {
            Some(found) => inner = found,
            None => return Ok(false),
        }
    }
    Ok(content(source, inner, 12)? == Some(*b"enca"))
}

/// Leading pauses, and the first stretch of media. What later entries cut out stays in.
fn read_list(
    source: &mut Source<'_>,
    list: Atom,
    scale: u32,
    movie_scale: u32,
) -> Result<Option<Edit>, AudioProblem> {
    let Some([version, _, _, _, a, b, c, d]) = content::<8>(source, list, 0)? else {
        return Ok(None);
    };
    let count = u32::from_be_bytes([a, b, c, d]).min(MAX_EDITS);
    let mut silence = 0.0;
    for entry in 0..u64::from(count) {
        let (length, start) = if version == 1 {
            let Some(both) = content::<16>(source, list, 8 + entry * 20)? else { break };
            let (length, start) = both.split_at(8);
            (of_u64(length), of_u64(start) as i64)
        } else {
            let Some(both) = content::<8>(source, list, 8 + entry * 12)? else { break };
            let (length, start) = both.split_at(4);
            (of_u64(length), i64::from(of_u64(start) as u32 as i32))
        };
        let seconds = length as f64 / f64::from(movie_scale);
        if start < 0 {
            silence += seconds;
            continue;
        }
        let start = start as f64 / f64::from(scale);
        // Writers of fragments do not know the length yet and put 0; several stretches are not one length.
        let length = (length > 0 && entry + 1 == u64::from(count)).then_some(seconds);
        return Ok(Some(Edit { silence, start, length }));
    }
    Ok(None)
}

/// A big-endian number of up to 8 bytes.
fn of_u64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn atom(name: [u8; 4], content: &[u8]) -> Vec<u8> {
        let mut atom = (content.len() as u32 + 8).to_be_bytes().to_vec();
        atom.extend(name);
        atom.extend(content);
        atom
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn track(handler: [u8; 4], edits: &[u32]) -> Vec<u8> {
        let list = [numbers(&[0, edits.len() as u32 / 3]), numbers(edits)].concat();
        let edits = atom(*b"edts", &atom(*b"elst", &list));
        let header = atom(*b"mdhd", &numbers(&[0, 0, 0, 44_100, 0, 0]));
        let handler = atom(*b"hdlr", &[numbers(&[0, 0]), handler.to_vec(), numbers(&[0, 0])].concat());
        let media = atom(*b"mdia", &[header, handler].concat());
        atom(*b"trak", &[edits, media].concat())
    }

    fn file(tracks: &[Vec<u8>]) -> Vec<u8> {
        let header = atom(*b"mvhd", &numbers(&[0, 0, 0, 1000, 0, 0]));
        let index = atom(*b"moov", &[header, tracks.concat()].concat());
        [atom(*b"ftyp", b"M4A "), atom(*b"mdat", &[0; 50]), index].concat()
    }

    fn look_at(bytes: &[u8]) -> Result<Edit, AudioProblem> {
        Ok(look(&mut Source::file(Cursor::new(bytes)).unwrap())?.0)
    }

    #[test]
    fn the_announced_end_is_found() {
        let mut file = file(&[track(*b"soun", &[2500, 1024, 0x1_0000])]);
        file.extend(atom(*b"mdat", &[0; 30]));
        for cut in [0, 20, 30] {
            let mut source = Source::file(Cursor::new(&file[..file.len() - cut])).unwrap();
            assert_eq!(look(&mut source).unwrap().1, file.len() as u64);
        }
    }

    #[test]
    fn the_edit_of_the_first_audio_track_is_read() {
        let video = track(*b"vide", &[5000, 7, 0x1_0000]);
        let audio = track(*b"soun", &[250, u32::MAX, 0x1_0000, 2500, 1024, 0x1_0000]);
        let edit = look_at(&file(&[video, audio])).unwrap();
        assert_eq!(edit, Edit { silence: 0.25, start: 1024.0 / 44_100.0, length: Some(2.5) });
        let unknown = look_at(&file(&[track(*b"soun", &[0, 2112, 0x1_0000])])).unwrap();
        assert_eq!(unknown.length, None);
    }

    #[test]
    fn an_index_that_is_missing_or_cut_is_told() {
        let whole = file(&[track(*b"soun", &[2500, 1024, 0x1_0000])]);
        for cut in [0, 12, 40, 80, whole.len() - 1] {
            assert!(matches!(look_at(&whole[..cut]), Err(AudioProblem::IndexMissing)), "{cut}");
        }
        assert!(look_at(&whole).is_ok());
    }
}
