//! An adapter, read whole, and how a model is given it.
//!
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::prelude::*;
use burn::tensor::DType;

use super::config::LoraConfig;
use super::error::{LoraError, LoraProblem};
use super::fit;
use super::names::{Place, TensorKind};
use super::pair::{Matrix, Pair};
use crate::checkpoint::tensors::TensorReader;
use crate::checkpoint::{ADAPTER_CONFIG_FILE, Checkpoint, WeightFiles};
use crate::nn::low_rank::LowRank;
use crate::nn::weights::{attach, has_blocks, linears, matrix, merge};

/// Where a model has the matrices of an adapter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attachment {
    /// Beside its own, which it shares with the model without the adapter and with other adapters.
    #[default]
    Apart,
    /// Added to its own: it takes the time that the model alone takes, and a copy of each matrix that is changed. Beside a model
    /// in few bits they stay apart, as the sum is in none.
    Merged,
}

/// A LoRA adapter.
#[derive(Debug)]
pub struct Lora {
    config: LoraConfig,
    /// The file of the tensors.
    path: PathBuf,
    /// By the path of the map, as the model's files name it.
    pairs: BTreeMap<String, Pair>,
    /// What the maps themselves were, for some of them.
    bases: BTreeMap<String, Matrix>,
}

impl Lora {
    /// Reads the adapter of a checkpoint, beside which a model may lie; where that was saved with the adapter in it, out of
    /// the model's own files.
    ///
    /// # Errors
    ///
    /// [`LoraError`] naming the file, the fields of other kinds of adapters, and the tensors that are no pairs of the rank
    /// that the config says.
    pub fn load(checkpoint: &Checkpoint) -> Result<Self, LoraError> {
        let config: LoraConfig = checkpoint.json_checked(ADAPTER_CONFIG_FILE, LoraConfig::problems)?;
        let (files, is_alone) = match checkpoint.adapter_weights() {
            Ok(files) => (files, true),
            Err(missing) => match checkpoint.weights() {
                Ok(files) if files.names().any(|name| super::is_part(name)) => (files, false),
                _ => return Err(missing.into()),
            },
        };
        Self::read(config, &files, |name| (is_alone || super::is_part(name)).then(|| name.to_owned()))
    }

    /// Reads those of the tensors of `files` to which `peft_name` gives the name that they have in a file of PEFT.
    pub(super) fn read(
        config: LoraConfig,
        files: &WeightFiles,
        peft_name: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, LoraError> {
        let mut reader = TensorReader::new(files);
        let mut problems = Vec::new();
        let (mut a, mut b, mut bases) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, peft_name) in files.names().filter_map(|name| Some((name, peft_name(name)?))) {
            let is_matrix = files.entry(name).is_some_and(|entry| entry.is_float() && entry.shape.len() == 2);
            let Some(Place { map, kind }) = Place::of(&peft_name).filter(|_| is_matrix) else {
                problems.push(LoraProblem::Unread(name.clone()));
                continue;
            };
            let values = reader.read(name)?.convert_dtype(DType::F32);
            let matrix = Matrix { name: name.clone(), values };
            match kind {
                TensorKind::A => a.insert(map, matrix),
                TensorKind::B => b.insert(map, matrix),
                TensorKind::Base => bases.insert(map, matrix),
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
        let lora = Self { config, path: files.path().to_owned(), pairs, bases };
        problems.extend(fit::rank_problems(&lora.config, &lora.pairs));
        if problems.is_empty() { Ok(lora) } else { Err(lora.misfit(problems)) }
    }

    /// The paths of the maps that it has matrices for, as the files of its model name them.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.pairs.keys().map(String::as_str)
    }

    /// `model` with the adapter, whose matrices are constants for autodiff. `name` gives the name that files have for the tensor at a
    /// path of the model, and `is_other` tells the maps of parts that the model does without.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] with all that does not fit.
    pub(in crate::llm) fn attach<M: Module>(
        &self,
        model: M,
        attachment: Attachment,
        name: impl Fn(&str) -> String,
        is_other: impl Fn(&str) -> bool,
    ) -> Result<M, LoraError> {
        let linears = linears(&model);
        let paths: BTreeMap<String, &String> =
            linears.keys().map(|path| (map_name(&name, path), path)).collect();
        let maps = paths.iter().map(|(map, path)| (map.clone(), linears[*path])).collect();
        let pairs: BTreeMap<&String, &Pair> =
            self.pairs.iter().filter(|(map, _)| !is_other(&format!("{map}.weight"))).collect();
        let mut problems = fit::problems(&self.config, &pairs, &maps);
        // Few bits are too far from what the adapter was made beside.
        if problems.is_empty() && !has_blocks(&model) {
            let found = |map: &String| matrix(&model, paths.get(map)?);
            problems = fit::base_problems(&self.bases, found);
        }
        if !problems.is_empty() {
            return Err(self.misfit(problems));
        }
        let device = model.devices().into_iter().next().unwrap_or_default().without_autodiff();
        let thin = |matrix: &Matrix| {
            Tensor::<2>::from_data(matrix.values.clone(), (&device, DType::F32)).transpose()
        };
        let low_rank =
            |map: &str, pair: &Pair| LowRank::new(thin(&pair.a), thin(&pair.b) * self.config.scale(map));
        let low_ranks = pairs
            .into_iter()
            .filter_map(|(map, pair)| Some(((*paths.get(map)?).clone(), low_rank(map, pair))));
        let low_ranks = low_ranks.collect();
        let model = attach(model, low_ranks);
        Ok(match attachment {
            Attachment::Apart => model,
            Attachment::Merged => merge(model),
        }
        .freeze())
    }

    /// The model that it was made for, as its config names it.
    pub fn base(&self) -> Option<&str> {
        self.config.base_model_name_or_path.as_deref()
    }

    fn misfit(&self, problems: Vec<LoraProblem>) -> LoraError {
        let base = self.config.base_model_name_or_path.clone();
        LoraError::Misfit { path: self.path.clone(), base, problems }
    }
}

/// The path of a map as files name it; `name` is for the tensors at it.
pub(super) fn map_name(name: &impl Fn(&str) -> String, path: &str) -> String {
    let tensor = name(&format!("{path}.weight"));
    tensor.strip_suffix(".weight").map(str::to_owned).unwrap_or(tensor)
}
