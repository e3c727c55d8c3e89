//! Pages of Ogg. The last page of a stream is marked.

use std::collections::BTreeMap;

use super::units::{Head, Shape};

/// Bytes of a page's header before the lengths of its parts.
const HEADER_BYTES: usize = 27;
/// The flags of a stream's first and last page.
const FIRST_PAGE: u8 = 2;
const LAST_PAGE: u8 = 4;
/// Most streams that are followed.
const MAX_STREAMS: usize = 1_000;

/// The streams of a file, and whether each has ended.
#[derive(Default)]
pub(super) struct Pages(BTreeMap<u32, bool>);

impl Pages {
    fn note(&mut self, stream: u32, flags: u8) {
        if self.0.len() >= MAX_STREAMS {
            self.0.retain(|_, has_ended| !*has_ended);
        }
        if flags & LAST_PAGE != 0 {
            self.0.insert(stream, true);
        } else if flags & FIRST_PAGE != 0 {
            self.0.insert(stream, false);
        } else if self.0.len() < MAX_STREAMS {
            self.0.entry(stream).or_insert(false);
        }
    }
}

impl Shape for Pages {
    fn read(&mut self, head: &[u8], _: u64) -> Head {
        if !b"OggS\0".iter().zip(head).all(|(expected, found)| expected == found) {
            return Head::Other;
        }
        let Some(lengths) = head.get(HEADER_BYTES..) else {
            return Head::More;
        };
        if lengths.len() < head.get(HEADER_BYTES - 1).map_or(0, |count| usize::from(*count)) {
            return Head::More;
        }
        let body: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        let stream = head.get(14..18).and_then(|bytes| bytes.first_chunk()).map(|id| u32::from_le_bytes(*id));
        self.note(stream.unwrap_or_default(), head.get(5).copied().unwrap_or_default());
        Head::Unit(head.len() as u64 + body)
    }

    fn is_open(&self, _: u64) -> bool {
        self.0.values().any(|has_ended| !has_ended)
    }

    fn forget(&mut self) {
        self.0.clear();
    }
}
