//! The values of tensors that lie in this process's memory, read where they are.
//!
//! [`Tensor::into_data`] copies what another tensor shares, and with one thread; a tensor of `flex` itself can be looked into.

#[cfg(feature = "flex")]
pub(super) use on_flex::Heads;
#[cfg(feature = "flex")]
pub(in crate::nn) use on_flex::Values;
#[cfg(not(feature = "flex"))]
pub(super) use without_flex::Heads;
#[cfg(not(feature = "flex"))]
pub(in crate::nn) use without_flex::Values;

/// Rows of values, of one width, at equal distances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    values: &'a [f32],
    stride: usize,
    /// How many they are.
    pub(super) count: usize,
    /// Values of each.
    pub(super) width: usize,
}

impl<'a> Rows<'a> {
    /// Row `at`.
    #[inline(always)]
    pub(super) fn row(&self, at: usize) -> &'a [f32] {
        &self.values[at * self.stride..][..self.width]
    }
}

#[cfg(feature = "flex")]
mod on_flex {
    use burn::backend::Flex;
    use burn::backend::tensor::FloatTensor;
    use burn::prelude::*;
    use rayon::prelude::*;

    use super::Rows;
    use crate::nn::host::CHUNK;

    /// The f32 values of a tensor of `flex`, in the order of its dimensions. Clones share them until one is written to.
    #[derive(Clone, Debug)]
    pub(in crate::nn) struct Values(FloatTensor<Flex>);

    impl Values {
        /// Those of `x`, which is [here](crate::nn::host::is_here); a view in another order is copied.
        pub(in crate::nn) fn of<const D: usize>(x: Tensor<D>) -> Self {
            match x.try_into_primitive::<Flex>() {
                Ok(x) if x.is_contiguous() => Self(x),
                Ok(x) => Self(x.to_contiguous()),
                Err(error) => unreachable!("a tensor that is here is of `flex`: {error:?}"),
            }
        }

        /// Those that are given, of a shape that has as many.
        pub(in crate::nn) fn new(values: Vec<f32>, shape: &[usize]) -> Self {
            Self(FloatTensor::<Flex>::from_data(TensorData::new(values, shape.to_vec())))
        }

        /// The dimensions of three.
        pub(in crate::nn) fn dims(&self) -> [usize; 3] {
            self.0.layout().shape().dims()
        }

        pub(in crate::nn) fn get(&self) -> &[f32] {
            self.0.as_slice().unwrap_or_default()
        }

        /// To be written to; copied before where another tensor shares them.
        pub(in crate::nn) fn get_mut(&mut self) -> &mut [f32] {
            if !self.0.is_unique() {
                let from = self.get();
                let mut own = vec![0.0; from.len()];
                own.par_chunks_mut(CHUNK)
                    .zip(from.par_chunks(CHUNK))
                    .for_each(|(to, from)| to.copy_from_slice(from));
                *self = Self::new(own, self.0.layout().shape());
            }
            let (start, end) = self.0.layout().contiguous_offsets().unwrap_or_default();
            self.0.storage_mut().get_mut(start..end).unwrap_or_default()
        }

        pub(in crate::nn) fn into_tensor<const D: usize>(self) -> Tensor<D> {
            Tensor::from_primitive::<Flex>(self.0)
        }
    }

    /// The f32 values of a tensor `[B, G, S, K]` of `flex`, rows of `K` wherever they lie.
    #[derive(Clone, Debug)]
    pub(in crate::nn::host) struct Heads {
        tensor: FloatTensor<Flex>,
        /// From one row `B`, head `G` and position `S` to the next.
        strides: [usize; 3],
    }

    impl Heads {
        /// Those of `x`, which is [here](crate::nn::host::is_here). A view whose rows are no rows of memory is copied.
        pub(in crate::nn::host) fn of(x: Tensor<4>) -> Self {
            let tensor = match x.try_into_primitive::<Flex>() {
                Ok(x) if in_memory(&x).is_some() => x,
                Ok(x) => x.to_contiguous(),
                Err(error) => unreachable!("a tensor that is here is of `flex`: {error:?}"),
            };
            let strides = in_memory(&tensor).unwrap_or_default();
            Self { tensor, strides }
        }

        /// `S` and `K`.
        pub(in crate::nn::host) fn rows(&self) -> (usize, usize) {
            let [_, _, count, width] = self.tensor.layout().shape().dims();
            (count, width)
        }

        /// The positions of a head of a row.
        pub(in crate::nn::host) fn head(&self, row: usize, head: usize) -> Rows<'_> {
            let (count, width) = self.rows();
            let start = self.tensor.layout().start_offset() + row * self.strides[0] + head * self.strides[1];
            let values = self.tensor.storage().get(start..).unwrap_or_default();
            Rows { values, stride: self.strides[2], count, width }
        }
    }

    /// The strides of the first three dimensions, where the values of the last lie side by side.
    fn in_memory(x: &FloatTensor<Flex>) -> Option<[usize; 3]> {
        let layout = x.layout();
        let &[row, head, position, value] = layout.strides() else { return None };
        let [_, _, _, width] = layout.shape().dims();
        if value != 1 && width != 1 {
            return None;
        }
        let [row, head, position] = [row, head, position].map(|stride| usize::try_from(stride).ok());
        Some([row?, head?, position?])
    }
}

/// Without that backend no tensor is here, and nothing asks for values.
#[cfg(not(feature = "flex"))]
mod without_flex {
    use burn::prelude::*;

    use super::Rows;

    /// Values in the order of a tensor's dimensions.
    #[derive(Clone, Debug)]
    pub(in crate::nn) struct Values {
        values: Vec<f32>,
        shape: Vec<usize>,
    }

    impl Values {
        pub(in crate::nn) fn of<const D: usize>(x: Tensor<D>) -> Self {
            let shape = x.dims().to_vec();
            Self { values: x.into_data().try_to_vec().unwrap_or_default(), shape }
        }

        pub(in crate::nn) fn new(values: Vec<f32>, shape: &[usize]) -> Self {
            Self { values, shape: shape.to_vec() }
        }

        pub(in crate::nn) fn dims(&self) -> [usize; 3] {
            std::array::from_fn(|dim| self.shape.get(dim).copied().unwrap_or(1))
        }

        pub(in crate::nn) fn get(&self) -> &[f32] {
            &self.values
        }

        pub(in crate::nn) fn get_mut(&mut self) -> &mut [f32] {
            &mut self.values
        }

        pub(in crate::nn) fn into_tensor<const D: usize>(self) -> Tensor<D> {
            Tensor::from_data(TensorData::new(self.values, self.shape), &Device::default())
        }
    }

    /// Rows of the values of a tensor `[B, G, S, K]`.
    #[derive(Clone, Debug)]
    pub(in crate::nn::host) struct Heads {
        values: Values,
        dims: [usize; 4],
    }

    impl Heads {
        pub(in crate::nn::host) fn of(x: Tensor<4>) -> Self {
            let dims = x.dims();
            Self { values: Values::of(x), dims }
        }

        pub(in crate::nn::host) fn rows(&self) -> (usize, usize) {
            let [_, _, count, width] = self.dims;
            (count, width)
        }

        pub(in crate::nn::host) fn head(&self, row: usize, head: usize) -> Rows<'_> {
            let (count, width) = self.rows();
            let values = &self.values.get()[(row * self.dims[1] + head) * count * width..];
            Rows { values, stride: width, count, width }
        }
    }
}

impl Values {
    /// So many zeros.
    pub(in crate::nn) fn zeros(shape: &[usize]) -> Self {
        Self::new(vec![0.0; shape.iter().product()], shape)
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::prelude::*;

    use super::*;

    #[test]
    fn values_are_in_the_order_of_the_dimensions_and_clones_are_not_written_to() {
        let device = Device::flex();
        let x = Tensor::<2>::from_data([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device);
        // A view in another order, and one that begins in the middle of its memory.
        assert_eq!(Values::of(x.clone().transpose()).get(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let mut last = Values::of(x.clone().narrow(0, 1, 1));
        assert_eq!(last.get(), [4.0, 5.0, 6.0]);
        last.get_mut()[0] = 9.0;
        assert_eq!(last.into_tensor::<2>().try_into_vec_as::<f32>().unwrap(), [9.0, 5.0, 6.0]);
        let mut values = Values::of(x.clone());
        let before = values.clone();
        values.get_mut()[5] = 0.0;
        assert_eq!((before.get()[5], values.get()[5]), (6.0, 0.0));
        assert_eq!(x.try_into_vec_as::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn memory_of_the_only_holder_is_written_to_where_it_is() {
        let x = Tensor::<1>::from_data([1.0, 2.0], &Device::flex());
        let mut values = Values::of(x);
        let before = values.get().as_ptr();
        assert_eq!(values.get_mut().as_ptr(), before);
        values.get_mut()[1] = 7.0;
        assert_eq!(values.into_tensor::<1>().try_into_vec_as::<f32>().unwrap(), [1.0, 7.0]);
    }
}
