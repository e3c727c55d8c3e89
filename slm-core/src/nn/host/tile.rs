//! Tiles of a product of floats: some rows times some outputs, whose sums stay in registers.

/// Makes tiles of `R` rows and `O` outputs.
pub(super) trait Tile<const R: usize, const O: usize> {
    /// The products of each row with each output, all of one length. Meanwhile memory is asked for `next`.
    fn products<W>(&self, x: [&[f32]; R], weights: [&[f32]; O], next: [&[W]; O]) -> [[f32; O]; R];
}
