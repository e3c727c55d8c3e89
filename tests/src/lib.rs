//! What the integration tests share: fixture folders, tensors of safetensors files, comparisons, imports of sources.

pub mod alignment;
pub mod imports;
pub mod recogniser;
pub mod wav;
pub mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use safetensors::{Dtype, SafeTensors};
use slm_core::Backend;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::PaddedBatch;
use slm_core::models::text::chat::ChatPrompt;
use slm_core::models::{encoder, llm};

/// The folder of the committed fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The sub-folders of a folder, by name.
///
/// # Panics
///
/// If it cannot be read.
#[allow(clippy::panic, reason = "a broken fixture must fail the test")]
pub fn sub_folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// The model in a folder, which must be there.
///
/// # Panics
///
/// If it is not.
#[allow(clippy::panic, reason = "a broken fixture must fail the test")]
pub fn checkpoint(dir: &Path) -> Checkpoint {
    Checkpoint::open(dir).unwrap_or_else(|error| panic!("{error}"))
}

/// What a folder of `parity/` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A speech encoder.
    Encoder,
    /// A language model.
    LanguageModel,
}

impl Kind {
    /// That of a model whose family this library knows.
    ///
    /// # Panics
    ///
    /// If it knows none.
    #[allow(clippy::panic, reason = "a folder of no known family must fail the test")]
    pub fn of(checkpoint: &Checkpoint) -> Self {
        let family = checkpoint.model_type().unwrap_or_else(|error| panic!("{error}")).unwrap_or_default();
        if encoder::family_of(&family).is_some() {
            Self::Encoder
        } else if llm::family_of(&family).is_some() {
            Self::LanguageModel
        } else {
            panic!("{}: unknown model type `{family}`", checkpoint.place().display());
        }
    }
}

/// A tensor of a fixture, on the host.
#[derive(Debug, Clone)]
pub struct HostTensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values; integers are exact up to 2^24.
    pub values: Vec<f32>,
}

impl HostTensor {
    /// The values as ids.
    pub fn ids(&self) -> Vec<u32> {
        self.values.iter().map(|v| *v as u32).collect()
    }

    /// Row `row` of a matrix as ids.
    pub fn id_row(&self, row: usize) -> Vec<u32> {
        let width = self.shape[1];
        self.ids()[row * width..(row + 1) * width].to_vec()
    }

    /// The tensor on `device`.
    pub fn to_device<const D: usize>(&self, device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(self.values.clone(), self.shape.clone()), device)
    }

    /// The number of ones in each row of a mask `[B, T]`.
    pub fn row_lengths(&self) -> Vec<usize> {
        self.values.chunks(self.shape[1]).map(|row| row.iter().filter(|v| **v > 0.5).count()).collect()
    }

    /// Where the ones of each row of a mask `[B, T]` begin.
    pub fn row_starts(&self) -> Vec<usize> {
        let rows = self.values.chunks(self.shape[1]);
        rows.map(|row| row.iter().position(|v| *v > 0.5).unwrap_or(row.len())).collect()
    }

    /// `[B, D, T]` as `[B, T, D]`.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let [rows, width, time] = self.shape[..] else { return self.clone() };
        let at = |index: usize| {
            let (row, rest) = (index / (time * width), index % (time * width));
            self.values[row * time * width + rest % width * time + rest / width]
        };
        Self { shape: vec![rows, time, width], values: (0..self.values.len()).map(at).collect() }
    }

    /// `[B, T, D]` with each row turned so that the position that `starts` has for it is its first.
    #[must_use]
    pub fn turned(&self, starts: &[usize]) -> Self {
        let [rows, time, width] = self.shape[..] else { return self.clone() };
        let mut values = self.values.clone();
        for (row, start) in values.chunks_mut(self.values.len() / rows.max(1)).zip(starts) {
            row.rotate_left((start % time.max(1)) * width);
        }
        Self { shape: self.shape.clone(), values }
    }
}

/// Reads every tensor of a safetensors file.
///
/// # Panics
///
/// If the file cannot be read: the fixtures are part of the tests.
#[allow(clippy::expect_used, clippy::panic, reason = "a broken fixture must fail the test")]
pub fn read_tensors(path: &Path) -> BTreeMap<String, HostTensor> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            let values = match view.dtype() {
                Dtype::F32 => view
                    .data()
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
                Dtype::I64 => view
                    .data()
                    .chunks_exact(8)
                    .map(|b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32)
                    .collect(),
                other => panic!("{}: `{name}` is {other:?}", path.display()),
            };
            (name, HostTensor { shape: view.shape().to_vec(), values })
        })
        .collect()
}

/// All values of a module's float tensors, in the order of its parts.
pub fn float_values(module: &impl Module) -> Vec<f32> {
    struct Values(Vec<f32>);

    impl ModuleVisitor for Values {
        #[allow(clippy::unwrap_used, reason = "support of tests")]
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().try_into_vec_as::<f32>().unwrap());
        }
    }

    let mut values = Values(Vec::new());
    module.visit(&mut values);
    values.0
}

/// The ids of a conversation with the placeholder as often as the speech of each place has embeddings: what a model has
/// read, as ids. Places that `lengths` says nothing of stay.
pub fn expanded(prompt: &ChatPrompt, lengths: &[usize]) -> Vec<u32> {
    // The first part ends where the placeholder stands.
    let before = prompt.parts().first().map_or(0, |part| part.len());
    let place = prompt.ids().get(before).copied();
    let mut lengths = lengths.iter().copied();
    let mut count = |id: u32| if Some(id) == place { lengths.next().unwrap_or(1) } else { 1 };
    prompt.ids().iter().flat_map(|&id| std::iter::repeat_n(id, count(id))).collect()
}

/// The largest difference over rows of the last axis that `keep` holds, relative to the reference's RMS.
///
/// # Panics
///
/// If the lengths differ.
pub fn relative_error(found: &[f32], expected: &HostTensor, keep: impl Fn(usize, usize) -> bool) -> f64 {
    assert_eq!(found.len(), expected.values.len(), "lengths differ");
    let [_, time, width] = expected.shape[..] else { return f64::INFINITY };
    let (mut worst, mut square, mut count) = (0.0_f64, 0.0_f64, 0_usize);
    for (index, (a, b)) in found.iter().zip(&expected.values).enumerate() {
        let position = index / width;
        if keep(position / time, position % time) {
            worst = worst.max((f64::from(*a) - f64::from(*b)).abs());
            square += f64::from(*b) * f64::from(*b);
            count += 1;
        }
    }
    worst / (square / count.max(1) as f64).sqrt()
}

/// The backend that the environment variable `SLM_BACKEND` names, `flex` without it.
///
/// # Panics
///
/// Hidden states and logits of all positions of what a decoder-only model reads; `None` for an encoder-decoder.
pub fn all_positions(model: &LanguageModel, inputs: &PaddedBatch) -> Option<(Tensor<3>, Tensor<3>)> {
    match model {
        LanguageModel::Causal(model) => {
            let states = model.states(inputs).values();
            Some((states.clone(), model.logits(states)))
        }
        LanguageModel::GemmaText(model) => {
            let states = model.states(inputs).values();
            Some((states.clone(), model.logits(states)))
        }
        LanguageModel::T5(_) | LanguageModel::T5Gemma(_) => None,
    }
}

/// When it names none.
#[allow(clippy::unwrap_used, reason = "support of tests")]
pub fn backend() -> Backend {
    let name = std::env::var("SLM_BACKEND").unwrap_or_else(|_| "flex".into());
    Backend::from_name(&name).unwrap()
}
