//! What models spend their time on, on `flex`: `cargo bench -p slm-tests --bench matrices`.
//!
//! Products of few and many rows with matrices as a model holds them, in each type, and work on single values beside the operations of Burn
//! that it stands for. Shapes: `R` rows, `I` inputs, `O` outputs.

#![allow(missing_docs, clippy::panic, reason = "made by macros, and ended by what it cannot measure")]

use std::error::Error;
use std::hint::black_box;

use burn::module::Module;
use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::{Distribution, activation};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::nn::ActivationKind;
use slm_core::models::nn::matrix::MatrixLinear;
use slm_core::models::nn::weights::{ComputeType, Placement, StorageType, load, save};

/// Inputs and outputs: a feed-forward layer of a w2v-BERT or a Parakeet.
const SHAPE: [usize; 2] = [1024, 4096];
/// A token, four beams, the most that the kernel of few rows takes, a prompt, and 10 s of audio.
const ROWS: [usize; 5] = [1, 4, 8, 64, 499];
/// States and width of the activations of such an encoder.
const STATES: [usize; 2] = [499, 4096];

#[derive(Module, Debug)]
struct Layer {
    map: MatrixLinear,
}

impl Layer {
    fn random(device: &Device) -> Self {
        let [inputs, outputs] = SHAPE;
        Self { map: LinearConfig::new(inputs, outputs).with_bias(false).init(device).into() }
    }
}

/// The same matrix in `compute`, by way of a file, as models come by theirs.
fn loaded(compute: ComputeType, device: &Device) -> Result<Layer, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    save(&Layer::random(device), &folder.path().join("model.safetensors"), str::to_owned, StorageType::F32)?;
    let files = Checkpoint::open(folder.path())?.weights()?;
    let placement = Placement::new(device).with_compute(compute);
    Ok(load(Layer::random(device), &files, &placement, str::to_owned, |_| false)?)
}

fn products(criterion: &mut Criterion) {
    let device = Device::flex();
    let [inputs, outputs] = SHAPE;
    for compute in
        [ComputeType::F32, ComputeType::F16, ComputeType::Q8_0, ComputeType::Q4_0, ComputeType::Q4K]
    {
        let mut group = criterion.benchmark_group(format!("product/{}", compute.name()));
        let layer = loaded(compute, &device).unwrap_or_else(|error| panic!("{error}"));
        for rows in ROWS {
            let x = Tensor::<2>::random([rows, inputs], Distribution::Default, &device);
            // Multiplications, so that 1 Gelem/s is 2 GFLOP/s.
            group.throughput(Throughput::Elements((rows * inputs * outputs) as u64));
            group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
                bencher.iter(|| black_box(layer.map.forward(x.clone())).into_data());
            });
        }
        group.finish();
    }
}

fn values(criterion: &mut Criterion) {
    let device = Device::flex();
    let x = Tensor::<2>::random(STATES, Distribution::Default, &device);
    let mut group = criterion.benchmark_group("values");
    group.throughput(Throughput::Elements(STATES.iter().product::<usize>() as u64));
    let burn = |kind: ActivationKind, x: Tensor<2>| match kind {
        ActivationKind::Silu => activation::silu(x),
        ActivationKind::Gelu => activation::gelu(x),
        ActivationKind::GeluTanh => activation::gelu_approximate(x),
        ActivationKind::Relu => activation::relu(x),
    };
    for kind in [ActivationKind::Silu, ActivationKind::Gelu, ActivationKind::GeluTanh, ActivationKind::Relu] {
        // Each on values that nothing else holds, as in a model.
        let fresh = || x.clone().add_scalar(0.0);
        group.bench_function(format!("{kind:?}"), |bencher| {
            bencher.iter_batched(fresh, |x| kind.apply(x), criterion::BatchSize::LargeInput);
        });
        group.bench_function(format!("{kind:?} of Burn"), |bencher| {
            bencher.iter_batched(fresh, |x| burn(kind, x), criterion::BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, products, values);
criterion_main!(benches);
