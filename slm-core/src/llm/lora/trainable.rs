//! Thin matrices in training: beside the maps of a model that stays as it is, and written as PEFT writes them.
//!
//! Reference: PEFT 0.21.2, `LoraLayer.reset_lora_parameters`, `Linear.forward`.
//! Shapes: `I` inputs and `O` outputs of a linear map, `R` the rank.

use std::path::Path;

use burn::nn::{Initializer, Linear, LinearConfig};
use burn::prelude::*;
use serde_json::json;

use super::adapter::map_name;
use super::config::LoraConfig;
use super::error::{LoraError, LoraProblem};
use super::fit;
use super::names::TensorKind;
use super::shape::LoraShape;
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, Checkpoint};
use crate::nn::low_rank::LowRank;
use crate::nn::weights::{self, Placement, StorageType, attach, linears};

/// The thin matrices of a model's maps, as parameters of their own. They are beside the model for one pass
/// ([`LanguageModel::with_trainable_lora`](crate::llm::LanguageModel::with_trainable_lora)), so that a step which changes
/// them leaves the model alone.
#[derive(Module, Debug)]
pub struct TrainableLora {
    /// One for each map.
    pairs: Vec<ThinPair>,
    #[module(skip)]
    maps: Vec<Map>,
    #[module(skip)]
    shape: LoraShape,
}

/// The thin matrices of a map.
#[derive(Module, Debug)]
struct ThinPair {
    /// `[I, R]`.
    a: Linear,
    /// `[R, O]`, without its scale.
    b: Linear,
}

/// A linear map of the model.
#[derive(Debug, Clone)]
struct Map {
    /// In the module.
    path: String,
    /// In files.
    name: String,
}

impl TrainableLora {
    /// Fresh matrices for `model` on `device`: `A` as PEFT draws it, `B` zero, so that the model says what it said. `name`
    /// gives the name that files have for the tensor at a path of the model.
    ///
    /// # Errors
    ///
    /// The first of `target_modules` that no linear map is named by.
    pub(in crate::llm) fn new<M: Module>(
        model: &M,
        shape: &LoraShape,
        name: impl Fn(&str) -> String,
        device: &Device,
    ) -> Result<Self, LoraProblem> {
        let named = linears(model).into_iter().map(|(path, sizes)| (map_name(&name, &path), path, sizes));
        let mut named: Vec<_> = named.collect();
        // As a reader of the file has them.
        named.sort();
        for target in &shape.target_modules {
            if !named.iter().any(|(name, ..)| fit::is_named(name, target)) {
                return Err(LoraProblem::Target(target.clone()));
            }
        }
        named.retain(|(name, ..)| shape.target_modules.iter().any(|target| fit::is_named(name, target)));
        let (mut pairs, mut maps) = (Vec::new(), Vec::new());
        for (name, path, [inputs, outputs]) in named {
            pairs.push(ThinPair::new(inputs, outputs, shape.rank, device));
            maps.push(Map { path, name });
        }
        Ok(Self { pairs, maps, shape: shape.clone() })
    }

    /// Their sizes, and what they are for.
    pub fn shape(&self) -> &LoraShape {
        &self.shape
    }

    /// `model` with the matrices beside its own, through which gradients flow to them and to nothing else.
    pub(in crate::llm) fn beside<M: Module>(&self, model: M) -> M {
        let scale = self.shape.scale();
        let thin = self.maps.iter().zip(&self.pairs).map(|(map, ThinPair { a, b })| {
            let (down, up) = (a.weight.val(), b.weight.val() * scale);
            (map.path.clone(), LowRank::in_training(down, up, self.shape.dropout))
        });
        attach(model, thin.collect())
    }

    /// Writes `adapter_config.json` and `adapter_model.safetensors`, as PEFT has them; `base` says what model they are for.
    ///
    /// # Errors
    ///
    /// [`LoraError`] naming the file.
    pub fn save(&self, dir: &Path, base: &str) -> Result<(), LoraError> {
        let LoraShape { rank, alpha, target_modules, dropout } = &self.shape;
        let config = json!({
            "base_model_name_or_path": base,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "lora_alpha": alpha,
            "lora_dropout": dropout,
            "peft_type": "LORA",
            "r": rank,
            "target_modules": target_modules,
            "task_type": null,
            "use_rslora": false,
        });
        json::write(&dir.join(ADAPTER_CONFIG_FILE), &config)?;
        let path = dir.join(ADAPTER_WEIGHTS_FILE);
        Ok(weights::save(self, &path, |path| self.tensor_name(path), StorageType::F32)?)
    }

    /// The same with the matrices of a folder, which must be of this shape; on a device with autodiff they are trainable.
    ///
    /// # Errors
    ///
    /// [`LoraError`] naming the file, and matrices that are missing, unexpected, or of another rank or scale.
    pub fn load(self, checkpoint: &Checkpoint, device: &Device) -> Result<Self, LoraError> {
        let config: LoraConfig = checkpoint.json_checked(ADAPTER_CONFIG_FILE, LoraConfig::problems)?;
        let other = |map: &Map| {
            let (rank, scale) = (config.rank(&map.name).0, config.scale(&map.name));
            let is_other = rank != self.shape.rank || (scale - self.shape.scale()).abs() > 1e-9;
            is_other.then(|| {
                let (expected, wanted) = (self.shape.rank, self.shape.scale());
                format!("`{}` has rank {rank} and scale {scale}, not {expected} and {wanted}", map.name)
            })
        };
        let problems: Vec<String> = self.maps.iter().find_map(other).into_iter().collect();
        if !problems.is_empty() {
            return Err(JsonError::Invalid { path: checkpoint.path_of(ADAPTER_CONFIG_FILE), problems }.into());
        }
        let files = checkpoint.adapter_weights()?;
        let names = self.clone();
        Ok(weights::load(self, &files, &Placement::new(device), |path| names.tensor_name(path), |_| false)?)
    }

    /// The name in a file of the tensor at `path`: `pairs.{i}.{a,b}.weight`.
    fn tensor_name(&self, path: &str) -> String {
        let name = |path: &str| {
            let (number, matrix) = path.strip_prefix("pairs.")?.strip_suffix(".weight")?.split_once('.')?;
            let map = self.maps.get(number.parse::<usize>().ok()?)?;
            let kind = if matrix == "a" { TensorKind::A } else { TensorKind::B };
            Some(kind.name(&map.name))
        };
        name(path).unwrap_or_else(|| path.to_owned())
    }
}

impl ThinPair {
    fn new(inputs: usize, outputs: usize, rank: usize, device: &Device) -> Self {
        // The initialisation of `Linear` is that of PyTorch, which PEFT has for `A`.
        let a = LinearConfig::new(inputs, rank).with_bias(false).init(device);
        let b = LinearConfig::new(rank, outputs).with_bias(false).with_initializer(Initializer::Zeros);
        // Drawn here, and not in whatever step is the first to read it.
        let _ = a.weight.val();
        Self { a, b: b.init(device) }
    }
}
