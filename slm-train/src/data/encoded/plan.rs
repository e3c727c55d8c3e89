//! Which recordings share a file.

use std::ops::Range;

/// Recordings of a file at most.
const RECORDINGS: usize = 1024;
/// Seconds of sound in a file at most, but for one recording that is longer: it is held in memory while it is made.
const SECONDS: f64 = 1200.0;

/// Parts of a corpus whose recordings have these lengths. They depend on nothing else, so that a corpus of which some
/// parts are there already is made with the same files.
pub(super) fn parts(seconds: impl IntoIterator<Item = f64>) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut sum = 0.0;
    for (index, length) in seconds.into_iter().enumerate() {
        match parts.last_mut() {
            Some(part) if part.len() < RECORDINGS && sum + length <= SECONDS => {
                part.end = index + 1;
                sum += length;
            }
            _ => {
                parts.push(index..index + 1);
                sum = length;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_limited_in_recordings_and_in_seconds() {
        assert_eq!(parts(vec![0.5; 2500]), [0..1024, 1024..2048, 2048..2500]);
        assert_eq!(parts([500.0; 5]), [0..2, 2..4, 4..5]);
        assert_eq!(parts([10.0, 5000.0, 10.0]), [0..1, 1..2, 2..3]);
        assert!(parts([]).is_empty());
    }
}
