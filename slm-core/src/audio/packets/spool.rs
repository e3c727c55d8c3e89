//! Keeps what comes from a pipe, for formats that cannot be read from their start to their end.

use std::io::{Read, Seek, Write};

use super::super::limits::MAX_STREAM_BYTES;
use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Bytes that are kept in memory; more go to a temporary file without a name.
const IN_MEMORY: usize = 32 << 20;

/// Takes all of a pipe, up to [`MAX_STREAM_BYTES`].
pub(super) fn spool(mut source: Source<'_>) -> Result<Source<'_>, AudioProblem> {
    let mut kept = tempfile::spooled_tempfile(IN_MEMORY);
    let bytes = std::io::copy(&mut source.by_ref().take(MAX_STREAM_BYTES + 1), &mut kept)?;
    if bytes > MAX_STREAM_BYTES {
        return Err(AudioProblem::StreamTooLong { limit: MAX_STREAM_BYTES });
    }
    kept.flush()?;
    kept.rewind()?;
    Ok(Source::file(kept)?)
}
