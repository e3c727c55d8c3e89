//! Rows of floats where registers load them fastest.

/// Values of a line, which memory gives at once and at whose multiples registers are loaded in one step.
pub(super) const LINE: usize = 16;

/// `[R, I]`, of which each row begins a line.
#[derive(Debug)]
pub(super) struct AlignedRows {
    values: Vec<f32>,
    start: usize,
    /// From one row to the next: rows whose distance is a power of two would take each other's places in the cache.
    stride: usize,
    width: usize,
    rows: usize,
}

impl AlignedRows {
    /// A copy of `x`, which is not empty, in `room`.
    pub(super) fn of(x: &[f32], width: usize, mut room: Vec<f32>) -> Self {
        let (rows, stride) = (x.len() / width, width.next_multiple_of(LINE) + LINE);
        room.resize(rows * stride + LINE, 0.0);
        let start = room.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        for (to, row) in room[start..].chunks_exact_mut(stride).zip(x.chunks_exact(width)) {
            to[..width].copy_from_slice(row);
        }
        Self { values: room, start, stride, width, rows }
    }

    pub(super) fn count(&self) -> usize {
        self.rows
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[self.start + row * self.stride..][..self.width]
    }

    /// The room, for other rows.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn into_room(self) -> Vec<f32> {
        self.values
    }
}
