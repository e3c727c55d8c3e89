//! Parts of products that any thread makes.
//!
//! What several matrices make of the same rows is one job: between two jobs all threads wait for the last part of the first.
//! Shapes: `R` rows, `O` outputs of a matrix, of which a part has `o`.

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

/// `[R, O]` for each matrix, given how many outputs each has, or groups of outputs. `part` makes that of a range of those of one matrix,
/// `[R, o]`, with all threads where that pays. What it reads for one of them has `width` values.
pub(in crate::nn) fn in_parts(
    [rows, width]: [usize; 2],
    outputs: &[usize],
    part: impl Fn(usize, Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<Vec<f32>> {
    let products = parted(outputs, width, rows * width, part);
    products.into_iter().map(|parts| side_by_side(parts, rows)).collect()
}

/// `[R, O]` of the parts `[R, o]`.
fn side_by_side(mut parts: Vec<Vec<f32>>, rows: usize) -> Vec<f32> {
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

/// For each of `counts`, what `part` makes of ranges that are all of it, in their order, with all threads where that pays. For each
/// in a range it reads `values` values and makes `products` products.
pub(super) fn parted(
    counts: &[usize],
    values: usize,
    products: usize,
    part: impl Fn(usize, Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<Vec<Vec<f32>>> {
    let mut left: usize = counts.iter().sum();
    if left * products < ALONE {
        return counts.iter().enumerate().map(|(of, &count)| vec![part(of, 0..count)]).collect();
    }
    let least = (SHARE / values.max(1)).max(1);
    let most = (LARGE_SHARE / values.max(1)).max(1);
    // Large at first, as memory is read fastest in its order, then smaller and smaller, so that all threads end at about the same time.
    let mut ranges = Vec::new();
    for (of, &count) in counts.iter().enumerate() {
        let mut start = 0;
        while start < count {
            let share = (left / (SHARES * rayon::current_num_threads())).clamp(least, most);
            let end = (start + share).min(count);
            ranges.push((of, start..end));
            left -= end - start;
            start = end;
        }
    }
    let mut of_counts = vec![Vec::new(); counts.len()];
    let owners: Vec<usize> = ranges.iter().map(|(of, _)| *of).collect();
    let made = together(ranges.len(), move |index| {
        let (of, range) = &ranges[index];
        part(*of, range.clone())
    });
    for (of, made) in owners.into_iter().zip(made) {
        of_counts[of].push(made);
    }
    of_counts
}
