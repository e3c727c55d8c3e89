//! Files made of units whose heads tell how long they are: pages, frames, elements.

use super::Follow;

/// What the first bytes of a unit are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The beginning of one, too little of it to tell.
    More,
    /// A unit of so many bytes, with its head.
    Unit(u64),
    /// None.
    Other,
}

/// The units of one kind of file.
pub(super) trait Shape: Send {
    /// Reads the head of the unit that begins at `place`.
    fn read(&mut self, head: &[u8], place: u64) -> Head;

    /// Whether the file must go on after the last whole unit, which ends at `place`.
    fn is_open(&self, _place: u64) -> bool {
        false
    }

    /// What was read says nothing of what follows.
    fn forget(&mut self) {}
}

/// Units in a row before one is believed: by chance, three do not follow each other.
const SURE: u32 = 2;

/// Goes from unit to unit.
pub(super) struct Units<S> {
    shape: S,
    /// Place of the next byte.
    place: u64,
    head: Vec<u8>,
    /// Bytes of the present unit still to come.
    left: u64,
    /// Units in a row.
    row: u32,
}

impl<S: Shape> Units<S> {
    pub(super) fn new(shape: S) -> Self {
        Self { shape, place: 0, head: Vec::new(), left: 0, row: 0 }
    }

    /// Takes the next byte of a head.
    fn read(&mut self, byte: u8) {
        self.head.push(byte);
        self.place += 1;
        while !self.head.is_empty() {
            let head = self.head.len() as u64;
            match self.shape.read(&self.head, self.place - head) {
                Head::More => return,
                Head::Unit(bytes) => {
                    self.left = bytes.saturating_sub(head);
                    self.row = self.row.saturating_add(1);
                    self.head.clear();
                }
                // Looks for the next one, a byte further on.
                Head::Other => {
                    self.row = 0;
                    self.head.remove(0);
                }
            }
        }
    }
}

impl<S: Shape> Follow for Units<S> {
    fn take(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.left == 0 {
                self.read(byte);
                bytes = rest;
            } else {
                let taken = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= taken as u64;
                self.place += taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
            }
        }
    }

    fn pass(&mut self, count: u64) -> bool {
        let Some(left) = self.left.checked_sub(count) else {
            return false;
        };
        self.left = left;
        self.place += count;
        true
    }

    fn restart(&mut self, place: u64) {
        self.place = place;
        self.head.clear();
        (self.left, self.row) = (0, 0);
        self.shape.forget();
    }

    fn is_open(&self) -> bool {
        let is_inside = self.left > 0 && self.row > SURE;
        let is_in_head = !self.head.is_empty() && self.row >= SURE;
        is_inside || is_in_head || self.shape.is_open(self.place)
    }
}
