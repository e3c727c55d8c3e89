//! An adapter, read whole, and how it is merged.
//!
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::prelude::*;
use burn::tensor::{DType, FloatDType};

use super::config::LoraConfig;
use super::error::{LoraError, LoraProblem};
use super::fit;
use super::pair::{Matrix, Pair};
use crate::checkpoint::tensors::TensorReader;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, Checkpoint, WeightFiles};
use crate::nn::weights::{change_linears, linears};

/// What PEFT puts before the path of a map.
const PREFIX: &str = "base_model.model.";

/// A LoRA adapter.
#[derive(Debug)]
pub struct Lora {
    config: LoraConfig,
    /// The file of the tensors.
    path: PathBuf,
    /// By the path of the map, as the model's files name it.
    pairs: BTreeMap<String, Pair>,
}

impl Lora {
    /// Reads the adapter of a checkpoint, beside which a model may lie.
    ///
    /// # Errors
    ///
    /// [`LoraError`] naming the file, the fields of other kinds of adapters, and the tensors that are no pairs of the rank
    /// that the config says.
    pub fn load(checkpoint: &Checkpoint) -> Result<Self, LoraError> {
        let config: LoraConfig = checkpoint.json_checked(ADAPTER_CONFIG_FILE, LoraConfig::problems)?;
        Self::read(config, &checkpoint.adapter_weights()?, |name| Some(name.to_owned()))
    }

    /// Reads those of the tensors of `files` to which `peft_name` gives the name that they have in a file of PEFT.
    pub(super) fn read(
        config: LoraConfig,
        files: &WeightFiles,
        peft_name: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, LoraError> {
        let mut reader = TensorReader::new(files);
        let mut problems = Vec::new();
        let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
        for (name, peft_name) in files.names().filter_map(|name| Some((name, peft_name(name)?))) {
            let is_matrix = files.entry(name).is_some_and(|entry| entry.is_float() && entry.shape.len() == 2);
            let half = place(&peft_name).filter(|_| is_matrix);
            let Some((path, half)) = half else {
                problems.push(LoraProblem::Unread(name.clone()));
                continue;
            };
            let values = reader.read(name)?.convert_dtype(DType::F32);
            let matrix = Matrix { name: name.clone(), values };
            match half {
                Half::A => a.insert(path, matrix),
                Half::B => b.insert(path, matrix),
            };
        }
        let other = |matrix: &Matrix, from: &str, to: &str| LoraProblem::Half(matrix.name.replace(from, to));
        problems.extend(
            b.iter().filter(|(path, _)| !a.contains_key(*path)).map(|(_, b)| other(b, "lora_B", "lora_A")),
        );
        let mut pairs = BTreeMap::new();
        for (path, a) in a {
            match b.remove(&path) {
                Some(b) => drop(pairs.insert(path, Pair { a, b })),
                None => problems.push(other(&a, "lora_A", "lora_B")),
            }
        }
        let lora = Self { config, path: files.path().to_owned(), pairs };
        problems.extend(fit::rank_problems(&lora.config, &lora.pairs));
        if problems.is_empty() { Ok(lora) } else { Err(lora.misfit(problems)) }
    }

    /// The paths of the maps that it has matrices for, as the files of its model name them.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.pairs.keys().map(String::as_str)
    }

    /// `model` with the adapter's matrices added to its own. `prefix` is what the adapter's names have before the paths of
    /// the model's linear maps.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] with all that does not fit.
    pub fn merge<M: Module>(&self, model: M, prefix: &str) -> Result<M, LoraError> {
        let maps: BTreeMap<String, [usize; 2]> =
            linears(&model).into_iter().map(|(path, shape)| (format!("{prefix}{path}"), shape)).collect();
        let problems = fit::problems(&self.config, &self.pairs, &maps);
        if !problems.is_empty() {
            return Err(self.misfit(problems));
        }
        let scale = self.config.scale();
        Ok(change_linears(model, |path| {
            let Pair { a, b } = self.pairs.get(&format!("{prefix}{path}"))?.clone();
            Some(Box::new(move |matrix| added(matrix, a, b, scale)))
        }))
    }

    fn misfit(&self, problems: Vec<LoraProblem>) -> LoraError {
        let base = self.config.base_model_name_or_path.clone();
        LoraError::Misfit { path: self.path.clone(), base, problems }
    }
}

/// `matrix` `[I, O]` and `scale` times the product of the thin ones, in the type of `matrix`.
fn added(matrix: Tensor<2>, a: Matrix, b: Matrix, scale: f64) -> Tensor<2> {
    let device = matrix.device();
    let thin = |thin: Matrix| Tensor::<2>::from_data(thin.values, (&device, DType::F32)).transpose();
    // [I, R] x [R, O] -> [I, O]
    let product = thin(a).matmul(thin(b)) * scale;
    match matrix.dtype() {
        DType::F16 => (matrix.cast(FloatDType::F32) + product).cast(FloatDType::F16),
        DType::BF16 => (matrix.cast(FloatDType::F32) + product).cast(FloatDType::BF16),
        _ => matrix + product,
    }
}

/// Which of the two.
enum Half {
    A,
    B,
}

/// The path of the map that a tensor is for, and which matrix it is: `<path>.lora_A.weight`, in files that were not
/// written by PEFT itself `<path>.lora_A.default.weight`.
fn place(name: &str) -> Option<(String, Half)> {
    let rest = name.strip_prefix(PREFIX)?.strip_suffix(".weight")?;
    let rest = rest.strip_suffix(".default").unwrap_or(rest);
    let of = |half: Half, suffix: &str| rest.strip_suffix(suffix).map(|path| (path.to_owned(), half));
    of(Half::A, ".lora_A").or_else(|| of(Half::B, ".lora_B"))
}
