//! What a model on disk is, from its small files and the headers of its weights, without reading a tensor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::backend::Backend;
use super::capabilities::Capabilities;
use super::contents::{Contents, ModelKind, Part};
use super::error::Error;
use super::memory::MemoryEstimate;
use crate::checkpoint::card::ModelCard;
use crate::checkpoint::gguf::BlockType;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, Layout};
use crate::llm::Lora;
use crate::nn::weights::{ComputeType, Placement, Reading, StoragePlan, ValueRange};
use crate::text::TextTokenizer;

/// What a model on disk is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelDescription {
    /// Where it lies.
    pub place: PathBuf,
    /// What it is.
    pub kind: ModelKind,
    /// A bundle's name.
    pub name: Option<String>,
    /// What a bundle says of itself.
    pub description: Option<String>,
    /// The program that wrote a bundle.
    pub writer: Option<String>,
    /// The keys of the tasks that it can do; none for a model that is only a part of others.
    pub tasks: Vec<String>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The models in it: encoder, language model and adapter of a bundle, or the only one.
    pub parts: Vec<PartDescription>,
    /// Bytes of work on a segment.
    working: u64,
}

/// One model of a [`ModelDescription`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PartDescription {
    /// `encoder`, `llm`, `adapter` or `recogniser`.
    pub name: &'static str,
    /// The folder or archive.
    pub place: PathBuf,
    /// The family, as `config.json` names it; of an archive of NeMo, the class.
    pub model_type: Option<String>,
    /// The classes that `config.json` names.
    pub architectures: Vec<String>,
    /// Tensors, parameters and types of the weights.
    pub weights: WeightSummary,
    /// What its card states.
    pub card: ModelCard,
    /// Ids of its tokenizer, where it has one.
    pub tokens: Option<usize>,
    /// The model that a LoRA adapter was made for.
    pub base: Option<String>,
    /// Files that the model needs beside the weights and the folder lacks.
    pub missing: Vec<&'static str>,
    /// The form that is there, where a bundle accepts several or names it.
    pub form: Option<String>,
}

/// What the headers of weight files say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeightSummary {
    /// Tensors.
    pub tensors: usize,
    /// Values in all of them.
    pub parameters: u64,
    /// Tensors of each type, by the format's name for it.
    pub dtypes: BTreeMap<String, usize>,
    /// Parameters of each part, by its name.
    pub parts: BTreeMap<&'static str, u64>,
    /// Files that hold them.
    pub files: usize,
    /// Bytes of those files.
    pub bytes: u64,
    /// What each type of few bits takes in memory, where the modules could be laid out.
    in_few_bits: Vec<(ComputeType, u64)>,
}

/// The part of a model that a tensor belongs to, by its name in the file.
fn part_of(name: &str) -> &'static str {
    let has = |part: &str| name.split('.').any(|component| component == part);
    if ["lm_head", "ctc_head", "decoder_layers", "proj_out", "log_softmax"].iter().any(|part| has(part)) {
        "head"
    } else if has("projector") {
        "adapter"
    } else if ["shared", "embed_tokens", "token_embedding"].iter().any(|part| has(part)) {
        "embedding"
    } else if ["decoder", "transf_decoder", "encoder_decoder_proj"].iter().any(|part| has(part))
        || has("language_model") && !has("encoder")
    {
        "decoder"
    } else if has("vision_tower") || has("multi_modal_projector") {
        "images"
    } else if has("preprocessor") {
        "features"
    } else {
        "encoder"
    }
}

impl WeightSummary {
    /// Reads the headers of a checkpoint's weights.
    fn read(part: Part, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let (files, plan) = (part.weights(checkpoint)?, plan(part, checkpoint));
        let types = ComputeType::ALL.into_iter().filter(|compute| needs_plan(*compute));
        let in_few_bits =
            plan.map(|plan| types.map(|compute| (compute, plan.bytes(part.compute(compute)))).collect());
        let mut dtypes = BTreeMap::new();
        for dtype in files.dtypes() {
            *dtypes.entry(dtype.to_owned()).or_insert(0) += 1;
        }
        let mut parts = BTreeMap::new();
        for (name, values) in files.sizes() {
            *parts.entry(part_of(name)).or_insert(0) += values;
        }
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Self {
            parts,
            bytes: files.files().iter().map(size).sum(),
            tensors: files.names().count(),
            parameters: files.parameters(),
            dtypes,
            files: files.files().len(),
            in_few_bits: in_few_bits.unwrap_or_default(),
        })
    }

    /// Bytes that the parameters take in memory, on every backend, with large matrices in `compute`. In floats the little that
    /// is in f32 always is counted like the rest.
    pub fn memory(&self, compute: ComputeType) -> u64 {
        let planned = self.in_few_bits.iter().find(|(known, _)| *known == compute);
        planned.map_or_else(|| compute.bytes(self.parameters), |(_, bytes)| *bytes)
    }

    /// Whether some of the tensors are in few bits.
    pub fn has_few_bits(&self) -> bool {
        has_few_bits(self.dtypes.keys().map(String::as_str))
    }
}

impl PartDescription {
    fn read(part: Part, checkpoint: &Checkpoint, form: Option<String>) -> Result<Self, Error> {
        #[derive(Default, Deserialize)]
        struct Config {
            #[serde(default)]
            architectures: Option<Vec<String>>,
        }
        let archive = checkpoint.nemo()?;
        let (model_type, architectures) = if let Some(archive) = &archive {
            let class = archive.settings()?.target.unwrap_or_default();
            let class = class.rsplit('.').next().unwrap_or_default().to_owned();
            (Some("parakeet_ctc (NeMo)".to_owned()), vec![class])
        } else if part == Part::Lora {
            (None, Vec::new())
        } else {
            let config: Config = checkpoint.json(CONFIG_FILE)?;
            (checkpoint.model_type()?, config.architectures.unwrap_or_default())
        };
        let absent = |names: &[&'static str]| checkpoint.first_of(names).is_none();
        let is_folder = checkpoint.layout() == Layout::HuggingFace;
        let missing = part.needs().iter().filter(|(_, names)| is_folder && absent(names));
        Ok(Self {
            name: part.name(),
            place: checkpoint.place().to_owned(),
            model_type,
            architectures: architectures.into_iter().filter(|class| !class.is_empty()).collect(),
            weights: WeightSummary::read(part, checkpoint)?,
            card: checkpoint.card(),
            tokens: TextTokenizer::find(checkpoint)?.map(|tokenizer| tokenizer.len()),
            base: if part == Part::Lora { Lora::load(checkpoint)?.base().map(str::to_owned) } else { None },
            missing: missing.map(|(name, _)| *name).collect(),
            form,
        })
    }
}

impl ModelDescription {
    /// Says what lies at `place`.
    pub(super) fn read(place: &Path) -> Result<Self, Error> {
        let contents = Contents::open(place, &|| true)?;
        let parts = contents.parts()?;
        let manifest = match &contents {
            Contents::Bundle(bundle) => Some(bundle.manifest()),
            _ => None,
        };
        Ok(Self {
            place: place.to_owned(),
            kind: contents.kind(),
            name: manifest.map(|manifest| manifest.name.clone()),
            description: manifest.map(|manifest| manifest.description.clone()),
            writer: manifest.map(|manifest| manifest.writer.clone()),
            tasks: contents.tasks(),
            capabilities: contents.capabilities()?,
            parts: parts
                .iter()
                .zip(contents.forms())
                .map(|((part, checkpoint), form)| PartDescription::read(*part, checkpoint, form))
                .collect::<Result<_, _>>()?,
            working: working(&parts)?,
        })
    }

    /// What the model will take in memory, with large matrices in `compute`.
    pub fn memory_estimate(&self, compute: ComputeType) -> MemoryEstimate {
        let weights = self.parts.iter().map(|part| part.weights.memory(compute)).sum();
        MemoryEstimate { weights, working: self.working }
    }

    /// What the model takes in memory by its config alone, with large matrices in `compute`: its weights need not be there.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the config that cannot be read.
    pub fn memory_by_config(
        &self,
        placement: impl Into<Placement>,
        compute: ComputeType,
    ) -> Result<MemoryEstimate, Error> {
        let placement = placement.into().with_reading(Reading::Nothing);
        let mut weights = 0;
        for (part, checkpoint) in Contents::open(&self.place, &|| true)?.parts()? {
            let plan = StoragePlan::default();
            let parameters = part.parameters(&checkpoint, &placement.clone().with_plan(&plan))?;
            weights += if needs_plan(compute) {
                plan.bytes(part.compute(compute))
            } else {
                compute.bytes(parameters)
            };
        }
        Ok(MemoryEstimate { weights, working: self.working })
    }

    /// Loads everything, and checks that all values are finite and that the parts fit; of an encoder or a language model
    /// alone the range of its values.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the file, the tensors, or the fields that do not fit.
    pub fn verify(&self, placement: impl Into<Placement>) -> Result<Option<ValueRange>, Error> {
        Contents::open(&self.place, &|| true)?.verify(placement.into())
    }
}

/// What a model will take in memory, with large matrices in `compute`.
pub(super) fn estimate(contents: &Contents, compute: ComputeType) -> Result<MemoryEstimate, Error> {
    let parts = contents.parts()?;
    let mut weights = 0;
    for (part, checkpoint) in &parts {
        let (files, compute) = (part.weights(checkpoint)?, part.compute(compute));
        let is_plain = compute == ComputeType::Mixed && !has_few_bits(files.dtypes());
        let plan = if needs_plan(compute) && !is_plain { plan(*part, checkpoint) } else { None };
        weights += plan.map_or_else(|| compute.bytes(files.parameters()), |plan| plan.bytes(compute));
    }
    Ok(MemoryEstimate { weights, working: working(&parts)? })
}

/// Whether one of the types of tensors is one of few bits.
fn has_few_bits<'a>(mut dtypes: impl Iterator<Item = &'a str>) -> bool {
    dtypes.any(|name| BlockType::named(name).is_some_and(BlockType::is_few_bits))
}

/// Whether what a type takes depends on what each tensor is: embeddings and heads have 8 bits where others have 4.
fn needs_plan(compute: ComputeType) -> bool {
    compute.block_type().is_some() || compute == ComputeType::Mixed
}

/// The tensors of a part; `None` where it cannot be laid out, which is told by whoever loads it.
fn plan(part: Part, checkpoint: &Checkpoint) -> Option<StoragePlan> {
    let plan = StoragePlan::default();
    let placement = Placement::new(&Backend::first().ok()?).with_reading(Reading::Shapes).with_plan(&plan);
    (part != Part::Lora && part.parameters(checkpoint, &placement).is_ok()).then_some(plan)
}

/// Bytes of work on a segment, for the parts one after the other.
fn working(parts: &[(Part, Checkpoint)]) -> Result<u64, Error> {
    let mut most = 0;
    for (part, checkpoint) in parts {
        most = most.max(part.working(checkpoint)?);
    }
    Ok(most)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::prelude::*;

    fn fixture(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/parity")).join(name)
    }

    #[test]
    fn folders_are_told_apart() {
        let described = ModelDescription::read(&fixture("w2v_bert")).unwrap();
        assert_eq!(described.kind, ModelKind::SpeechEncoder);
        let [encoder] = described.parts.as_slice() else { panic!("{described:?}") };
        assert_eq!(encoder.model_type.as_deref(), Some("wav2vec2-bert"));
        assert_eq!((encoder.weights.tensors, encoder.weights.files), (69, 1));
        assert_eq!(encoder.architectures, ["Wav2Vec2BertModel"]);
        assert_eq!(encoder.weights.parts.keys().collect::<Vec<_>>(), [&"encoder"]);
        let estimate = described.memory_estimate(ComputeType::F16);
        assert_eq!(estimate.weights, 2 * encoder.weights.parameters);
        assert!(estimate.working > 0);
        assert_eq!(encoder.weights.dtypes, BTreeMap::from([("F32".to_owned(), 69)]));
        assert_eq!(encoder.missing, ["preprocessor_config.json"]);
        let described = ModelDescription::read(&fixture("umt5")).unwrap();
        assert_eq!(described.kind, ModelKind::LanguageModel);
        let [llm] = described.parts.as_slice() else { panic!("{described:?}") };
        assert_eq!((llm.model_type.as_deref(), llm.weights.tensors), (Some("umt5"), 54));
        let parts = &llm.weights.parts;
        assert_eq!(parts.values().sum::<u64>(), llm.weights.parameters);
        assert!(["embedding", "encoder", "decoder"].iter().all(|part| parts[part] > 0), "{parts:?}");
        assert_eq!(llm.missing, ["tokenizer.json"]);
        assert!(described.verify(&Device::flex()).unwrap_err().to_string().contains("tokenizer.json"));
    }

    #[test]
    fn unknown_families_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = ModelDescription::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
        std::fs::write(dir.path().join("config.json"), r#"{"model_type": "hubert"}"#).unwrap();
        let error = ModelDescription::read(dir.path()).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)));
        let error = error.to_string();
        assert!(error.contains("`model_type` is `hubert`, known are parakeet_ctc"), "{error}");
    }
}
