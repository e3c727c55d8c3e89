//! Memory for large tensors.

/// Room for a tensor of `length` bytes, in pages of megabytes where the system has such.
///
/// A step of a language model reads each of its matrices once. A processor looks up where a page lies, and reads ahead to its end: from pages
/// of 2 MB two Zen 3 cores got 20 GB/s where they got 17 from those of 4 KB.
pub(crate) fn room(length: usize) -> Vec<u8> {
    let mut room = Vec::with_capacity(length);
    ask_for_large_pages(room.spare_capacity_mut());
    room
}

/// Asks the system for large pages in the place of those of `room` that are not there yet.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "advice to the system")]
fn ask_for_large_pages(room: &mut [std::mem::MaybeUninit<u8>]) {
    /// Bytes of a large page.
    const PAGE: usize = 2 << 20;
    /// Bytes behind `room` for which is asked too: the C library writes to what comes behind a tensor when it gives room for it, after which no
    /// large page can be there.
    const AHEAD: usize = 16 * PAGE;
    if room.len() < PAGE / 2 {
        return;
    }
    // Whole pages, of which others may have the rest: tensors lie side by side.
    let before = room.as_ptr().addr() % PAGE;
    let start = room.as_mut_ptr().wrapping_byte_sub(before);
    let length = (before + room.len()).next_multiple_of(PAGE) + AHEAD;
    // SAFETY: the advice changes nothing that anybody reads or writes, whose memory it is. Of what is nobody's, or where the system does not know
    // it, it says so and gives pages as always.
    unsafe { libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE) };
}

/// Other systems choose by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn ask_for_large_pages(_: &mut [std::mem::MaybeUninit<u8>]) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The naive twin is a vector of its own.
    #[test]
    fn room_holds_what_is_put_there() {
        for length in [0, 1, 5 << 20] {
            let mut bytes = room(length);
            assert!(bytes.is_empty() && bytes.capacity() >= length);
            let expected: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            bytes.extend_from_slice(&expected);
            assert_eq!(bytes, expected);
        }
    }
}
