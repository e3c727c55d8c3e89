//! How a module's tensors are kept: as floats, or in blocks of few bits.

use burn::tensor::DType;

use super::path::ModulePath;
use crate::checkpoint::gguf::BlockType;

/// How a tensor is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As floats.
    Floats(DType),
    /// In blocks of few bits.
    Blocks(BlockType),
}

/// What is asked for of the large matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Floats of a type.
    Floats(DType),
    /// Blocks of a type.
    Blocks(BlockType),
    /// The blocks that the files have, and f32 for all else.
    Stored,
}

/// What a tensor is to its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A large matrix.
    Matrix,
    /// A large matrix whose inputs may be too large for 16 bits.
    Wide,
    /// A large matrix that says which token comes next, where the values of a row are looked at alone.
    Tokens,
    /// Anything else.
    Other,
}

/// A tensor, as far as it decides how it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) role: Role,
    /// The shape that a file has.
    pub(super) shape: Vec<usize>,
    /// The blocks that a file has it in.
    pub(super) stored: Option<BlockType>,
}

impl Role {
    /// That of the tensor at `path`.
    pub(super) fn of(path: &ModulePath) -> Self {
        match (path.is_matrix(), path.is_wide()) {
            (true, _) if path.is_of_tokens() => Self::Tokens,
            (true, _) => Self::Matrix,
            (false, true) => Self::Wide,
            (false, false) => Self::Other,
        }
    }
}

impl Candidate {
    /// How it is kept.
    pub(super) fn kept(&self, asked: Asked) -> Kept {
        let is_halved = matches!(self.role, Role::Matrix | Role::Tokens);
        match (asked, self.stored) {
            (Asked::Floats(dtype), _) if is_halved => Kept::Floats(dtype),
            (Asked::Floats(_), _) | (Asked::Stored, None) => Kept::FULL,
            (Asked::Blocks(kind), _) | (Asked::Stored, Some(kind)) => self.in_blocks(kind),
        }
    }

    /// In the blocks that it has in the file, or those of the type `wanted`, or of 8 bits, as its rows allow.
    fn in_blocks(&self, wanted: BlockType) -> Kept {
        let wanted = match self.role {
            Role::Other => return Kept::FULL,
            Role::Tokens => BlockType::Q8_0,
            Role::Matrix | Role::Wide => wanted,
        };
        let width = matrix_shape(&self.shape)[1];
        let mut kinds = self.stored.into_iter().chain([wanted, BlockType::Q8_0]);
        let found = kinds.find(|kind| width > 0 && width.is_multiple_of(kind.values()));
        found.map_or(Kept::FULL, Kept::Blocks)
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self, asked: Asked) -> u64 {
        self.kept(asked).bytes(self.shape.iter().map(|&size| size as u64).product())
    }
}

impl Kept {
    /// Floats of 32 bits.
    pub(super) const FULL: Self = Self::Floats(DType::F32);

    /// Bytes of a tensor of so many values.
    pub(super) fn bytes(self, values: u64) -> u64 {
        match self {
            Self::Floats(dtype) => values * dtype.size() as u64,
            Self::Blocks(kind) => values / kind.values() as u64 * kind.bytes() as u64,
        }
    }

    /// Of this and `other` the one that keeps values more exactly.
    pub(super) fn more_exact(self, other: Self) -> Self {
        let bytes = |kept: Self| kept.bytes(BlockType::MAX_VALUES as u64);
        if bytes(other) > bytes(self) { other } else { self }
    }
}

/// Rows and columns of a matrix that a file has in this shape; a convolution of kernel 1 is one too.
pub(super) fn matrix_shape(shape: &[usize]) -> [usize; 2] {
    let (rows, columns) = shape.split_first().unwrap_or((&0, &[]));
    [*rows, columns.iter().product()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(role: Role, shape: &[usize], stored: Option<BlockType>, asked: Asked) -> Kept {
        Candidate { role, shape: shape.to_vec(), stored }.kept(asked)
    }

    #[test]
    fn role_rows_and_file_decide() {
        let (f16, four) = (Asked::Floats(DType::F16), Asked::Blocks(BlockType::Q4K));
        let (half, wide) = (Kept::Floats(DType::F16), [8, 512]);
        for (role, shape, stored, asked, expected) in [
            (Role::Matrix, &wide[..], None, f16, half),
            (Role::Tokens, &wide, Some(BlockType::Q5K), f16, half),
            (Role::Wide, &wide, None, f16, Kept::FULL),
            (Role::Other, &wide, None, f16, Kept::FULL),
            (Role::Matrix, &wide, None, four, Kept::Blocks(BlockType::Q4K)),
            (Role::Wide, &[8, 512, 1], None, four, Kept::Blocks(BlockType::Q4K)),
            (Role::Tokens, &wide, None, four, Kept::Blocks(BlockType::Q8_0)),
            (Role::Tokens, &wide, Some(BlockType::Q4_1), four, Kept::Blocks(BlockType::Q4_1)),
            (Role::Matrix, &[8, 96], None, four, Kept::Blocks(BlockType::Q8_0)),
            (Role::Matrix, &[8, 24], None, four, Kept::FULL),
            (Role::Other, &wide, Some(BlockType::Q8_0), four, Kept::FULL),
            (Role::Matrix, &wide, None, Asked::Stored, Kept::FULL),
            (Role::Tokens, &wide, Some(BlockType::Q4_0), Asked::Stored, Kept::Blocks(BlockType::Q4_0)),
            (Role::Other, &wide, Some(BlockType::Q4_0), Asked::Stored, Kept::FULL),
        ] {
            assert_eq!(kept(role, shape, stored, asked), expected, "{role:?} {shape:?} {stored:?} {asked:?}");
        }
    }

    #[test]
    fn floats_are_more_exact_than_blocks() {
        let [q4, q8] = [BlockType::Q4K, BlockType::Q8_0].map(Kept::Blocks);
        assert_eq!((q4.more_exact(q8), q8.more_exact(q4)), (q8, q8));
        assert_eq!((q8.more_exact(Kept::FULL), Kept::FULL.more_exact(q8)), (Kept::FULL, Kept::FULL));
    }
}
