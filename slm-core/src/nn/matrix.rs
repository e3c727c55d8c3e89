//! Matrices that may have fewer bits than what they are applied to: the large weights of frozen models.
//!
//! [`weights::load`](crate::nn::weights::load) keeps the weights of these modules, and of no others, in the type that its
//! [`Placement`](crate::nn::weights::Placement) asks for. Inputs are cast to that type before the product, and its result
//! back to f32; in f32 nothing is cast, nor on `flex`, whose matrices of 16 bits are multiplied with inputs in f32. A [`WideLinear`] is in f32 where 16 bits are asked for. What must stay in f32 whatever
//! is asked for is a module of Burn's own.
//!
//! Thin matrices that lie [beside](crate::nn::low_rank) the matrix of a linear map are applied with it; blocks of few
//! bits, or the same floats where kernels of our own can read them, are multiplied in its place.

use burn::module::Param;
use burn::nn;
use burn::prelude::*;
use burn::tensor::Int;

use super::beside;
use super::few_bits::{FewBits, Orientation};
use super::host::{add, add_bias, is_here};
use super::low_rank::LowRank;
pub(crate) use super::product::full;
use super::product::product;
use super::shared_floats::SharedFloats;

/// A linear map, `[.., I]` to `[.., O]`.
#[derive(Module, Debug)]
pub struct MatrixLinear {
    /// `[I, O]`.
    pub weight: Param<Tensor<2>>,
    /// `[O]`, in f32.
    pub bias: Option<Param<Tensor<1>>>,
}

/// An embedding, ids to rows of a matrix.
#[derive(Module, Debug)]
pub struct MatrixEmbedding {
    /// `[V, D]`.
    pub weight: Param<Tensor<2>>,
}

/// A convolution of kernel 1: a linear map of the channels.
#[derive(Module, Debug)]
pub struct MatrixConv1d {
    /// `[O, I, 1]`.
    pub weight: Param<Tensor<3>>,
    /// `[O]`, in f32.
    pub bias: Option<Param<Tensor<1>>>,
}

/// A linear map, `[.., I]` to `[.., O]`, of values that may be too large for f16.
#[derive(Module, Debug)]
pub struct WideLinear {
    /// `[I, O]`.
    pub weight: Param<Tensor<2>>,
    /// `[O]`, in f32.
    pub bias: Option<Param<Tensor<1>>>,
}

/// The names of the modules with matrices as a module walk tells them.
pub(crate) const CONTAINERS: [&str; 3] =
    ["Struct:MatrixLinear", "Struct:MatrixEmbedding", "Struct:MatrixConv1d"];

/// The name of those whose matrices have 32 bits or few, and not 16.
pub(crate) const WIDE: &str = "Struct:WideLinear";

/// `x` `[.., I]` through a matrix `[I, O]`, the thin matrices beside it and a bias `[O]`, where there are some.
fn mapped<const D: usize>(
    x: Tensor<D>,
    weight: &Param<Tensor<2>>,
    bias: Option<&Param<Tensor<1>>>,
) -> Tensor<D> {
    let y = by_kernel(&x, weight).unwrap_or_else(|| product(x.clone(), without_thin(weight)));
    completed(y, x, weight, bias)
}

/// The product `y` of `x` with a matrix, and what the thin matrices beside it and the bias add, where there are some.
fn completed<const D: usize>(
    y: Tensor<D>,
    x: Tensor<D>,
    weight: &Param<Tensor<2>>,
    bias: Option<&Param<Tensor<1>>>,
) -> Tensor<D> {
    let y = match bias {
        Some(bias) => add_bias(y, bias.val()),
        None => y,
    };
    match thin(weight) {
        Some(thin) => add(y, thin.forward(x)),
        None => y,
    }
}

/// The thin matrices beside a matrix.
fn thin(weight: &Param<Tensor<2>>) -> Option<&LowRank> {
    if let Some(blocks) = weight.reparameterization::<FewBits>() {
        return blocks.thin();
    }
    match weight.reparameterization::<SharedFloats>() {
        Some(shared) => shared.thin(),
        None => weight.reparameterization::<LowRank>(),
    }
}

/// The matrix without them.
fn without_thin(weight: &Param<Tensor<2>>) -> Tensor<2> {
    match weight.reparameterization::<FewBits>() {
        Some(blocks) => blocks.floats(&weight.base()),
        None => weight.base(),
    }
}

/// `x` `[.., I]` times the matrix `[O, I]` that lies beside `weight` for kernels of our own; `None` where there is none, or
/// none for such rows.
fn by_kernel<const D: usize, const E: usize>(x: &Tensor<D>, weight: &Param<Tensor<E>>) -> Option<Tensor<D>> {
    if !is_here(x) {
        return None;
    }
    match weight.reparameterization::<FewBits>() {
        Some(blocks) => Some(blocks.multiply(x)),
        None => weight.reparameterization::<SharedFloats>()?.multiply(x),
    }
}

/// A few rows `x` `[.., I]` times each of the matrices `[O, I]` that lie beside `weights`; `None` where rows are many, or matrices of
/// several kinds.
fn all_by_kernel<const D: usize, const N: usize>(
    x: &Tensor<D>,
    weights: [&Param<Tensor<2>>; N],
) -> Option<[Tensor<D>; N]> {
    if !is_here(x) {
        return None;
    }
    if let Some(blocks) = all_beside(weights, |weight| weight.reparameterization::<FewBits>()) {
        return FewBits::multiply_few(blocks, x);
    }
    let floats = all_beside(weights, |weight| weight.reparameterization::<SharedFloats>())?;
    SharedFloats::multiply_few(floats, x)
}

/// What lies beside all of `weights`.
fn all_beside<'a, R, const N: usize>(
    weights: [&'a Param<Tensor<2>>; N],
    beside: impl Fn(&'a Param<Tensor<2>>) -> Option<&'a R>,
) -> Option<[&'a R; N]> {
    let found: Vec<&R> = weights.into_iter().filter_map(beside).collect();
    found.try_into().ok()
}

impl MatrixLinear {
    /// `[.., I]` to `[.., O]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        mapped(x, &self.weight, self.bias.as_ref())
    }

    /// What each of `maps` makes of the same `x`, `[.., I]` to `[.., O]`. On `flex` the matrices are one job where the rows are few.
    pub fn forward_all<const D: usize, const N: usize>(maps: [&Self; N], x: Tensor<D>) -> [Tensor<D>; N] {
        let products = all_by_kernel(&x, maps.map(|map| &map.weight));
        let mut products = products.map_or([const { None }; N], |products| products.map(Some));
        std::array::from_fn(move |at| {
            let map = maps[at];
            match products[at].take() {
                Some(y) => completed(y, x.clone(), &map.weight, map.bias.as_ref()),
                None => map.forward(x.clone()),
            }
        })
    }
}

impl From<nn::Linear> for MatrixLinear {
    fn from(nn::Linear { weight, bias }: nn::Linear) -> Self {
        Self { weight, bias }
    }
}

impl MatrixEmbedding {
    /// Ids `[B, S]` to rows `[B, S, D]`.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        match self.weight.reparameterization::<FewBits>() {
            Some(blocks) => blocks.rows(ids),
            None => full(burn::tensor::module::embedding(self.weight.val(), ids)),
        }
    }

    /// A linear map by the same matrix, which it shares, `[.., D]` to `[.., V]`.
    pub(crate) fn head(&self) -> MatrixLinear {
        let weight = Param::from_tensor(self.weight.base().transpose());
        let id = weight.id;
        let head = MatrixLinear { weight, bias: None };
        if let Some(blocks) = self.weight.reparameterization::<FewBits>() {
            return beside::attach(head, [(id, blocks.turned(Orientation::Columns))].into());
        }
        match self.weight.reparameterization::<SharedFloats>() {
            Some(shared) => beside::attach(head, [(id, shared.alone())].into()),
            None => head,
        }
    }

    /// What a head that is the embedding gives for states, `[.., D]` to `[.., V]`.
    pub fn logits<const D: usize>(&self, states: Tensor<D>) -> Tensor<D> {
        // [.., D] x [D, V] -> [.., V]
        by_kernel(&states, &self.weight).unwrap_or_else(|| product(states, self.weight.val().transpose()))
    }
}

impl WideLinear {
    /// `[.., I]` to `[.., O]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        mapped(x, &self.weight, self.bias.as_ref())
    }
}

impl From<nn::Linear> for WideLinear {
    fn from(nn::Linear { weight, bias }: nn::Linear) -> Self {
        Self { weight, bias }
    }
}

impl From<nn::Embedding> for MatrixEmbedding {
    fn from(nn::Embedding { weight }: nn::Embedding) -> Self {
        Self { weight }
    }
}

impl MatrixConv1d {
    /// `[B, T, I]` to `[B, T, O]`, where Burn's own takes and gives the channels first.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [output, input, _] = self.weight.lazy_shape().dims();
        let y = by_kernel(&x, &self.weight).unwrap_or_else(|| {
            // [O, I, 1] -> [I, O]
            product(x, self.weight.val().reshape([output, input]).transpose())
        });
        match &self.bias {
            Some(bias) => add_bias(y, bias.val()),
            None => y,
        }
    }
}

impl From<nn::conv::Conv1d> for MatrixConv1d {
    fn from(conv: nn::conv::Conv1d) -> Self {
        Self { weight: conv.weight, bias: conv.bias }
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;
    use burn::nn::conv::Conv1dConfig;
    use burn::nn::{EmbeddingConfig, LinearConfig};
    use burn::tensor::{DType, Distribution, FloatDType};

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        x.try_into_vec_as::<f32>().unwrap()
    }

    fn worst(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn in_f32_they_are_burns_own_and_in_16_bits_near_them() {
        let device = Device::flex();
        device.seed(5);
        let x = Tensor::<3>::random([2, 7, 24], Distribution::Default, &device);
        let burns = LinearConfig::new(24, 10).init(&device);
        let mut ours = MatrixLinear::from(burns.clone());
        let expected = values(burns.forward(x.clone()));
        assert!(worst(&values(ours.forward(x.clone())), &expected) < 1e-6);
        for (dtype, bound) in [(FloatDType::F16, 3e-3), (FloatDType::BF16, 3e-2)] {
            ours.weight = Param::from_tensor(burns.weight.val().cast(dtype));
            let found = ours.forward(x.clone());
            assert_eq!(found.dtype(), DType::F32);
            let found = worst(&values(found), &expected);
            assert!(found > 0.0 && found < bound, "{dtype:?}: {found}");
        }

        let burns = Conv1dConfig::new(24, 5, 1).init(&device);
        let mut ours = MatrixConv1d::from(burns.clone());
        let expected = values(burns.forward(x.clone().swap_dims(1, 2)).swap_dims(1, 2));
        assert!(worst(&values(ours.forward(x.clone())), &expected) < 1e-5);
        ours.weight = Param::from_tensor(burns.weight.val().cast(FloatDType::F16));
        assert!(worst(&values(ours.forward(x)), &expected) < 3e-3);

        let burns = EmbeddingConfig::new(9, 4).init(&device);
        let mut ours = MatrixEmbedding::from(burns.clone());
        let ids = Tensor::<2, Int>::from_data([[0, 8, 3]], &device);
        let expected = values(burns.forward(ids.clone()));
        assert_eq!(values(ours.forward(ids.clone())), expected);
        ours.weight = Param::from_tensor(burns.weight.val().cast(FloatDType::BF16));
        assert!(worst(&values(ours.forward(ids)), &expected) < 3e-2);
    }
}
