//! Parts of a product that any thread makes.
//!
//! Shapes: `R` rows, `O` outputs, of which a part has `o`.

use std::ops::Range;

use super::crew::together;

/// The fewest values of a matrix that a thread takes at a time, about.
const SHARE: usize = 1 << 16;
/// The most, as others wait for the last of them.
const LARGE_SHARE: usize = 1 << 20;
/// Shares of a thread, where they are neither too small nor too large: as some take longer than others.
const SHARES: usize = 16;
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
    let threads = rayon::current_num_threads();
    let least = (SHARE / values.max(1)).max(1);
    let most = (LARGE_SHARE / values.max(1)).max(1);
    let share = (count / (SHARES * threads)).clamp(least, most);
    // As many for each thread: others would wait for the one that has one more.
    let share = count.div_ceil(count.div_ceil(share).next_multiple_of(threads));
    let range = move |index: usize| index * share..((index + 1) * share).min(count);
    together(count.div_ceil(share), move |index| part(range(index)))
}
