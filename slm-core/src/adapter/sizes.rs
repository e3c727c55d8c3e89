//! What sizes of an adapter may be.

/// The largest size of anything in an adapter.
const MAX_SIZE: usize = 1 << 20;

/// The fields of `sizes` that are 0 or far too large, one text each.
pub(super) fn sizes_out_of_range(sizes: &[(&str, usize)]) -> Vec<String> {
    let problem = |&(name, value): &(&str, usize)| match value {
        0 => Some(format!("`{name}` is 0")),
        1..=MAX_SIZE => None,
        _ => Some(format!("`{name}` is {value}, must be {MAX_SIZE} at most")),
    };
    sizes.iter().filter_map(problem).collect()
}

/// Whether heads divide the width that they share.
pub(super) fn heads_problem(heads: usize, width: usize) -> Option<String> {
    let fits = heads == 0 || width.is_multiple_of(heads);
    (!fits).then(|| format!("`num_heads`: {heads} does not divide `hidden_size` {width}"))
}
