//! Values in another type, and whether all of them are numbers.

use burn::tensor::{DType, TensorData};
use half::{bf16, f16};

use crate::checkpoint::tensors::unmoved;

/// `data` in the type `dtype`. From 32 bits to 16 it is done in place, so that a large matrix is not there twice.
pub(super) fn converted(data: TensorData, dtype: DType) -> TensorData {
    let narrow: fn(f32) -> [u8; 2] = match (data.dtype(), dtype) {
        (DType::F32, DType::F16) => |value| f16::from_f32(value).to_ne_bytes(),
        (DType::F32, DType::BF16) => |value| bf16::from_f32(value).to_ne_bytes(),
        _ => return data.convert_dtype(dtype),
    };
    let (bytes, shape, from) = data.into_parts();
    let mut bytes = match bytes.try_into_vec::<u8>() {
        Ok(bytes) => bytes,
        Err(bytes) => return TensorData::from_bytes(bytes, shape, from).convert_dtype(dtype),
    };
    let count = bytes.len() / 4;
    for i in 0..count {
        let wide = [bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]];
        bytes[2 * i..2 * i + 2].copy_from_slice(&narrow(f32::from_ne_bytes(wide)));
    }
    bytes.truncate(2 * count);
    bytes.shrink_to_fit();
    TensorData::from_bytes(unmoved(bytes), shape, dtype)
}

/// How many values are not finite, and the index of the first; `None` when all are.
pub(super) fn non_finite(data: &TensorData) -> Option<(usize, usize)> {
    fn of<T: Copy>(values: &[T], is_finite: impl Fn(T) -> bool) -> Option<(usize, usize)> {
        let first = values.iter().position(|&v| !is_finite(v))?;
        Some((values[first..].iter().filter(|&&v| !is_finite(v)).count(), first))
    }
    match data.dtype() {
        DType::F32 => data.as_slice().ok().and_then(|values| of(values, f32::is_finite)),
        DType::F64 => data.as_slice().ok().and_then(|values| of(values, f64::is_finite)),
        DType::F16 => data.as_slice().ok().and_then(|values| of(values, f16::is_finite)),
        _ => data.as_slice().ok().and_then(|values| of(values, bf16::is_finite)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Bytes;

    #[test]
    fn in_place_is_as_beside() {
        let values: Vec<f32> = (0..1001).map(|i| ((i * 37) as f32).sin() * 10_f32.powi(i % 9 - 6)).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        for dtype in [DType::F16, DType::BF16, DType::F32] {
            let data = |bytes| TensorData::from_bytes(bytes, [7, 143], DType::F32);
            let found = converted(data(unmoved(bytes.clone())), dtype);
            let expected = data(Bytes::from_elems(values.clone())).convert_dtype(dtype);
            assert_eq!(found.dtype(), dtype);
            assert_eq!(found.bytes(), expected.bytes());
            // Values that do not come as bytes alone go the other way, to the same end.
            assert_eq!(converted(data(Bytes::from_elems(values.clone())), dtype).bytes(), expected.bytes());
        }
    }
}
