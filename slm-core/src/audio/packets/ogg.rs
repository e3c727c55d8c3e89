//! A look at the end of an Ogg file: whether it is all there.
//!
//! symphonia takes the last page that is whole for the end, so that a file that was cut looks complete.

use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Bytes that hold the longest page.
const LAST_BYTES: usize = 1 << 17;
/// Bytes of a page's header before the lengths of its parts.
const HEADER_BYTES: usize = 27;
/// The flag of a stream's last page.
const LAST_PAGE: u8 = 4;

/// Whether a file ends in the middle of something, as far as it can be looked at; goes back to its start.
pub(super) fn is_cut(source: &mut Source<'_>) -> Result<bool, AudioProblem> {
    let Some(len) = source.len() else {
        return Ok(false);
    };
    source.go_to(len.saturating_sub(LAST_BYTES as u64))?;
    let mut last = vec![0; LAST_BYTES.min(usize::try_from(len).unwrap_or(LAST_BYTES))];
    let count = source.fill(&mut last)?;
    last.truncate(count);
    source.go_to(0)?;
    Ok(!ends_properly(&last))
}

fn ends_properly(bytes: &[u8]) -> bool {
    let last = bytes.windows(4).rposition(|name| name == b"OggS").and_then(|place| bytes.get(place..));
    let Some(page) = last.filter(|page| page.len() >= HEADER_BYTES) else {
        return false;
    };
    let parts = page.get(26).map_or(0, |count| usize::from(*count));
    let Some(lengths) = page.get(HEADER_BYTES..HEADER_BYTES + parts) else {
        return false;
    };
    let body: usize = lengths.iter().map(|length| usize::from(*length)).sum();
    page.len() >= HEADER_BYTES + parts + body && page.get(5).is_some_and(|flags| flags & LAST_PAGE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(flags: u8, body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend([0; 20]);
        page.extend([1, body.len() as u8]);
        page.extend(body);
        page
    }

    #[test]
    fn the_last_page_tells() {
        let whole = [page(2, b"head"), page(0, b"body"), page(4, b"tail")].concat();
        assert!(ends_properly(&whole));
        assert!(ends_properly(&[whole.as_slice(), &[0; 5]].concat()));
        for cut in 1..page(4, b"tail").len() {
            assert!(!ends_properly(&whole[..whole.len() - cut]), "{cut}");
        }
        assert!(!ends_properly(b""));
    }
}
