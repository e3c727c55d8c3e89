//! Which items of a corpus are drawn from together.

/// Items that are drawn from together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The place of their source.
    pub source: usize,
    /// Their part of what the source has in an epoch, beside those of its other groups; `None` for all of the source.
    pub share: Option<f64>,
    /// The items.
    pub items: Vec<usize>,
}

/// The items of each source, when `row_of` says of which row an item is, and source `i` has `counts[i]` rows.
pub fn groups(counts: &[usize], row_of: impl Iterator<Item = usize>) -> Vec<Group> {
    let source_of = |row: usize| {
        let ends = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        ends.take_while(|end| *end <= row).count()
    };
    of_sources(counts.len(), row_of.map(source_of))
}

/// The items of each of `count` sources, when `source_of` says of which one each item is.
pub fn of_sources(count: usize, source_of: impl Iterator<Item = usize>) -> Vec<Group> {
    let group = |source| Group { source, share: None, items: Vec::new() };
    let mut groups: Vec<Group> = (0..count).map(group).collect();
    for (item, source) in source_of.enumerate() {
        if let Some(group) = groups.get_mut(source) {
            group.items.push(item);
        }
    }
    groups
}

/// Parts every group by what `kind_of` says of an item, when kind `k` has the weight `weights[k]`: of a kind `n` items count as
/// `n^(1 / temperature)` times its weight. Where all kinds count as their items, nothing changes.
pub fn divided(
    groups: Vec<Group>,
    kind_of: impl Fn(usize) -> usize,
    weights: &[f64],
    temperature: f64,
) -> Vec<Group> {
    let is_one = |value: &f64| (value - 1.0).abs() < f64::EPSILON;
    if is_one(&temperature) && weights.iter().all(is_one) {
        return groups;
    }
    let mut parts = Vec::new();
    for group in groups {
        for (kind, weight) in weights.iter().enumerate() {
            let items: Vec<usize> =
                group.items.iter().copied().filter(|&item| kind_of(item) == kind).collect();
            let share = Some(weight * (items.len() as f64).powf(temperature.recip()));
            if !items.is_empty() {
                parts.push(Group { source: group.source, share, items });
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_grouped_by_source() {
        // Utterances 0 and 1 are of the first source; an utterance may have several items.
        let of = [0, 0, 1, 2, 4];
        assert_eq!(
            groups(&[2, 3], of.into_iter()),
            [
                Group { source: 0, share: None, items: vec![0, 1, 2] },
                Group { source: 1, share: None, items: vec![3, 4] },
            ]
        );
    }

    #[test]
    fn kinds_that_count_as_their_items_are_not_parted() {
        let all = groups(&[2, 1], [0, 1, 2].into_iter());
        assert_eq!(divided(all.clone(), |item| item % 2, &[1.0, 1.0], 1.0), all);
        let parts = divided(all, |item| item % 2, &[1.0, 3.0], 1.0);
        let expected = [(0, 1.0, vec![0]), (0, 3.0, vec![1]), (1, 1.0, vec![2])];
        let found = parts.into_iter().map(|part| (part.source, part.share.unwrap(), part.items));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
