//! Elements of Matroska and WebM. Those that hold the others are entered; a size may be unknown, as in a live recording.

use super::units::{Head, Shape};

const HEADER: u64 = 0x1a45_dfa3;
const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1f43_b675;

/// Where we are in a file.
#[derive(Default)]
pub(super) struct Elements {
    /// Where the segment says that it ends.
    end: Option<u64>,
    /// Whether we are among elements, and do not look for a cluster.
    is_inside: bool,
}

/// A number whose first byte tells how long it is.
enum Number {
    /// Too few bytes to tell.
    More,
    /// So many bytes, and what they say with the mark of the length.
    Of(usize, u64),
    Bad,
}

fn number(bytes: &[u8], longest: usize) -> Number {
    let Some(first) = bytes.first() else {
        return Number::More;
    };
    let length = first.leading_zeros() as usize + 1;
    match bytes.get(..length) {
        _ if length > longest => Number::Bad,
        None => Number::More,
        Some(bytes) => {
            Number::Of(length, bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
    }
}

impl Elements {
    fn lost(&mut self) -> Head {
        self.is_inside = false;
        Head::Other
    }
}

impl Shape for Elements {
    fn read(&mut self, head: &[u8], place: u64) -> Head {
        let (id_bytes, id) = match number(head, 4) {
            Number::More => return Head::More,
            Number::Of(bytes, id) if self.is_inside || matches!(id, HEADER | CLUSTER) => (bytes, id),
            Number::Of(..) | Number::Bad => return self.lost(),
        };
        let (size_bytes, size) = match number(head.get(id_bytes..).unwrap_or_default(), 8) {
            Number::More => return Head::More,
            Number::Of(bytes, size) => (bytes, size),
            Number::Bad => return self.lost(),
        };
        self.is_inside = true;
        let known = (1_u64 << (7 * size_bytes)) - 1;
        let size = Some(size & known).filter(|&size| size < known);
        let bytes = (id_bytes + size_bytes) as u64;
        match (id, size) {
            (SEGMENT, size) => {
                self.end = size.map(|size| place.saturating_add(bytes).saturating_add(size));
                Head::Unit(bytes)
            }
            (CLUSTER, _) | (_, None) => Head::Unit(bytes),
            (_, Some(size)) => Head::Unit(bytes.saturating_add(size)),
        }
    }

    fn is_open(&self, place: u64) -> bool {
        self.end.is_some_and(|end| place < end)
    }

    fn forget(&mut self) {
        self.is_inside = false;
    }
}
