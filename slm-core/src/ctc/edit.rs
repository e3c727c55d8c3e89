//! The fewest edits that turn one sequence into another.
//!
//! Paper: Wagner and Fischer 1974, *The String-to-String Correction Problem*.

/// One step from a reference to a hypothesis, by index into each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Both have it.
    Same(usize, usize),
    /// Another stands in its place.
    Substitution(usize, usize),
    /// Only the reference has it.
    Deletion(usize),
    /// Only the hypothesis has it.
    Insertion(usize),
}

/// The fewest edits from `reference` to `hypothesis`, in order.
///
/// Where several ways are equally short it is the one that rapidfuzz 3 and so jiwer 4 report: what both share at the
/// ends is the same; between, traced from the end, a deletion wherever one fits, then an insertion where it is cheaper,
/// else a pair.
pub fn edits<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Vec<Edit> {
    let pairs = || reference.iter().zip(hypothesis);
    let head = pairs().take_while(|(a, b)| a == b).count();
    let most = reference.len().min(hypothesis.len()) - head;
    let tail =
        reference.iter().rev().zip(hypothesis.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (rows, columns) = (reference.len() - head - tail, hypothesis.len() - head - tail);

    let width = columns + 1;
    let mut cost: Vec<usize> = (0..width).collect();
    cost.reserve_exact(rows * width);
    for i in 0..rows {
        let above = i * width;
        cost.push(i + 1);
        for j in 0..columns {
            let replaced = cost[above + j] + usize::from(reference[head + i] != hypothesis[head + j]);
            let deleted = cost[above + j + 1] + 1;
            let inserted = cost[above + width + j] + 1;
            cost.push(replaced.min(deleted).min(inserted));
        }
    }
    let at = |i: usize, j: usize| cost[i * width + j];

    let mut steps: Vec<Edit> =
        (0..tail).map(|k| Edit::Same(reference.len() - 1 - k, hypothesis.len() - 1 - k)).collect();
    let (mut i, mut j) = (rows, columns);
    while i > 0 || j > 0 {
        if j == 0 || (i > 0 && at(i, j) == at(i - 1, j) + 1) {
            i -= 1;
            steps.push(Edit::Deletion(head + i));
        } else if i == 0 || at(i - 1, j - 1) == at(i, j - 1) + 1 {
            j -= 1;
            steps.push(Edit::Insertion(head + j));
        } else {
            (i, j) = (i - 1, j - 1);
            let (a, b) = (head + i, head + j);
            let same = reference[a] == hypothesis[b];
            steps.push(if same { Edit::Same(a, b) } else { Edit::Substitution(a, b) });
        }
    }
    steps.extend((0..head).rev().map(|k| Edit::Same(k, k)));
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_lead_from_one_to_the_other() {
        let reference = ["the", "cat", "sat", "on", "the", "mat"];
        let hypothesis = ["a", "cat", "sat", "the", "mat", "now"];
        assert_eq!(
            edits(&reference, &hypothesis),
            [
                Edit::Substitution(0, 0),
                Edit::Same(1, 1),
                Edit::Same(2, 2),
                Edit::Deletion(3),
                Edit::Same(4, 3),
                Edit::Same(5, 4),
                Edit::Insertion(5)
            ]
        );
        assert_eq!(edits::<u8>(&[], &[]), []);
        assert_eq!(edits(&[1], &[]), [Edit::Deletion(0)]);
        assert_eq!(edits(&[], &[1]), [Edit::Insertion(0)]);
        assert_eq!(edits(&[1, 1], &[1]), [Edit::Same(0, 0), Edit::Deletion(1)]);
    }
}
