//! A tensor in the form in which a file holds it.

use half::f16;

use super::BlockType;
use super::dequantize::dequantize_block;

/// A tensor in the form in which a file holds it, often some bits a value and a scale for each block of a row. It has no
/// backend and no device: kernels that multiply by such matrices take it as it is, all others what
/// [`Self::dequantize`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantized {
    kind: BlockType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Quantized {
    /// A tensor of this shape, rows first, in these bytes; `None` where they are not as many as it takes.
    pub fn new(kind: BlockType, shape: Vec<usize>, bytes: Vec<u8>) -> Option<Self> {
        let row = shape.last()?;
        let values = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))?;
        let expected = (values / kind.values()).checked_mul(kind.bytes())?;
        let fits = row.is_multiple_of(kind.values()) && bytes.len() == expected;
        fits.then_some(Self { kind, shape, bytes })
    }

    /// The same in another shape; `None` where it takes other bytes.
    pub fn reshaped(self, shape: Vec<usize>) -> Option<Self> {
        Self::new(self.kind, shape, self.bytes)
    }

    /// The type of its values.
    pub fn kind(&self) -> BlockType {
        self.kind
    }

    /// The shape, rows first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The bytes, row after row, block after block.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Values of a row: the last size of the shape.
    pub fn row_values(&self) -> usize {
        self.shape.last().copied().unwrap_or_default()
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_values() / self.kind.values() * self.kind.bytes()
    }

    /// How many rows there are; a vector is one.
    pub fn rows(&self) -> usize {
        self.shape.iter().rev().skip(1).product()
    }

    /// The first block whose scale, or what is added to its values, is no finite number.
    pub fn first_without_scale(&self) -> Option<usize> {
        let is_finite = |block: &[u8]| {
            self.kind.halves().iter().all(|&at| f16::from_le_bytes([block[at], block[at + 1]]).is_finite())
        };
        self.bytes.chunks_exact(self.kind.bytes()).position(|block| !is_finite(block))
    }

    /// All values, in the order of the shape.
    pub fn dequantize(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.shape.iter().product());
        self.each_block(|block| values.extend_from_slice(block));
        values
    }

    /// The bytes of all values as f32, in this machine's order. The values are never there beside them.
    pub fn dequantize_to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 * self.shape.iter().product::<usize>());
        self.each_block(|block| {
            bytes.extend(block.iter().flat_map(|value| value.to_ne_bytes()));
        });
        bytes
    }

    /// Calls `take` with the values of each block.
    fn each_block(&self, mut take: impl FnMut(&[f32])) {
        let mut values = [0.0; BlockType::MAX_VALUES];
        let values = &mut values[..self.kind.values()];
        for block in self.bytes.chunks_exact(self.kind.bytes()) {
            dequantize_block(self.kind, block, values);
            take(values);
        }
    }

    /// The same with the entries of its first axis in another order: entry `i` is what was entry `order(i)`. Of a matrix
    /// these are the rows, and they move as they are. `None` where blocks hold several entries, or `order` names one
    /// that is not there.
    pub(super) fn reordered(self, order: impl Fn(usize) -> usize) -> Option<Self> {
        let entries = *self.shape.first()?;
        if entries == 0 {
            return Some(self);
        }
        if self.shape.len() == 1 && self.kind.values() > 1 {
            return None;
        }
        let size = self.bytes.len() / entries;
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for entry in (0..entries).map(order) {
            bytes.extend_from_slice(self.bytes.get(entry.checked_mul(size)?..(entry + 1) * size)?);
        }
        Some(Self { bytes, ..self })
    }

    /// The same as f32, less one.
    pub(super) fn less_one(self) -> Self {
        let values = self.dequantize().into_iter();
        let bytes = values.flat_map(|value| (value - 1.0).to_le_bytes()).collect();
        Self { kind: BlockType::F32, shape: self.shape, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_as_bytes_and_in_another_order_of_rows() {
        let bytes: Vec<u8> = (0..6 * 34_u32).map(|i| (i * 7 % 60) as u8).collect();
        let matrix = Quantized::new(BlockType::Q8_0, vec![3, 64], bytes.clone()).unwrap();
        assert_eq!((matrix.rows(), matrix.row_values(), matrix.row_bytes()), (3, 64, 68));
        let all = matrix.dequantize();
        assert_eq!(all.len(), 192);
        let as_bytes: Vec<u8> = all.iter().flat_map(|value| value.to_ne_bytes()).collect();
        assert_eq!(matrix.dequantize_to_bytes(), as_bytes);
        let turned = matrix.clone().reordered(|row| 2 - row).unwrap();
        assert_eq!(turned.dequantize()[..64], all[128..]);
        assert_eq!(matrix.reordered(|row| row + 1), None);
    }

    #[test]
    fn bytes_are_those_of_the_shape() {
        assert_eq!(Quantized::new(BlockType::Q4_0, vec![2, 32], vec![0; 35]), None);
        assert_eq!(Quantized::new(BlockType::Q4_0, vec![4, 16], vec![0; 36]), None);
        assert_eq!(Quantized::new(BlockType::F32, vec![], vec![0; 4]), None);
        assert_eq!(Quantized::new(BlockType::F32, vec![usize::MAX, usize::MAX], vec![]), None);
        let vector =
            Quantized::new(BlockType::F32, vec![2], [1.5_f32, 0.0].map(f32::to_le_bytes).concat()).unwrap();
        assert_eq!(vector.rows(), 1);
        assert_eq!(vector.clone().reordered(|i| 1 - i).unwrap().dequantize(), [0.0, 1.5]);
        assert_eq!(vector.less_one().dequantize(), [0.5, -1.0]);
        let packed = Quantized::new(BlockType::Q8_0, vec![32], vec![0; 34]).unwrap();
        assert_eq!(packed.reordered(|i| i), None);
    }
}
