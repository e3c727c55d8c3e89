//! The types of tensors: how many values a block has, and how many bytes.

use std::fmt;

/// The type of a tensor's values. A row consists of blocks, which for floats are single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// The upper half of 32-bit floats.
    Bf16,
    /// 4 bits and a scale.
    Q4_0,
    /// 4 bits, a scale and a minimum.
    Q4_1,
    /// 5 bits and a scale.
    Q5_0,
    /// 5 bits, a scale and a minimum.
    Q5_1,
    /// 8 bits and a scale.
    Q8_0,
    /// 4 bits, and a scale and a minimum of 6 bits for each 32 values.
    Q4K,
    /// 5 bits, the same scales.
    Q5K,
    /// 6 bits, and a scale of 8 bits for each 16 values.
    Q6K,
}

/// A type's number in a file, its name, the values of a block and the bytes of a block.
type Fact = (BlockType, u32, &'static str, usize, usize);

const FACTS: [Fact; 11] = [
    (BlockType::F32, 0, "F32", 1, 4),
    (BlockType::F16, 1, "F16", 1, 2),
    (BlockType::Bf16, 30, "BF16", 1, 2),
    (BlockType::Q4_0, 2, "Q4_0", 32, 18),
    (BlockType::Q4_1, 3, "Q4_1", 32, 20),
    (BlockType::Q5_0, 6, "Q5_0", 32, 22),
    (BlockType::Q5_1, 7, "Q5_1", 32, 24),
    (BlockType::Q8_0, 8, "Q8_0", 32, 34),
    (BlockType::Q4K, 12, "Q4_K", 256, 144),
    (BlockType::Q5K, 13, "Q5_K", 256, 176),
    (BlockType::Q6K, 14, "Q6_K", 256, 210),
];

impl BlockType {
    /// The values of the largest block.
    pub(crate) const MAX_VALUES: usize = 256;

    /// The type with this number.
    pub(super) fn of(number: u32) -> Option<Self> {
        FACTS.iter().find(|fact| fact.1 == number).map(|fact| fact.0)
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        FACTS.iter().find(|fact| fact.2 == name).map(|fact| fact.0)
    }

    /// All names, for messages.
    pub(super) fn known() -> String {
        let names: Vec<&str> = FACTS.iter().map(|fact| fact.2).collect();
        names.join(", ")
    }

    fn fact(self) -> &'static Fact {
        // Every type has a line.
        FACTS.iter().find(|fact| fact.0 == self).unwrap_or(&FACTS[0])
    }

    /// The number that files have for it.
    pub(super) fn number(self) -> u32 {
        self.fact().1
    }

    /// The name, such as `Q4_K`.
    pub fn name(self) -> &'static str {
        self.fact().2
    }

    /// Whether a value has fewer bits than a float of 16.
    pub fn is_few_bits(self) -> bool {
        self.values() > 1
    }

    /// Where the 16-bit floats of a block are: its scale, and what is added or taken away.
    pub(crate) fn halves(self) -> &'static [usize] {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => &[],
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 => &[0],
            Self::Q4_1 | Self::Q5_1 | Self::Q4K | Self::Q5K => &[0, 2],
            Self::Q6K => &[208],
        }
    }

    /// Values of a block.
    pub fn values(self) -> usize {
        self.fact().3
    }

    /// Bytes of a block.
    pub fn bytes(self) -> usize {
        self.fact().4
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_line() {
        for (index, (kind, number, name, values, bytes)) in FACTS.into_iter().enumerate() {
            assert_eq!((BlockType::of(number), BlockType::named(name)), (Some(kind), Some(kind)));
            assert_eq!((kind.name(), kind.values(), kind.bytes()), (name, values, bytes));
            assert!(values <= BlockType::MAX_VALUES);
            assert!(FACTS[..index].iter().all(|other| other.0 != kind), "{name} is there twice");
        }
        assert_eq!(BlockType::of(4), None);
    }
}
