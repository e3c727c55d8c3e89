//! What is seen of files that were cut at each of their bytes.

use std::io::Cursor;

use super::*;

/// Reads `bytes` in small pieces, as of a file or of a pipe.
fn is_cut(container: Container, bytes: &[u8]) -> bool {
    let sources = [Source::file(Cursor::new(bytes)).unwrap(), Source::pipe(bytes)];
    let told = sources.map(|source| {
        let mut watched = Watched::new(source, container);
        let witness = watched.witness().unwrap();
        let mut buffer = [0; 7];
        while watched.read(&mut buffer).unwrap() > 0 {}
        witness.is_cut()
    });
    assert_eq!(told[0], told[1]);
    told[0]
}

/// Checks that a file is whole, and seen as cut at each place but those between units where nothing tells.
fn check(container: Container, file: &[u8], from: usize, silent: &[usize]) {
    assert!(!is_cut(container, file));
    for cut in from..file.len() {
        assert_eq!(is_cut(container, &file[..cut]), !silent.contains(&cut), "{container:?} {cut}");
    }
}

fn page(flags: u8, stream: u8, body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend([0; 8]);
    page.extend([stream, 0, 0, 0]);
    page.extend([0; 8]);
    page.extend([1, body.len() as u8]);
    page.extend(body);
    page
}

#[test]
fn ogg_ends_with_the_last_page_of_each_stream() {
    let one = [page(2, 1, b"head"), page(0, 1, b"body"), page(4, 1, b"tail")].concat();
    check(Container::Ogg, &one, page(2, 1, b"head").len(), &[]);
    assert!(!is_cut(Container::Ogg, &[one.as_slice(), &[0; 5]].concat()));
    // Where a second file was joined, the end of the first is none that a cut can be told from.
    let two = [one.as_slice(), &one].concat();
    check(Container::Ogg, &two[..two.len()], one.len() + 27, &[]);
    // Another stream that has ended earlier, and pages of it behind its end.
    let film =
        [page(2, 1, b""), page(2, 9, b""), page(4, 9, b""), page(0, 9, b""), page(4, 1, b"tail")].concat();
    check(Container::Ogg, &film, 120, &[]);
}

#[test]
fn frames_of_mpeg_and_aac_lack_bytes() {
    let mut mpeg = [5; 144];
    mpeg[..4].copy_from_slice(&[0xff, 0xf3, 0x48, 0]);
    let mut adts = [5; 371];
    adts[..7].copy_from_slice(&[0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc]);
    for (container, frame) in [(Container::Mp3, mpeg.as_slice()), (Container::Adts, &adts)] {
        let begun = 10 + 3 * frame.len();
        let file = [b"ID3\x04\0\0\0\0\0\0".as_slice(), &frame.repeat(6)].concat();
        let between = [3, 4, 5].map(|frames| 10 + frames * frame.len());
        check(container, &file, begun, &between);
        check(
            container,
            &[b"junk".as_slice(), &frame.repeat(6)].concat(),
            4 + 3 * frame.len(),
            &between.map(|place| place - 6),
        );
        assert!(!is_cut(container, &[file.as_slice(), b"TAG", &[0; 125]].concat()));
    }
}

fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &[0x40 | (content.len() >> 8) as u8, content.len() as u8], content].concat()
}

#[test]
fn elements_of_matroska_lack_bytes() {
    let head = element(&[0x1a, 0x45, 0xdf, 0xa3], b"webm");
    let info =
        [element(&[0x15, 0x49, 0xa9, 0x66], &[1; 9]), element(&[0x16, 0x54, 0xae, 0x6b], &[1; 300])].concat();
    let block = element(&[0xa3], &[9; 200]);
    let content = [info.clone(), element(&[0x1f, 0x43, 0xb6, 0x75], &block.repeat(3))].concat();
    let known = [head.clone(), element(&[0x18, 0x53, 0x80, 0x67], &content)].concat();
    check(Container::Matroska, &known, head.len() + 6, &[]);
    let open =
        |id: &[u8], content: &[u8]| [id, &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], content].concat();
    let cluster = open(&[0x1f, 0x43, 0xb6, 0x75], &block.repeat(3));
    let live = [head, open(&[0x18, 0x53, 0x80, 0x67], &info), cluster.repeat(2)].concat();
    let begun = live.len() - 2 * cluster.len();
    let between = [0, 12, 215, 418, 621, 633, 836, 1039].map(|place| begun + place);
    check(Container::Matroska, &live, begun, &between);
    // From the middle on, as after a jump.
    let mut follower = follower(Container::Matroska).unwrap();
    follower.restart(5_000);
    follower.take(&live[begun + 50..live.len() - 1]);
    assert!(follower.is_open());
    follower.take(&live[live.len() - 1..]);
    assert!(!follower.is_open());
}

/// A FLAC file of silence: frames of 16 samples, each made by hand.
fn flac(samples: u8) -> Vec<u8> {
    let mut file = b"fLaC\0\0\0\x22\0\x10\0\x10".to_vec();
    file.extend([0, 0, 0, 0, 0, 0, 0x03, 0xe8, 0x00, 0xf0, 0, 0, 0, samples]);
    file.extend([0; 16]);
    file.extend([0x81, 0, 0, 5, 1, 2, 3, 4, 5]);
    for (number, (sum8, sum16)) in [(0x92, 0x7fb3), (0x87, 0x83b6), (0xb8, 0x07bc)].into_iter().enumerate() {
        let mut frame = vec![0xff, 0xf8, 0x69, 0x18, number as u8, 15, sum8, 0, 0, 0];
        frame.extend(u16::to_be_bytes(sum16));
        file.extend(frame);
    }
    file
}

#[test]
fn frames_of_flac_end_with_their_checksum() {
    check(Container::Flac, &flac(0), 1, &[51, 63, 75]);
    assert!(!is_cut(Container::Flac, &[flac(0).as_slice(), b"TAG", &[7; 125]].concat()));
    // Another file behind it, of which all bytes are told.
    for samples in [0, 48] {
        let two = [flac(samples), flac(samples)].concat();
        let mut watched = Watched::new(Source::pipe(two.as_slice()), Container::Flac);
        let witness = watched.witness().unwrap();
        std::io::copy(&mut watched, &mut std::io::sink()).unwrap();
        assert_eq!(witness.behind(), flac(samples).len() as u64);
    }
    // The header has the number of samples, which tells more.
    assert!(!is_cut(Container::Flac, &flac(48)[..80]));
}

#[test]
fn what_a_seek_leaves_out_is_passed_over() {
    let whole = [page(2, 1, b"head"), page(0, 1, &[0; 250]), page(4, 1, b"tail")].concat();
    for (bytes, is_cut) in [(whole.as_slice(), false), (&whole[..whole.len() - 1], true)] {
        let mut watched = Watched::new(Source::file(Cursor::new(bytes)).unwrap(), Container::Ogg);
        let witness = watched.witness().unwrap();
        let mut buffer = [0; 80];
        assert_eq!(watched.read(&mut buffer).unwrap(), 80);
        assert!(!witness.is_cut());
        watched.seek(SeekFrom::Current(100)).unwrap();
        while watched.read(&mut buffer).unwrap() > 0 {}
        assert_eq!(witness.is_cut(), is_cut);
    }
}
