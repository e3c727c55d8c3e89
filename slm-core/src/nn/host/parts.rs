//! Parts of a product that any thread makes.
//!
//! Shapes: `R` rows, `O` outputs, of which a part has `o`.

use std::ops::Range;

use super::crew::together;

/// The fewest values of a matrix that a thread takes at a time, about: as long as others wait for the last of them.
const SHARE: usize = 1 << 14;
/// The most.
const LARGE_SHARE: usize = 1 << 20;
/// Shares of a thread in what is left.
const SHARES: usize = 2;
/// For fewer products one thread is enough.
const ALONE: usize = 1 << 17;

/// `[R, O]`, of which `part` makes that of a range of outputs, or of groups of them, `[R, o]`, with all threads where that pays.
/// What it reads for one of the range has `width` values.
pub(in crate::nn) fn in_parts(
    [rows, width, outputs]: [usize; 3],
    part: impl Fn(Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<f32> {
    let mut parts = parted(outputs, width, rows * width, part);
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for row in 0..rows {
        for part in &parts {
            let outputs = part.len() / rows;
            all.extend_from_slice(&part[row * outputs..(row + 1) * outputs]);
        }
    }
    all
}

/// What `part` makes of ranges that are all of `count`, in their order, with all threads where that pays. For each of them it reads
/// `values` values and makes `products` products.
pub(super) fn parted(
    count: usize,
    values: usize,
    products: usize,
    part: impl Fn(Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<Vec<f32>> {
    if count * products < ALONE {
        return vec![part(0..count)];
    }
    let least = (SHARE / values.max(1)).max(1);
    let most = (LARGE_SHARE / values.max(1)).max(1);
    // Large at first, as memory is read fastest in its order, then smaller and smaller, so that all threads end at about the same time.
    let mut ends = vec![0];
    let mut start = 0;
    while start < count {
        let left = count - start;
        start += (left / (SHARES * rayon::current_num_threads())).clamp(least, most).min(left);
        ends.push(start);
    }
    together(ends.len() - 1, move |index| part(ends[index]..ends[index + 1]))
}
