//! What a matrix is applied to, as whole numbers of eight bits with a scale for each 32 of them.

use super::format::{GROUP, PART};
use crate::nn::host::lanes::{Kernel, LANES, Lanes, run};

/// Rows of values in eight bits. What fills the last group of a row up is zeros.
#[derive(Debug)]
pub(super) struct Activations {
    /// `[R, groups]`.
    groups: Vec<RowGroup>,
    /// `I`.
    pub(super) width: usize,
}

/// A group of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowGroup {
    pub(super) codes: [[i8; PART]; GROUP],
    /// What the whole numbers are multiplied by.
    pub(super) scales: [f32; GROUP],
    /// The sums of the values that they stand for.
    pub(super) sums: [f32; GROUP],
    /// Of each part [`less`].
    pub(super) less: [[i32; 3]; GROUP],
}

impl RowGroup {
    const EMPTY: Self =
        Self { codes: [[0; PART]; GROUP], scales: [0.0; GROUP], sums: [0.0; GROUP], less: [[0; 3]; GROUP] };
}

impl Activations {
    /// Of `values` `[R, width]`, whose width is a multiple of 32. Values that are no numbers make no numbers of their row.
    pub(super) fn new(values: &[f32], width: usize) -> Self {
        let mut groups = vec![RowGroup::EMPTY; values.len() / width * width.div_ceil(GROUP * PART)];
        run(Fill { groups: &mut groups, values, width });
        Self { groups, width }
    }

    /// The rows.
    pub(super) fn rows(&self) -> usize {
        self.groups.len() / self.groups_of_row()
    }

    /// The groups of row `row`.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[RowGroup] {
        let groups = self.groups_of_row();
        &self.groups[row * groups..(row + 1) * groups]
    }

    /// Groups of a row.
    #[inline(always)]
    pub(super) fn groups_of_row(&self) -> usize {
        self.width.div_ceil(GROUP * PART)
    }
}

/// Fills the groups of all rows.
struct Fill<'a> {
    groups: &'a mut [RowGroup],
    values: &'a [f32],
    width: usize,
}

impl Kernel for Fill<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let values = self.values.chunks_exact(self.width).flat_map(|row| row.chunks(GROUP * PART));
        for (group, values) in self.groups.iter_mut().zip(values) {
            for (part, values) in values.chunks_exact(PART).enumerate() {
                let (codes, scale, sum) = quantized(values);
                (group.codes[part], group.scales[part], group.sums[part]) = (codes, scale, sum);
                group.less[part] = less(&codes);
            }
        }
    }
}

/// What a sum of products begins with where 128 is added to the other side: of a whole part, of its first half, of its second.
#[inline(always)]
pub(super) fn less(codes: &[i8; PART]) -> [i32; 3] {
    let (first, second) = codes.split_at(PART / 2);
    let of = |codes: &[i8]| -128 * codes.iter().map(|&code| i32::from(code)).sum::<i32>();
    let (first, second) = (of(first), of(second));
    [first + second, first, second]
}

/// The whole numbers of 32 values, their scale and their sum.
#[inline(always)]
pub(super) fn quantized(values: &[f32]) -> ([i8; PART], f32, f32) {
    // Eight at a time, as the order of a maximum, and of sums, is kept otherwise.
    let (mut sizes, mut nothing) = ([0.0; LANES], [0.0; LANES]);
    for values in values.as_chunks::<LANES>().0 {
        for ((size, nothing), value) in sizes.iter_mut().zip(&mut nothing).zip(values) {
            *size = if value.abs() > *size { value.abs() } else { *size };
            *nothing += value * 0.0;
        }
    }
    let largest = sizes.iter().fold(0.0, |largest: f32, &size| largest.max(size));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut codes = [0; PART];
    for (code, &value) in codes.iter_mut().zip(values) {
        // Between -127 and 127.
        *code = round(value * inverse);
    }
    let sum: i32 = codes.iter().map(|&code| i32::from(code)).sum();
    // What is no number is larger than none, but is not nothing times nothing.
    let scale = if nothing.iter().sum::<f32>() == 0.0 { largest / 127.0 } else { f32::NAN };
    (codes, scale, scale * sum as f32)
}

/// The nearest whole number of a value between -127 and 127.
#[inline(always)]
fn round(value: f32) -> i8 {
    /// Added, it leaves no bits for what is behind the point, and the lowest eight are the number.
    const ROUND: f32 = 12_582_912.0;
    (value + ROUND).to_bits() as i8
}
