//! The last line against panics in a decoder, which damaged files are known to cause.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::problem::AudioProblem;

/// Calls a decoder of `format`. What a panic has crossed must not be used again: callers end with the error.
pub(super) fn guarded<T>(format: &'static str, call: impl FnOnce() -> T) -> Result<T, AudioProblem> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| AudioProblem::Decoder { format })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_errors() {
        assert_eq!(guarded("MP3", || 7).unwrap(), 7);
        let empty: [u8; 0] = [];
        let failed = guarded("MP3", || empty[std::hint::black_box(3)]);
        assert!(matches!(failed, Err(AudioProblem::Decoder { format: "MP3" })));
    }
}
