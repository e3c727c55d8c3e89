//! How much of the `data` chunk can be used, and what lies behind it.

use super::super::error::AudioWarning;
use super::super::limits::MAX_CHUNKS;
use super::super::problem::AudioProblem;
use super::super::source::Source;
use super::chunks::{self, Layout};
use super::format::WavFormat;

/// Fewer bytes than this behind the data are no chunk, and no audio worth a word.
const SMALLEST_REST: u64 = 8;

/// What is taken of a `data` chunk.
pub(super) struct DataRange {
    /// Bytes of whole frames; `None` up to the end of the source.
    pub(super) bytes: Option<u64>,
    /// Bytes that the header declares.
    pub(super) declared: Option<u64>,
    pub(super) warnings: Vec<AudioWarning>,
}

/// Settles what is taken of a `data` chunk that declares `declared` bytes. The source is at the first of them.
pub(super) fn range(
    source: &mut Source<'_>,
    layout: Layout,
    format: WavFormat,
    declared: u64,
) -> Result<DataRange, AudioProblem> {
    let unit = u64::from(format.unit_bytes());
    let Some(left) = source.left() else {
        let to_the_end = is_placeholder(declared, None) || (declared == 0 && goes_on(source)?);
        let declared = (!to_the_end).then_some(declared);
        let bytes = declared.map(|declared| declared - declared % unit);
        return Ok(DataRange { bytes, declared, warnings: Vec::new() });
    };
    let start = source.position();
    let mut warnings = Vec::new();
    let bytes = if declared == 0 && left > 0 && !is_chain(source, layout, start)? {
        warnings.push(AudioWarning::DataSizeZero { bytes: left });
        left
    } else if is_placeholder(declared, Some(left)) {
        left
    } else if declared > left {
        let (found, declared) = (format.seconds(left), format.seconds(declared));
        warnings.push(AudioWarning::DataTruncated { found, declared });
        left
    } else {
        beyond(source, layout, declared, &mut warnings)?
    };
    if bytes == declared && !declared.is_multiple_of(unit) {
        warnings.push(AudioWarning::TrailingBytes { bytes: declared % unit });
    }
    source.go_to(start)?;
    Ok(DataRange { bytes: Some(bytes - bytes % unit), declared: Some(declared), warnings })
}

/// Bytes to use of a file that has at least those declared: more of them where the size has lost its upper bits.
fn beyond(
    source: &mut Source<'_>,
    layout: Layout,
    declared: u64,
    warnings: &mut Vec<AudioWarning>,
) -> Result<u64, AudioProblem> {
    let (start, left) = (source.position(), source.left().unwrap_or(0));
    let rest = left - declared;
    let wraps = rest >> 32;
    if wraps > 0 && layout == Layout::Riff {
        let whole = declared + (wraps << 32);
        if left - whole < SMALLEST_REST || is_chain(source, layout, start + whole)? {
            warnings.push(AudioWarning::DataSizeWrapped { declared, bytes: whole });
            return Ok(whole);
        }
    }
    let end = start + declared;
    source.go_to(end)?;
    chunks::skip_padding(source, layout, declared)?;
    let after = source.position();
    if rest >= SMALLEST_REST && !is_chain(source, layout, after)? {
        warnings.push(AudioWarning::DataBeyondEnd { bytes: rest });
    }
    Ok(declared)
}

/// Whether samples follow in a pipe whose header declares none, and not a chunk.
fn goes_on(source: &mut Source<'_>) -> Result<bool, AudioProblem> {
    let next = source.peek(4)?;
    Ok(!next.is_empty() && !chunks::is_name(next))
}

/// What lies behind the data of a pipe, which is at its end: bytes that are no chunks.
pub(in super::super) fn count_rest(source: &mut Source<'_>, most: u64) -> Result<u64, AudioProblem> {
    let next = source.peek(5)?;
    let chunk_follows =
        next.get(..4).is_some_and(chunks::is_name) || next.get(1..).is_some_and(chunks::is_name);
    if chunk_follows {
        return Ok(0);
    }
    let count = source.skip(most)?;
    Ok(if count < SMALLEST_REST { 0 } else { count })
}

/// Whether a data size stands for "until the end", as writers to a pipe put it: near 2^32 or 2^64, or near 2^31 when
/// the file has less.
fn is_placeholder(size: u64, left: Option<u64>) -> bool {
    const NEAR: u64 = 0x1000;
    let near_u64 = size >= u64::MAX - NEAR;
    let near_u32 = u32::try_from(size).is_ok_and(|size| u64::from(u32::MAX - size) <= NEAR);
    let near_i32 = (1_u64 << 31).abs_diff(size) <= NEAR && left.is_none_or(|left| size > left);
    near_u64 || near_u32 || near_i32
}

/// Whether whole chunks with printable names lie from `position` to the end of the file.
fn is_chain(source: &mut Source<'_>, layout: Layout, position: u64) -> Result<bool, AudioProblem> {
    let place = source.position();
    source.go_to(position)?;
    let chain = walk_chain(source, layout);
    source.go_to(place)?;
    chain
}

fn walk_chain(source: &mut Source<'_>, layout: Layout) -> Result<bool, AudioProblem> {
    for _ in 0..MAX_CHUNKS {
        match source.left() {
            Some(0) => return Ok(true),
            Some(left) if left >= layout.header_bytes() as u64 => {}
            _ => return Ok(false),
        }
        let Some(chunk) = chunks::next(source, layout)? else {
            return Ok(true);
        };
        // Another file was joined, which is a chunk by its form.
        let is_file = matches!(&chunk.id, b"RIFF" | b"RF64" | b"BW64" | b"riff");
        if is_file || !chunks::is_name(&chunk.id) || source.left().is_none_or(|left| chunk.size > left) {
            return Ok(false);
        }
        chunks::skip(source, layout, chunk, chunk.size)?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_sizes() {
        for size in [u64::MAX, u64::from(u32::MAX), u64::from(u32::MAX) - 1, 0xffff_ffdb] {
            assert!(is_placeholder(size, Some(100)));
            assert!(is_placeholder(size, Some(1 << 33)));
            assert!(is_placeholder(size, None));
        }
        for size in [0x7fff_f000, 0x7fff_ffff, 0x8000_0000] {
            assert!(is_placeholder(size, Some(100)));
            assert!(is_placeholder(size, None));
            assert!(!is_placeholder(size, Some(1 << 32)));
        }
        for size in [0, 320_000, 1 << 33] {
            assert!(!is_placeholder(size, Some(100)));
        }
    }
}
